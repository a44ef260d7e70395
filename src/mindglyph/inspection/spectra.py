"""Spectra of the channels, and what of the mains is in them."""

from __future__ import annotations

import numpy as np
from scipy.signal import welch

MAINS = (50.0, 60.0)
"""Mains frequencies of the world in Hz."""

SEEN = 6.0
"""Decibels above its neighbours from which the mains count as seen."""

_SECONDS = 2.0  # a window of Welch's method
_PEAK = 1.0  # Hz about the mains in which their peak may stand
_NEIGHBOURS = 6.0  # Hz about the mains that the peak is compared with


class SpectrumMean:
    """Mean power spectrum of each channel (Welch 1967, https://doi.org/10.1109/TAU.1967.1161901).

    Parameters
    ----------
    n_channels, n_times : int
        Shape of a trial.
    sfreq : float
        Rate in Hz.
    """

    def __init__(self, n_channels: int, n_times: int, sfreq: float) -> None:
        self._sfreq = sfreq
        self._window = min(n_times, round(_SECONDS * sfreq))
        self.frequencies = np.fft.rfftfreq(self._window, 1 / sfreq)
        self._sum = np.zeros((n_channels, len(self.frequencies)))
        self._count = np.zeros(n_channels, dtype=np.int64)

    def add(self, signals: np.ndarray, usable: np.ndarray) -> None:
        """Add trials, (n, n_channels, n_times), where `usable`, (n, n_channels), is true.

        Parameters
        ----------
        signals : ndarray, shape (n, n_channels, n_times)
            Trials.
        usable : ndarray of bool, shape (n, n_channels)
            Which of their channels count.
        """
        _, power = welch(signals, self._sfreq, nperseg=self._window, axis=-1)
        self._sum += np.einsum("ncf,nc->cf", power, usable.astype(power.dtype))
        self._count += usable.sum(axis=0)

    @property
    def power(self) -> np.ndarray:
        """Mean power in µV²/Hz, (n_channels, n_frequencies); noughts for a channel of which nothing is usable."""
        return self._sum / np.maximum(self._count, 1)[:, None]


def mains_db(frequencies: np.ndarray, power: np.ndarray) -> dict[float, np.ndarray | None]:
    """Say how far the spectrum at the mains stands above its neighbours.

    Parameters
    ----------
    frequencies : ndarray, shape (n_frequencies,)
        In Hz.
    power : ndarray, shape (n_channels, n_frequencies)
        In any unit of power.

    Returns
    -------
    dict of float to (ndarray, shape (n_channels,)) or None
        Decibels by mains frequency, NaN for a channel without power; None for a frequency that
        lies above half the rate or cannot be told from its neighbours in so short a trial.
    """
    return {mains: _above_neighbours(mains, frequencies, power) for mains in MAINS}


def _above_neighbours(mains: float, frequencies: np.ndarray, power: np.ndarray) -> np.ndarray | None:
    if len(frequencies) < 2 or mains + _PEAK > frequencies[-1] or frequencies[1] > 2 * _PEAK:
        return None
    distance = np.abs(frequencies - mains)
    step = frequencies[1]
    # A window spreads a line over the two frequencies beside it.
    beside = (distance > _PEAK + 2 * step) & (distance <= _NEIGHBOURS + 2 * step) & (frequencies > 0)
    peak = distance <= max(_PEAK, step)
    if beside.sum() < 4:
        return None
    level = np.median(power[:, beside], axis=1)
    above = np.full(len(power), np.nan)
    alive = (level > 0) & (power[:, peak].max(axis=1) > 0)
    above[alive] = 10 * np.log10(power[alive][:, peak].max(axis=1) / level[alive])
    return above


def mains_seen(decibels: dict[float, np.ndarray | None]) -> float | None:
    """Return which mains are seen: those that most channels show more strongly; None if neither."""
    typical = {
        mains: float(np.nanmedian(above))
        for mains, above in decibels.items()
        if above is not None and np.isfinite(above).any()
    }
    strongest = max(typical, key=lambda mains: typical[mains], default=None)
    return strongest if strongest is not None and typical[strongest] >= SEEN else None
