import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.model_selection import cross_val_score

from mindglyph.errors import UserError
from mindglyph.evaluation import BlockedSplit, EvaluationSettings, GroupSplit, RandomSplit, plan
from mindglyph.evaluation.splits import groups_of
from mindglyph.settings import checked
from mindglyph.trials import Trials


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


def _trials(**columns: object) -> Trials:
    return Trials.from_arrays(
        np.zeros((120, 2, 4)),
        np.tile([0, 1, 2], 40),
        128,
        ["O1", "O2"],
        metadata=pd.DataFrame(columns, index=range(120)),
    )


def test_sessions_stand_on_one_side_only() -> None:
    session = np.repeat([3, 1, 2, 5], 30)
    trials = _trials(session=session)
    folds = plan("session", trials, 5, 10, 0)
    # No more folds than there are sessions.
    assert len(folds) == 4
    for train, test in folds:
        assert not set(session[train]) & set(session[test])
    np.testing.assert_array_equal(np.sort(np.concatenate([test for _, test in folds])), np.arange(120))
    assert len(plan("session", trials, 2, 10, 0)) == 2


def test_a_session_belongs_to_its_subject() -> None:
    subject, session = np.repeat(["a", "b"], 60), np.tile(np.repeat([1, 2], 30), 2)
    metadata = _trials(subject=subject, session=session).metadata
    assert len(np.unique(groups_of("session", metadata))) == 4
    for train, test in plan("subject", _trials(subject=subject, session=session), 5, 10, 0):
        assert not set(subject[train]) & set(subject[test])


def test_runs_are_sessions_where_no_other_are_named() -> None:
    run = np.repeat([1, 2, 3], 40)
    for metadata in (_trials(run=run).metadata, _trials(run=run, session=np.ones(120)).metadata):
        np.testing.assert_array_equal(groups_of("session", metadata), run - 1)


def test_a_split_that_cannot_be_made_is_said() -> None:
    with pytest.raises(UserError, match="does not say which session a trial belongs to: take the split 'blocked'"):
        plan("session", _trials(), 5, 10, 0)
    with pytest.raises(UserError, match="does not say which subject"):
        plan("subject", _trials(session=np.repeat([1, 2], 60)), 5, 10, 0)
    with pytest.raises(UserError, match="all trials are of one subject"):
        plan("subject", _trials(subject=["one"] * 120), 5, 10, 0)
    with pytest.raises(UserError, match="a label has 4 trials, too few for 5 folds"):
        list(RandomSplit(5).split(np.empty(104), np.repeat([0, 1], [100, 4])))


def test_trials_without_a_session_are_no_session_of_their_own() -> None:
    session = np.array([None] * 60 + ["b"] * 60, dtype=object)
    with pytest.raises(UserError, match="60 of 120 trials have no session, .*: name it for each trial, or take"):
        plan("session", _trials(session=session), 5, 10, 0)


def test_a_label_of_one_session_only_cannot_be_tested_there() -> None:
    labels = np.repeat([0, 1], 60)
    with pytest.raises(UserError, match="a fold has no trial of [01] to learn from"):
        list(GroupSplit(2).split(labels, labels, labels))


def test_a_random_split_puts_neighbours_on_both_sides_and_says_by_which_seed() -> None:
    trials = _trials()
    first, again, other = (plan("random", trials, 4, 10, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first[0][1], again[0][1])
    assert not np.array_equal(first[0][1], other[0][1])
    train, test = first[0]
    assert np.mean(np.isin(test + 1, train)) > 0.5
    assert (np.diff(test) > 0).all()


def test_a_leaky_split_goes_beside_an_honest_one_only() -> None:
    settings = EvaluationSettings(splits=("random", "session", "blocked", "session"))
    assert settings.splits == ("session", "blocked", "random")
    assert settings.split == "session"
    with pytest.raises(UserError, match="a random split is shown only beside an honest one"):
        checked(EvaluationSettings, "evaluate", splits=["random"])
    with pytest.raises(UserError, match="evaluate: splits.0: must be 'blocked', 'session', 'subject' or"):
        checked(EvaluationSettings, "evaluate", splits=["shuffled"])
