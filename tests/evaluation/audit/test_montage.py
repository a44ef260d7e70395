from collections.abc import Callable

import numpy as np
import pytest

from mindglyph.headsets import HEADSETS
from mindglyph.store import Store
from mindglyph.trials import Trials
from tests.evaluation.audit.looking import look, said, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]

EPOC = HEADSETS["EP"].channels


@pytest.fixture(scope="module")
def epoc(world: Callable[..., Store]) -> Trials:
    return world(format="ep", events=150, ceiling=0.6, seed=5).trials()


def _store(store_of: StoreOf, trials: Trials, signals: np.ndarray, names: list[str]) -> Store:
    return store_of(signals, trials.labels, ch_names=names, sfreq=128.0, device="Emotiv EPOC")


def test_channels_of_a_headset_are_in_order(epoc: Trials, store_of: StoreOf) -> None:
    found = look(_store(store_of, epoc, np.asarray(epoc.signals), list(EPOC)))
    assert said(found, "order of the channels").level == "ok"
    assert said(found, "channels and their places").level == "ok"
    assert not found.fails


def test_signals_under_the_wrong_names_are_noticed_blind(epoc: Trials, store_of: StoreOf) -> None:
    order = np.random.default_rng(0).permutation(14)
    found = look(_store(store_of, epoc, np.asarray(epoc.signals)[:, order], list(EPOC)))
    assert said(found, "order of the channels").level == "ok", "the names are as they should be"
    finding = said(found, "channels and their places")
    assert finding.level == "warn"
    assert finding.mend == "Compare some values of each channel with the recording.", "arrays were not imported"


def test_a_likeness_that_falls_a_little_with_distance_is_not_denied(epoc: Trials, store_of: StoreOf) -> None:
    order = np.r_[np.random.default_rng(8).permutation(8), 8:14]
    found = look(_store(store_of, epoc, np.asarray(epoc.signals)[:, order], list(EPOC)), {})
    finding = said(found, "channels and their places")
    assert finding.figure.startswith("likeness and distance correlate by -0.2")
    assert "are not clearly more alike than others" in finding.why


def test_names_in_another_order_are_warned_of(epoc: Trials, store_of: StoreOf) -> None:
    names = sorted(EPOC)
    places = [EPOC.index(name) for name in names]
    found = look(_store(store_of, epoc, np.asarray(epoc.signals)[:, places], names))
    assert said(found, "order of the channels").level == "warn"
    assert said(found, "channels and their places").level == "ok", "the signals are under their names"


def test_a_name_that_the_headset_lacks_is_warned_of(epoc: Trials, store_of: StoreOf) -> None:
    found = look(_store(store_of, epoc, np.asarray(epoc.signals), [*EPOC[:-1], "Cz"]))
    assert said(found, "order of the channels").figure == "CZ"


def test_a_later_muse_has_names_of_its_own(store_of: StoreOf, clean: Clean) -> None:
    for names in (["TP9", "FP1", "FP2", "TP10"], ["TP9", "AF7", "AF8", "TP10"]):
        store = store_of(clean(n_channels=4), shuffled_labels(300), ch_names=names, device="Interaxon Muse")
        assert said(look(store), "order of the channels").level == "ok"


def test_dead_and_copied_channels_are_warned_of(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[:, 2] = 7
    signals[:, 4] = signals[:, 0] * 2 + 5
    found = look(store_of(signals, shuffled_labels(300)))
    assert said(found, "dead channels").figure == "AF8"
    assert said(found, "channels that are one").figure == "TP9 and PZ"
    assert {said(found, about).level for about in ("dead channels", "channels that are one")} == {"warn"}
    whole = look(store_of(clean(), shuffled_labels(300)))
    assert {said(whole, about).level for about in ("dead channels", "channels that are one")} == {"ok"}


@pytest.mark.parametrize(("times", "mend"), [(1e-6, "look like volts: give arrays times 1e6"), (1e3, "in microvolts")])
def test_values_in_another_unit_are_warned_of(times: float, mend: str, store_of: StoreOf, clean: Clean) -> None:
    odd = said(look(store_of(times * clean(), shuffled_labels(300))), "unit")
    assert odd.level == "warn"
    assert mend in odd.mend
