import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score

from mindglyph.errors import UserError
from mindglyph.evaluation import BlockedSplit


@given(st.integers(20, 300), st.integers(2, 6), st.integers(0, 15))
def test_folds_are_stretches_with_a_gap_that_cover_the_recording(n_trials: int, n_splits: int, gap: int) -> None:
    if n_trials < 10 * n_splits:
        return
    tested = []
    for train, test in BlockedSplit(n_splits, gap).split(np.empty(n_trials)):
        np.testing.assert_array_equal(test, np.arange(test[0], test[-1] + 1))
        distances = np.abs(train[:, None] - test[None, [0, -1]]).min(axis=1)
        assert len(train) == 0 or distances.min() > gap
        outside = n_trials - len(test)
        assert outside - 2 * gap <= len(train) <= outside
        tested.append(test)
    np.testing.assert_array_equal(np.concatenate(tested), np.arange(n_trials))


def test_too_few_trials_are_said() -> None:
    with pytest.raises(UserError, match="40 trials are too few for 5 folds"):
        list(BlockedSplit(5).split(np.empty(40)))


def test_a_label_that_a_fold_cannot_learn_is_said() -> None:
    labels = np.repeat([0, 1], 50)
    with pytest.raises(UserError, match="a fold has no trial of 0 to learn from"):
        list(BlockedSplit(2).split(labels, labels))
    labels = np.zeros(100)
    labels[[5, 95]] = 1
    with pytest.raises(UserError, match="a fold has one trial of 1"):
        list(BlockedSplit(2).split(labels, labels))


def test_scikit_learn_takes_it_as_its_own() -> None:
    labels = np.tile([0, 1, 1], 40)
    scores = cross_val_score(DummyClassifier(), np.zeros((120, 1)), labels, cv=BlockedSplit(4))
    np.testing.assert_allclose(scores, 2 / 3)
