"""Background activity as one covariance over channels times one over time, and its size in each trial.

The covariance of whole trials has thousands of rows and cannot be learned from a few hundred
trials. As the product of two small ones it can.

References
----------
Dutilleul (1999), "The MLE algorithm for the matrix normal distribution",
https://doi.org/10.1080/00949659908811970.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cholesky, toeplitz

_ITERATIONS = 3
_SPATIAL_FLOOR = 1e-3  # of the mean variance: a dead channel must not be blown up
_TEMPORAL_FLOOR = 1e-4  # likewise for what the low-pass has taken away


@dataclass(frozen=True)
class SeparableNoise:
    """Whitens trials.

    Attributes
    ----------
    over_channels : ndarray, shape (n_channels, n_channels)
        Takes channels to components of equal variance that are not correlated.
    over_time : ndarray, shape (n_times, n_times)
        Likewise for samples, applied from the right.
    """

    over_channels: np.ndarray
    over_time: np.ndarray

    @classmethod
    def estimate(cls, background: np.ndarray) -> SeparableNoise:
        """Estimate both covariances by turns, each with the other one known.

        Parameters
        ----------
        background : ndarray, shape (n_trials, n_channels, n_times)
            Trials less the response to what was shown.

        Returns
        -------
        SeparableNoise
            Of the maximum likelihood, but that the covariance over time is drawn towards the
            nearest one of a stationary process where there are few channels and trials to
            learn it from.
        """
        n_trials, n_channels, n_times = background.shape
        spatial = np.eye(n_channels)
        by_channel = background.transpose(1, 0, 2).reshape(n_channels, -1)
        temporal = np.eye(n_times)
        for _ in range(_ITERATIONS):
            over_channels = _whitening(spatial)
            white = (over_channels.astype(np.float32) @ by_channel).reshape(-1, n_times)
            temporal = _towards_stationary(white.T @ white / len(white), n_trials * n_channels)
            temporal = _with_floor(temporal, _TEMPORAL_FLOOR)
            white = background.reshape(-1, n_times) @ _whitening(temporal).T.astype(np.float32)
            white = white.reshape(n_trials, n_channels, n_times).transpose(1, 0, 2).reshape(n_channels, -1)
            spatial = _with_floor(white @ white.T / white.shape[1], _SPATIAL_FLOOR)
            # Only the product of both is determined: the spatial one takes a mean variance of 1.
            size = np.trace(spatial) / n_channels
            spatial, temporal = spatial / size, temporal * size
        return cls(_whitening(spatial), _whitening(temporal).T)

    def precision(self, trials: np.ndarray) -> np.ndarray:
        """Return by how much each trial's background is quieter than usual: 1 / variance, (n_trials,).

        A trial with a blink or a loose electrode has a larger background and so says less;
        to take it as the others are taken lets a few loud trials decide.

        Parameters
        ----------
        trials : ndarray, shape (n_trials, n_channels, n_times)
            Signals.

        Returns
        -------
        ndarray, shape (n_trials,)
            About 1 for the usual trial.
        """
        white = self.over_channels.astype(np.float32) @ trials @ self.over_time.astype(np.float32)
        return 1 / np.maximum(np.mean(white**2, axis=(1, 2), dtype=np.float64), 1e-6)


def _whitening(covariance: np.ndarray) -> np.ndarray:
    return np.linalg.inv(cholesky(covariance, lower=True))


def _with_floor(covariance: np.ndarray, share: float) -> np.ndarray:
    size = max(float(np.trace(covariance)) / len(covariance), 1e-12)
    return covariance.astype(np.float64) + share * size * np.eye(len(covariance))


def _towards_stationary(covariance: np.ndarray, n_series: int) -> np.ndarray:
    n_times = len(covariance)
    lags = np.array([np.trace(covariance, offset=lag) for lag in range(n_times)]) / n_times
    share = n_times / (n_times + n_series)
    # Dividing all lags by n_times, not by their own count, keeps the stationary one positive.
    return (1 - share) * covariance + share * toeplitz(lags)
