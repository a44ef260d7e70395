from typing import Any

import numpy as np
import pytest

from mindglyph.decoders import decoder_settings
from mindglyph.decoders.lda import LDA
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.decoders.stack import Stack
from mindglyph.errors import UserError

RATE = 32.0
MEMBERS = ({"decoder": "lda"}, {"decoder": "evoked", "settings": {"rate": 32.0, "latency": 0.0}})

DEAF = {"decoder": "lda", "settings": {"start": 0.0, "stop": 0.07}}
"""Looks where nothing is to be seen, and finds something in the noise that it learns from."""


def _recording(n_trials: int, size: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, n_trials)
    times = np.arange(40) / RATE
    wave = np.exp(-0.5 * ((times - 0.2 - 0.1 * labels[:, None, None]) / 0.05) ** 2)
    return (size * wave + rng.standard_normal((n_trials, 2, 40))).astype(np.float32), labels


def _stack(seed: int = 0, **values: Any) -> Stack:
    built = decoder_settings("default", {"members": MEMBERS, **values}).build(RATE, seed)
    assert isinstance(built, Stack)
    return built


def test_no_member_learns_from_the_trials_that_weigh_it(monkeypatch: pytest.MonkeyPatch) -> None:
    signals, labels = _recording(300)
    signals[:, 0, 0] = np.arange(300)
    learned: list[set[int]] = []
    scored: list[set[int]] = []
    fit_all, scores = LDA._fit_all, LDA._scores
    monkeypatch.setattr(
        LDA,
        "_fit_all",
        lambda self, X, codes: (learned.append(set(X[:, 0, 0].astype(int))), fit_all(self, X, codes))[1],
    )
    monkeypatch.setattr(
        LDA, "_scores", lambda self, X: (scored.append(set(X[:, 0, 0].astype(int))), scores(self, X))[1]
    )
    _stack(members=({"decoder": "lda"},), folds=4).fit(signals, labels)
    assert len(scored) == 4
    assert set.union(*scored) == set(range(300))
    for seen, weighed in zip(learned, scored, strict=False):
        apart = np.abs(np.subtract.outer(sorted(seen), sorted(weighed)))
        assert apart.min() > 10
    assert learned[-1] == set(range(300))


def test_it_weighs_on_no_more_stretches_than_it_needs() -> None:
    stack = _stack(folds=5, enough=100)
    assert [places[0] for _, places in stack._stretches(300)] == [240, 180]


def test_a_member_without_a_say_costs_nothing_later() -> None:
    signals, labels = _recording(300)
    stack = _stack(members=(DEAF, {"decoder": "lda"}), evenness=0.0).fit(signals, labels)
    assert list(stack.members_) == [1]
    later, later_labels = _recording(300, seed=1)
    alone = decoder_settings("lda").build(RATE).fit(signals, labels)
    assert np.mean(stack.predict(later) == later_labels) > np.mean(alone.predict(later) == later_labels) - 0.02


def test_it_is_about_as_good_as_the_better_member() -> None:
    signals, labels = _recording(300, size=0.6)
    later, later_labels = _recording(1000, size=0.6, seed=1)
    right = np.mean(_stack().fit(signals, labels).predict(later) == later_labels)
    alone = [
        np.mean(
            decoder_settings(member["decoder"], member.get("settings")).build(RATE).fit(signals, labels).predict(later)
            == later_labels
        )
        for member in MEMBERS
    ]
    assert right > max(alone) - 0.03
    assert right > 0.4


def test_it_comes_back_with_the_members_that_are_heard() -> None:
    signals, labels = _recording(200)
    stack = _stack(members=(DEAF, {"decoder": "lda"}), evenness=0.0).fit(signals, labels)
    back = _stack(members=(DEAF, {"decoder": "lda"}), evenness=0.0)
    back.restore(stack.arrays(), stack.classes_.tolist(), stack.shape_, stack.forests())
    np.testing.assert_array_equal(back.predict_proba(signals), stack.predict_proba(signals))


def test_every_fit_is_told_of() -> None:
    signals, labels = _recording(300)
    told: list[Progress] = []
    _stack(folds=2).fit(signals, labels, Monitor(told.append))
    assert [progress.epoch for progress in told] == [1, 2, 3, 4, 5, 6]
    assert {progress.max_epochs for progress in told} == {6}
    assert {(progress.part, progress.unit) for progress in told} == {("", "fit")}


def test_a_member_that_cannot_be_is_said_before_anything_is_learned() -> None:
    with pytest.raises(UserError, match="there is no decoder 'ldaa'"):
        _stack(members=({"decoder": "ldaa"},))
    with pytest.raises(UserError, match="settings of lda: ratte"):
        _stack(members=({"decoder": "lda", "settings": {"ratte": 1}},))


def test_balance_goes_on_to_the_members() -> None:
    stack = _stack(class_weight="balanced")
    stack.classes_, stack.shape_ = np.arange(3), (2, 40)
    assert stack._member(0).settings_.class_weight == "balanced"
