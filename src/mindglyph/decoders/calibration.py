"""Honest probabilities: one temperature for all scores, found on trials held out.

References
----------
Guo et al. (2017), "On calibration of modern neural networks",
https://doi.org/10.48550/arXiv.1706.04599.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax
from scipy.special import softmax as scipy_softmax

HIGHEST_TEMPERATURE = 1e3
"""At which every score is worth next to nothing, as it should be where nothing can be decoded."""


def softmax(scores: np.ndarray) -> np.ndarray:
    """Return probabilities of scores: (n_trials, n_classes), float64.

    Parameters
    ----------
    scores : ndarray, shape (n_trials, n_classes)
        Log-probabilities up to a constant of the trial.

    Returns
    -------
    ndarray, shape (n_trials, n_classes)
        Probabilities, float64.
    """
    return scipy_softmax(np.asarray(scores, dtype=np.float64), axis=1)


LOWEST_TEMPERATURE = 0.05
"""Below which no scores are sharpened."""


def best_temperature(
    scores: np.ndarray,
    codes: np.ndarray,
    lowest: float = LOWEST_TEMPERATURE,
    weights: np.ndarray | None = None,
) -> float:
    """Find the temperature under which the labels are most likely.

    Parameters
    ----------
    scores : ndarray, shape (n_trials, n_classes)
        Before the softmax, of trials that the scores were not fitted to.
    codes : ndarray, shape (n_trials,)
        Place of each trial's class.
    lowest : float
        Temperature that is not gone below.
    weights : ndarray, shape (n_trials,), optional
        How much each trial counts; None counts all the same.

    Returns
    -------
    float
        Between `lowest` and `HIGHEST_TEMPERATURE`; the latter where there are no trials to
        find it on, since scores that nothing vouches for are worth nothing.
    """
    if not len(codes):
        return HIGHEST_TEMPERATURE

    def surprise(log_temperature: float) -> float:
        probabilities = log_softmax(np.asarray(scores, dtype=np.float64) / np.exp(log_temperature), axis=1)
        return -float(np.average(probabilities[np.arange(len(codes)), codes], weights=weights))

    found = minimize_scalar(surprise, bounds=(np.log(lowest), np.log(HIGHEST_TEMPERATURE)), method="bounded")
    return float(np.exp(found.x))


def last_block(n_trials: int, share: float, gap: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Divide trials into those to learn from and a last stretch held out, with a gap between.

    Parameters
    ----------
    n_trials : int
        Trials in the order of recording.
    share : float
        Share held out.
    gap : int
        Trials left out between the two, since neighbours in time resemble one another.

    Returns
    -------
    learning, held_out : ndarray of int
        Places.
    """
    first = n_trials - max(1, round(share * n_trials))
    return np.arange(max(1, first - gap)), np.arange(first, n_trials)
