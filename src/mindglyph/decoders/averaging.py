"""Averages neighbouring samples: fewer numbers for decoders whose answer lies below half of the lower rate."""

from __future__ import annotations

import numpy as np


def averaged(signals: np.ndarray, step: int) -> np.ndarray:
    """Return the means of every `step` samples; those at the end that are fewer are left out.

    Parameters
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        Of any unit.
    step : int
        Samples in a mean, 1 or more.

    Returns
    -------
    ndarray, shape (n_trials, n_channels, n_times // step)
        Of the same type.
    """
    n_bins = signals.shape[-1] // step
    means: np.ndarray = signals[..., : n_bins * step].reshape(*signals.shape[:2], n_bins, step).mean(axis=-1)
    return means
