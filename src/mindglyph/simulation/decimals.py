"""Puts very many numbers into decimals: each distinct one once, the rest by looking up."""

from __future__ import annotations

import numpy as np


class Decimals:
    """Texts of the whole multiples of a step.

    Parameters
    ----------
    step : float
        What one step is worth in the file.
    places : int
        Decimal places; 0 writes whole numbers.
    """

    def __init__(self, step: float, places: int) -> None:
        self._step, self._places = step, places
        self._low = 0
        self._texts = self._of(0, 1)

    def joined(self, steps: np.ndarray) -> bytes:
        """Return steps (n_values,), whole numbers, as decimals with a comma between two.

        Parameters
        ----------
        steps : ndarray of int, shape (n_values,)
            Values in steps of the resolution.

        Returns
        -------
        bytes
            ASCII.
        """
        if not steps.size:
            return b""
        self._reach(int(steps.min()), int(steps.max()) + 1)
        # Texts of one width, filled up with zero bytes, are one array; without these bytes they are the row.
        return self._texts.take(steps - self._low).tobytes().translate(None, b"\0")[:-1]

    def _reach(self, low: int, high: int) -> None:
        if low < self._low:
            self._texts = np.concatenate([self._of(low, self._low), self._texts])
            self._low = low
        known = self._low + len(self._texts)
        if high > known:
            self._texts = np.concatenate([self._texts, self._of(known, high)])

    def _of(self, low: int, high: int) -> np.ndarray:
        return np.array([f"{step * self._step:.{self._places}f},".encode() for step in range(low, high)])
