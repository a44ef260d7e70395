"""Splits of a recording into folds, as scikit-learn cross-validators: three that are honest, and one that is not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from sklearn.model_selection import BaseCrossValidator, GroupKFold, StratifiedKFold

from mindglyph.errors import UserError
from mindglyph.trials import Trials

FEWEST_TEST_TRIALS = 10

SplitName = Literal["blocked", "session", "subject", "random"]
SPLITS: tuple[SplitName, ...] = get_args(SplitName)
"""Names of the splits."""

LEAKY: tuple[SplitName, ...] = ("random",)
"""Those that put neighbours in time on both sides, and are shown only beside one that does not."""

Fold = tuple[np.ndarray, np.ndarray]
"""Places of the training trials and of the tested ones, each in the order of recording."""


class BlockedSplit(BaseCrossValidator):  # type: ignore[misc]
    """Each fold tests one contiguous stretch; trials near it are left out of the training.

    Parameters
    ----------
    n_splits : int
        Number of folds.
    gap : int
        Trials left out on either side of the tested stretch, since neighbours in time share
        drift and state with it.

    References
    ----------
    Roberts et al. (2017), https://doi.org/10.1111/ecog.02881.
    """

    def __init__(self, n_splits: int = 5, gap: int = 10) -> None:
        self.n_splits = n_splits
        self.gap = gap

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803
        """Return the number of folds."""
        return self.n_splits

    def split(
        self,
        X: np.ndarray,  # noqa: N803
        y: np.ndarray | None = None,
        groups: Any = None,
    ) -> Iterator[Fold]:
        """Yield the places of training and test trials of each fold.

        Parameters
        ----------
        X : array-like, length n_trials
            In the order of recording.
        y : ndarray, shape (n_trials,), optional
            Labels; where given, every fold must be able to learn each of them.
        groups : object, optional
            Not looked at.

        Raises
        ------
        UserError
            If there are too few trials.
        """
        n_trials = len(X)
        _refuse_few(n_trials, self.n_splits)
        for test in np.array_split(np.arange(n_trials), self.n_splits):
            before, after = max(0, test[0] - self.gap), test[-1] + 1 + self.gap
            train = np.concatenate([np.arange(before), np.arange(after, n_trials)])
            _check_labels(train, y)
            yield train, test


class GroupSplit(BaseCrossValidator):  # type: ignore[misc]
    """Each fold tests whole groups, such as sessions, that nothing was learned from.

    Parameters
    ----------
    n_splits : int
        Number of folds; one a group where there are fewer groups.
    what : str
        What a group is called in an error.
    """

    def __init__(self, n_splits: int = 5, what: str = "group") -> None:
        self.n_splits = n_splits
        self.what = what

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803
        """Return the number of folds."""
        return min(self.n_splits, len(np.unique(groups)))

    def split(self, X: np.ndarray, y: np.ndarray | None, groups: np.ndarray) -> Iterator[Fold]:  # noqa: N803
        """Yield the places of training and test trials of each fold.

        Parameters
        ----------
        X : array-like, length n_trials
            In the order of recording.
        y : ndarray, shape (n_trials,) or None
            Labels; where given, every fold must be able to learn each of them.
        groups : ndarray, shape (n_trials,)
            Group of each trial.

        Raises
        ------
        UserError
            If there is one group only, or too few trials.
        """
        n_splits = self.get_n_splits(groups=groups)
        if n_splits < 2:
            raise UserError(f"all trials are of one {self.what}: take the split 'blocked'")
        _refuse_few(len(X), n_splits)
        for train, test in GroupKFold(n_splits).split(X, groups=groups):
            _check_labels(train, y)
            yield train, test


class RandomSplit(BaseCrossValidator):  # type: ignore[misc]
    """Trials are divided by lot, so that neighbours in time stand on both sides: a leak, for comparison.

    Parameters
    ----------
    n_splits : int
        Number of folds.
    seed : int
        Of the lot.
    """

    def __init__(self, n_splits: int = 5, seed: int = 0) -> None:
        self.n_splits = n_splits
        self.seed = seed

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:  # noqa: N803
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: np.ndarray, y: np.ndarray, groups: Any = None) -> Iterator[Fold]:  # noqa: N803
        """Yield the places of training and test trials of each fold, every label in each.

        Parameters
        ----------
        X : array-like, length n_trials
            Only its length counts.
        y : ndarray, shape (n_trials,)
            Labels.
        groups : object, optional
            Not looked at.

        Yields
        ------
        Fold
            Places of the training trials, and of those tested.

        Raises
        ------
        UserError
            If there are too few trials of a label.
        """
        _refuse_few(len(X), self.n_splits)
        counts = np.unique(y, return_counts=True)[1]
        if counts.min() < self.n_splits:
            raise UserError(f"a label has {counts.min()} trials, too few for {self.n_splits} folds: take fewer --folds")
        for train, test in StratifiedKFold(self.n_splits, shuffle=True, random_state=self.seed).split(X, y):
            _check_labels(train, y)
            yield train, test


def plan(name: SplitName, trials: Trials, folds: int, gap: int, seed: int) -> list[Fold]:
    """Divide trials into folds.

    Parameters
    ----------
    name : SplitName
        `blocked`: contiguous stretches with a gap; `session`, `subject`: whole ones, never
        learned from; `random`: by lot.
    trials : Trials
        In the order of recording.
    folds : int
        Number of folds at most.
    gap : int
        Trials left out beside a tested stretch; `blocked` only.
    seed : int
        Of the lot.

    Returns
    -------
    list of (train, test)
        Places of the trials of each fold.

    Raises
    ------
    UserError
        If the trials cannot be divided so.
    """
    if name == "blocked":
        return list(BlockedSplit(folds, gap).split(trials.labels, trials.labels))
    if name == "random":
        return list(RandomSplit(folds, seed).split(trials.labels, trials.labels))
    return list(GroupSplit(folds, name).split(trials.labels, trials.labels, groups_of(name, trials.metadata)))


def groups_of(name: Literal["session", "subject"], metadata: pd.DataFrame) -> np.ndarray:
    """Return the session or the subject of each trial as a number: (n_trials,).

    A session belongs to one subject. Where none is named, or one only, each run is one.

    Parameters
    ----------
    name : {"session", "subject"}
        What is asked for.
    metadata : DataFrame
        One row a trial.

    Returns
    -------
    ndarray of int, shape (n_trials,)
        From 0.

    Raises
    ------
    UserError
        If the recording does not say, or not of each trial.
    """
    if name == "subject":
        columns = ["subject"]
    else:
        columns = [column for column in ("subject", "session") if column in metadata]
        if not columns or metadata.groupby(columns, dropna=False).ngroups < 2:
            columns += ["run"]
    missing = [column for column in columns if column not in metadata]
    if missing:
        raise UserError(
            f"the recording does not say which {name} a trial belongs to: take the split 'blocked', or "
            f"give arrays a column '{name}' in their metadata"
        )
    for column in columns:
        nameless = int(metadata[column].isna().sum())
        if 0 < nameless < len(metadata):
            raise UserError(
                f"{nameless:,} of {len(metadata):,} trials have no {column}, and they need not be of one: name it for "
                "each trial, or take the split 'blocked'"
            )
    return metadata.groupby(columns, sort=False, dropna=False).ngroup().to_numpy(dtype=np.int64)


def _refuse_few(n_trials: int, n_splits: int) -> None:
    if n_trials < n_splits * FEWEST_TEST_TRIALS:
        raise UserError(
            f"{n_trials} trials are too few for {n_splits} folds of at least {FEWEST_TEST_TRIALS}: "
            "take fewer with --folds, or a longer recording"
        )


def _check_labels(train: np.ndarray, y: np.ndarray | None) -> None:
    if y is None:
        return
    labels, counts = np.unique(y[train], return_counts=True)
    missing = np.setdiff1d(y, labels)
    if len(missing):
        raise UserError(
            f"a fold has no trial of {missing[0]} to learn from: take other --folds or a longer recording "
            "('mindglyph audit' says whether labels follow time)"
        )
    if counts.min() < 2:
        raise UserError(f"a fold has one trial of {labels[counts.argmin()]} to learn from: take a longer recording")
