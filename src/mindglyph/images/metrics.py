"""How like two pictures are."""

from __future__ import annotations

import numpy as np


def similarities(drawn: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return the pixel correlation of every drawn picture with every shown one.

    Parameters
    ----------
    drawn : ndarray, shape (n_drawn, 28, 28)
        Any scale; a picture without contrast correlates with none.
    shown : ndarray, shape (n_shown, 28, 28)
        Any scale.

    Returns
    -------
    ndarray, shape (n_drawn, n_shown)
        Pearson correlations, float32.
    """
    return _standardised(drawn) @ _standardised(shown).T


def _standardised(pictures: np.ndarray) -> np.ndarray:
    flat = np.asarray(pictures, dtype=np.float32).reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.where(length > 1e-6, length, np.inf)
