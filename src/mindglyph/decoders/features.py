"""What a trial looks like without any training: mean, spread and band powers of each channel."""

from __future__ import annotations

import numpy as np
from scipy.signal import periodogram

BANDS = {"delta": (0.5, 4.0), "theta": (4.0, 8.0), "alpha": (8.0, 13.0), "beta": (13.0, 30.0)}
"""Edges in Hz; the upper one is left out."""

_BATCH = 1024


def channel_statistics(signals: np.ndarray) -> np.ndarray:
    """Return mean and standard deviation of each channel.

    Parameters
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        In memory or mapped into it; read a thousand trials at a time.

    Returns
    -------
    ndarray, shape (n_trials, 2 * n_channels), float32
        All means, then all standard deviations, in the unit of the signals.
    """
    parts = [np.concatenate([batch.mean(axis=-1), batch.std(axis=-1)], axis=1) for batch in _batches(signals)]
    return np.concatenate(parts).astype(np.float32)


def band_powers(signals: np.ndarray, sfreq: float) -> np.ndarray:
    """Return the power of each channel in each band.

    Parameters
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        In memory or mapped into it.
    sfreq : float
        Rate in Hz.

    Returns
    -------
    ndarray, shape (n_trials, n_bands * n_channels), float32
        Logarithm of the mean spectral density under a Hann window, band by band in the order
        of `BANDS`; a band in which the trial is too short to have a frequency is left out.
    """
    return np.concatenate([_band_powers(batch, sfreq) for batch in _batches(signals)])


def _band_powers(signals: np.ndarray, sfreq: float) -> np.ndarray:
    frequencies, density = periodogram(signals, sfreq, window="hann", axis=-1)
    inside = [(frequencies >= low) & (frequencies < high) for low, high in BANDS.values()]
    powers = [density[..., band].mean(axis=-1) for band in inside if band.any()]
    # A dead channel has no power; so little more leaves every other one as it is.
    return np.log(np.concatenate(powers, axis=1) + 1e-10).astype(np.float32)


def _batches(signals: np.ndarray) -> list[np.ndarray]:
    return [signals[start : start + _BATCH] for start in range(0, max(1, len(signals)), _BATCH)]
