from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mindglyph.store import Store
from mindglyph.trials import Trials
from tests.evaluation.audit.looking import look, said, shuffled_folds, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]

ABOUT = "one moment as several trials"


@pytest.fixture(scope="module")
def epoc(world: Callable[..., Store]) -> Trials:
    return world(format="ep", events=150, ceiling=0.6, seed=5).trials()


@pytest.mark.parametrize("shuffled", [False, True])
def test_channels_as_trials_are_known_by_their_course(epoc: Trials, store_of: StoreOf, shuffled: bool) -> None:
    rows = np.asarray(epoc.signals).reshape(-1, 1, 256)[: 14 * 60]
    labels = np.repeat(epoc.labels[:60], 14)
    order = np.random.default_rng(0).permutation(len(rows)) if shuffled else np.arange(len(rows))
    finding = said(look(store_of(rows[order], labels[order], sfreq=128.0, ch_names=["AF3"])), ABOUT)
    assert finding.level == "fail"
    assert "have the course of another" in finding.figure
    assert "Channels" in finding.why


def test_channels_as_trials_are_known_by_their_event(store_of: StoreOf, clean: Clean) -> None:
    store = store_of(
        clean(n_channels=1), np.repeat(shuffled_labels(75), 4), metadata=pd.DataFrame({"event": np.arange(300) // 4})
    )
    found = look(store, {"random": shuffled_folds(300)})
    assert said(found, ABOUT).figure == "300 of 300 trials carry the event number of another"
    crossing = said(found, "events across the split")
    assert (crossing.level, crossing.split) == ("fail", "random")


def test_channels_as_trials_are_known_by_their_column(store_of: StoreOf, clean: Clean) -> None:
    table = pd.DataFrame({"channel": np.tile(["O1", "O2"], 150)})
    assert said(look(store_of(clean(n_channels=1), shuffled_labels(300), metadata=table)), ABOUT).level == "fail"


def test_noisy_copies_made_before_the_split_are_recognised(store_of: StoreOf, clean: Clean) -> None:
    once = clean(150)
    again = once + 4 * np.random.default_rng(1).normal(size=once.shape)
    order = np.random.default_rng(2).permutation(300)
    found = look(store_of(np.concatenate([once, again])[order], np.tile(shuffled_labels(150), 2)[order]))
    assert said(found, ABOUT).level == "fail"


def test_trials_of_a_strong_response_are_moments_of_their_own(world: Callable[..., Store], signal: Store) -> None:
    for store in (signal, world(format="ep", events=400, ceiling=0.1, confound="drift", seed=4)):
        finding = said(look(store), ABOUT)
        assert finding.level == "ok"
        assert "independently" in finding.why


def test_trials_too_short_to_tell_are_not_accused(store_of: StoreOf, clean: Clean) -> None:
    found = look(store_of(clean(n_channels=1, n_times=60), shuffled_labels(300)))
    assert said(found, ABOUT).figure.startswith("too few or too short")


def test_files_that_count_from_nought_have_events_of_their_own(store_of: StoreOf, clean: Clean) -> None:
    table = pd.DataFrame({"event": np.tile(np.arange(100), 3), "file": np.repeat(["a", "b", "c"], 100)})
    found = look(store_of(clean(), shuffled_labels(300), metadata=table))
    assert said(found, ABOUT).level == "ok"
    assert said(found, "events across the split").level == "ok"
