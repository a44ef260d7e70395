from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mindglyph.evaluation import BlockedSplit
from mindglyph.store import Store
from tests.evaluation.audit.looking import look, said, shuffled_folds, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def test_copies_across_labels_and_across_the_split_fail(store_of: StoreOf, clean: Clean) -> None:
    signals, labels = clean(), shuffled_labels(300)
    # At another level and gain, so that no bit is the same.
    signals[250] = 1.5 * signals[10] + 40
    labels[250] = (labels[10] + 1) % 5
    found = look(store_of(signals, labels))
    assert said(found, "copies of trials").level == "warn"
    assert said(found, "copies of trials").figure == "1 of 300 trials"
    assert said(found, "copies with another label").level == "fail"
    crossing = said(found, "copies across the split")
    assert (crossing.level, crossing.split) == ("fail", "blocked")
    assert crossing.figure == "2 tested trials (0.7%) have a copy in training (blocked)"


def test_copies_on_one_side_with_one_label_only_count_twice(store_of: StoreOf, clean: Clean) -> None:
    signals, labels = clean(), shuffled_labels(300)
    signals[11], labels[11] = signals[10], labels[10]
    found = look(store_of(signals, labels))
    assert said(found, "copies of trials").level == "warn"
    assert not found.fails
    assert said(look(store_of(clean(), labels)), "copies of trials").level == "ok"


def test_copies_appended_to_balance_labels_are_sent_inside_the_training_fold(store_of: StoreOf, clean: Clean) -> None:
    labels = np.random.default_rng(0).permutation(np.repeat([0, 1], [180, 120]))
    again = np.r_[np.arange(300), np.random.default_rng(0).choice(np.flatnonzero(labels == 1), 60)]
    found = look(store_of(clean()[again], labels[again]), {"random": shuffled_folds(360)})
    for about in ("copies of trials", "copies across the split"):
        assert "inside the training fold, by oversampling" in said(found, about).mend
    order = np.random.default_rng(1).permutation(360)
    amid = look(store_of(clean()[again][order], labels[again][order]))
    assert "oversampling" not in said(amid, "copies of trials").mend


def test_a_copy_that_shows_no_digit_crosses_no_split(store_of: StoreOf, clean: Clean) -> None:
    signals, labels = clean(), shuffled_labels(300)
    signals[250], labels[250] = signals[10], -1
    found = look(store_of(signals, labels))
    assert found.fails == ["copies with another label"]


def _windows(clean: Clean, step: int) -> np.ndarray:
    recording = clean(1, 3, 300 * 200)[0]
    return np.stack([recording[:, start : start + 200] for start in range(0, 300 * step, step)])


def test_windows_that_overlap_are_found_by_their_samples(store_of: StoreOf, clean: Clean) -> None:
    windows = _windows(clean, 120)
    windows -= np.median(windows, axis=-1, keepdims=True)
    store = store_of(windows, shuffled_labels(300))
    apart = said(look(store), "overlapping trials")
    assert apart.level == "warn"
    assert apart.figure == "299 of 299 neighbours hold the same samples"
    labels = store.trials().labels
    for name, folds in {
        "random": shuffled_folds(300),
        "blocked": list(BlockedSplit(5, gap=0).split(labels)),
    }.items():
        found = look(store, {name: folds})
        crossing = [finding for finding in found.findings if finding.about == "overlap across the split"]
        assert [finding.split for finding in crossing] == ["random"] * (name == "random")
        assert all(finding.level == "fail" for finding in crossing)


def test_windows_side_by_side_do_not_overlap(store_of: StoreOf, clean: Clean) -> None:
    found = look(store_of(_windows(clean, 200), shuffled_labels(300)))
    assert said(found, "overlapping trials").level == "ok"


@pytest.mark.parametrize(("interval", "level"), [(0.6, "warn"), (1.2, "ok")])
def test_overlap_is_told_by_the_clock(store_of: StoreOf, clean: Clean, interval: float, level: str) -> None:
    table = pd.DataFrame({"onset_s": np.arange(300) * interval})
    finding = said(look(store_of(clean(), shuffled_labels(300), metadata=table)), "overlapping trials")
    assert finding.level == level
    assert ("299 begin before" in finding.figure) == (level == "warn")
