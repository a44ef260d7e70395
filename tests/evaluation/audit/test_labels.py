from collections.abc import Callable

import numpy as np

from mindglyph.evaluation import evaluated_trials
from mindglyph.store import Store
from tests.evaluation.audit.looking import look, said, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def test_unequal_and_rare_labels_are_warned_of(store_of: StoreOf, clean: Clean) -> None:
    rng = np.random.default_rng(0)
    unequal = look(store_of(clean(), np.where(rng.random(300) < 0.85, "frequent", "rare")))
    finding = said(unequal, "unequal labels")
    assert finding.level == "warn"
    assert "always naming frequent is right in 8" in finding.figure
    rare = np.concatenate([shuffled_labels(290), np.full(10, 7)])
    assert "10 trials of 7" in said(look(store_of(clean(), rng.permutation(rare))), "unequal labels").why
    assert said(look(store_of(clean(), shuffled_labels(300))), "unequal labels").level == "ok"


def test_trials_without_a_digit_that_look_different_are_warned_of(store_of: StoreOf, clean: Clean) -> None:
    signals, labels = clean(), shuffled_labels(300, 6) - 1
    alike = said(look(store_of(signals, labels)), "trials of rest")
    assert alike.level == "ok"
    assert alike.figure.startswith("50 (17%); told from digits")
    signals[labels == -1] *= 1.3
    different = said(look(store_of(signals, labels)), "trials of rest")
    assert different.level == "warn"
    assert "a score that counts -1 in is not about digits" in different.why
    assert "right in 17%" in different.mend


def test_few_and_no_trials_without_a_digit_are_in_order(store_of: StoreOf, clean: Clean) -> None:
    labels = shuffled_labels(300)
    assert said(look(store_of(clean(), labels)), "trials of rest").figure == "none"
    labels[:5] = -1
    assert said(look(store_of(clean(), labels)), "trials of rest").figure == "5 (2%)"


def test_trials_without_a_picture_are_left_out_among_words_too(store_of: StoreOf, clean: Clean) -> None:
    store = store_of(clean(), np.array(["-1", "face", "house"])[shuffled_labels(300, 3)])
    assert said(look(store), "trials of rest").figure.startswith("100 (33%)")
    assert set(evaluated_trials(store).labels) == {"face", "house"}
