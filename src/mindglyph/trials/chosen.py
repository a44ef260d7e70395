"""Some trials of an array, read from disk only when they are asked for."""

from __future__ import annotations

from typing import Any

import numpy as np


class ChosenTrials:
    """Looks like the array of the chosen trials, and holds none of them.

    It has a shape and a type, can be cut and indexed along the trials, and `numpy.asarray`
    reads it whole. A memory-mapped recording larger than the memory is so divided into
    folds without a copy.

    Parameters
    ----------
    array : ndarray, shape (n_trials, ...)
        Possibly memory-mapped.
    places : ndarray of int, shape (n_chosen,)
        Which trials.
    """

    def __init__(self, array: np.ndarray, places: np.ndarray) -> None:
        self._array = array
        self._places = places

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of trials, and the shape of one."""
        return len(self._places), *self._array.shape[1:]

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return self._array.ndim

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the numbers."""
        return self._array.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of the chosen trials."""
        return int(np.prod(self.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self._places)

    def __getitem__(self, key: Any) -> np.ndarray:
        """Read trials: a place, a slice, places or a mask, and what NumPy takes for further axes."""
        first, rest = (key[0], key[1:]) if isinstance(key, tuple) else (key, ())
        trials = self._array[self._places[first]]
        return trials[rest] if np.ndim(self._places[first]) == 0 else trials[(slice(None), *rest)]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """Read all of them."""
        return np.asarray(self._array[self._places], dtype=dtype)


def chosen_rows(array: Any, places: np.ndarray) -> Any:
    """Return the rows of an array or of `ChosenTrials` at `places`, without a copy.

    Neighbours in an array are a view of NumPy's own; others are `ChosenTrials`.

    Parameters
    ----------
    array : ndarray or ChosenTrials, shape (n_trials, …)
        What is chosen from.
    places : ndarray of int, shape (n_chosen,)
        Of the rows.

    Returns
    -------
    ndarray or ChosenTrials, shape (n_chosen, …)
        Reads the array itself.
    """
    if isinstance(array, ChosenTrials):
        return chosen_rows(array._array, array._places[places])
    if len(places) and (np.diff(places) == 1).all():
        return array[places[0] : places[-1] + 1]
    return ChosenTrials(array, places)
