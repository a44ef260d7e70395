"""How confident a decoder must be to be right more often than by guessing, by trials held out of its training.

Chow (1970), on when not to answer, https://doi.org/10.1109/TIT.1970.1054406.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binom

NEVER = 2.0
"""A confidence that no trial reaches."""

_SIGNIFICANT = 0.05
_STEPS = 20
_FEWEST = 20


def least_confidence(probabilities: np.ndarray, codes: np.ndarray) -> float | None:
    """Return the confidence below which the decoder cannot be told from guessing.

    Trials are taken in the order of rising confidence, and ever more of them: the longest row
    from the least confident on that is right no more often than by guessing lies below it.

    Parameters
    ----------
    probabilities : ndarray, shape (n_trials, n_classes)
        Of trials that were not learned from.
    codes : ndarray, shape (n_trials,)
        Places of their labels among the classes.

    Returns
    -------
    float or None
        Probability of the likeliest label; `NEVER` where not even all trials together are more
        often right than guessing; None with fewer than 20 trials, which tell nothing.
    """
    if len(codes) < _FEWEST:
        return None
    guessing = np.bincount(codes).max() / len(codes)
    confidence = probabilities.max(axis=1)
    order = np.argsort(confidence, kind="stable")
    right = np.cumsum((probabilities.argmax(axis=1) == codes)[order])
    counts = np.unique(np.linspace(0, len(codes), _STEPS + 1).round().astype(int))[1:]
    guessed = binom.sf(right[counts - 1] - 1, counts, guessing) > _SIGNIFICANT
    if not guessed.any():
        return 0.0
    longest = int(counts[np.flatnonzero(guessed)[-1]])
    return NEVER if longest == len(codes) else float(confidence[order[longest]])
