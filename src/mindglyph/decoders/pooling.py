"""Joins the probabilities of several decoders: a product of powers, found on trials they had not seen.

References
----------
Genest & Zidek (1986), "Combining probability distributions",
https://doi.org/10.1214/ss/1177013825;
Wolpert (1992), "Stacked generalization", https://doi.org/10.1016/S0893-6080(05)80023-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

_LEAST_FREQUENCY = 1e-6
_LEAST_SAY = 0.02  # of the greatest weight; below it a member is not worth its time


@dataclass(frozen=True)
class LogLinearPool:
    """Adds up what each member's probabilities say beyond how often a class occurs.

    Attributes
    ----------
    weights : ndarray, shape (n_members,)
        None is negative; 0 leaves a member out.
    log_frequencies : ndarray, shape (n_classes,)
        Logarithm of how often each class occurs.
    """

    weights: np.ndarray
    log_frequencies: np.ndarray

    @classmethod
    def fit(
        cls, log_probabilities: np.ndarray, codes: np.ndarray, evenness: float, class_weights: np.ndarray | None = None
    ) -> LogLinearPool:
        """Find the weights under which the labels are most likely.

        Parameters
        ----------
        log_probabilities : ndarray, shape (n_members, n_trials, n_classes)
            By decoders that had not learned from these trials.
        codes : ndarray, shape (n_trials,)
            Place of each trial's class.
        evenness : float
            Pull of the weights towards one another: few trials cannot say which of two
            decoders is better, and then both are to be heard.
        class_weights : ndarray, shape (n_classes,), optional
            By which a class's trials count more or less than those of others.

        Returns
        -------
        LogLinearPool
            With the weights found.
        """
        n_members, n_trials, n_classes = log_probabilities.shape
        counts = np.ones(n_trials) if class_weights is None else class_weights[codes]
        counts = counts / counts.sum()
        frequencies = np.bincount(codes, counts, minlength=n_classes)
        log_frequencies = np.log(frequencies.clip(_LEAST_FREQUENCY))
        evidence = log_probabilities - log_frequencies

        def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
            pooled = log_softmax(np.tensordot(weights, evidence, 1) + log_frequencies, axis=1)
            surprise = np.exp(pooled)
            surprise[np.arange(n_trials), codes] -= 1
            apart = weights - weights.mean()
            value = -counts @ pooled[np.arange(n_trials), codes] + evenness * apart @ apart
            return value, np.tensordot(evidence, surprise * counts[:, None], 2) + 2 * evenness * apart

        found = minimize(loss, np.full(n_members, 1 / n_members), jac=True, bounds=[(0, None)] * n_members)
        return cls(found.x, log_frequencies)

    @classmethod
    def even(cls, n_members: int, codes: np.ndarray, n_classes: int) -> LogLinearPool:
        """Return the pool that hears all alike, for where no trials are there to weigh them on."""
        frequencies = np.bincount(codes, minlength=n_classes) / len(codes)
        return cls(np.full(n_members, 1 / n_members), np.log(frequencies.clip(_LEAST_FREQUENCY)))

    def heard(self) -> tuple[np.ndarray, LogLinearPool]:
        """Return the places of the members that have a say, and the pool of those alone."""
        places = np.flatnonzero(self.weights > _LEAST_SAY * self.weights.max())
        if not len(places):
            places = np.arange(1)
        return places, LogLinearPool(self.weights[places], self.log_frequencies)

    def scores(self, log_probabilities: np.ndarray) -> np.ndarray:
        """Return the pooled scores before the softmax: (n_trials, n_classes).

        Parameters
        ----------
        log_probabilities : ndarray, shape (n_members, n_trials, n_classes)
            By the members.

        Returns
        -------
        ndarray, shape (n_trials, n_classes)
            Log-probabilities up to a constant of the trial.
        """
        return np.tensordot(self.weights, log_probabilities - self.log_frequencies, 1) + self.log_frequencies
