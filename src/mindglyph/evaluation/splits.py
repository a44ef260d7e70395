"""Splits of a recording into folds that keep time honest, as scikit-learn cross-validators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.model_selection import BaseCrossValidator

from mindglyph.errors import UserError

FEWEST_TEST_TRIALS = 10


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
    ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the places of training and test trials of each fold.

        Parameters
        ----------
        X : array-like, length n_trials
            In the order of recording.
        y : ndarray, shape (n_trials,), optional
            Labels; where given, every fold must be able to learn each of them.
        groups : ignored

        Raises
        ------
        UserError
            If there are too few trials.
        """
        n_trials = len(X)
        if n_trials < self.n_splits * FEWEST_TEST_TRIALS:
            raise UserError(
                f"{n_trials} trials are too few for {self.n_splits} folds of at least {FEWEST_TEST_TRIALS}: "
                "take fewer with --folds, or a longer recording"
            )
        for test in np.array_split(np.arange(n_trials), self.n_splits):
            before, after = max(0, test[0] - self.gap), test[-1] + 1 + self.gap
            train = np.concatenate([np.arange(before), np.arange(after, n_trials)])
            self._check_labels(train, y)
            yield train, test

    def _check_labels(self, train: np.ndarray, y: np.ndarray | None) -> None:
        if y is None:
            return
        labels, counts = np.unique(y[train], return_counts=True)
        missing = np.setdiff1d(y, labels)
        if len(missing):
            raise UserError(
                f"a fold has no trial of {missing[0]} to learn from: take other --folds or a longer recording"
            )
        if counts.min() < 2:
            raise UserError(f"a fold has one trial of {labels[counts.argmin()]} to learn from: take a longer recording")
