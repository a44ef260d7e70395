"""Stretches of trials that are read from disk one after another, with what several counts need of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

BYTES_AT_ONCE = 1 << 24
"""Bytes of signals that are held at a time."""

QUARTILES_OF_NORMAL = 1.349
"""Distance between the quartiles of a normal distribution, in standard deviations."""


@dataclass(frozen=True)
class Part:
    """Neighbouring trials in memory.

    Attributes
    ----------
    trials : slice
        Where they stand in the store.
    signals : ndarray, shape (n_part, n_channels, n_times)
        float32; values that were not finite are replaced by the median of their trial and channel.
    lowest, highest, level, spread : ndarray, shape (n_part, n_channels)
        Extremes, median, and interquartile range as a standard deviation, in the unit of the signals.
    flat : ndarray, shape (n_part, n_channels)
        Whether a channel holds one value through the whole trial.
    broken : ndarray, shape (n_channels,)
        Values that were not finite.
    """

    trials: slice
    signals: np.ndarray
    lowest: np.ndarray
    highest: np.ndarray
    level: np.ndarray
    spread: np.ndarray
    flat: np.ndarray
    broken: np.ndarray


def slices(array: np.ndarray, at_once: int = BYTES_AT_ONCE) -> Iterator[slice]:
    """Yield stretches of the first axis that take about `at_once` bytes each."""
    step = max(1, at_once // max(1, array[:1].nbytes))
    for start in range(0, len(array), step):
        yield slice(start, min(len(array), start + step))


def parts(signals: np.ndarray) -> Iterator[Part]:
    """Yield the trials of `signals`, (n_trials, n_channels, n_times), stretch by stretch."""
    for stretch in slices(signals):
        yield measured(stretch, np.array(signals[stretch], dtype=np.float32))


def measured(stretch: slice, signals: np.ndarray) -> Part:
    """Return a part with its extremes, medians and spreads."""
    finite = np.isfinite(signals)
    broken = (~finite).sum(axis=(0, 2))
    signals = repaired(signals, finite)
    # One sort gives all of it, and is faster than any two of the quantiles.
    ordered = np.sort(signals, axis=-1)
    last = ordered.shape[-1] - 1
    lowest, highest = ordered[..., 0], ordered[..., -1]
    low, high = ordered[..., round(0.25 * last)], ordered[..., round(0.75 * last)]
    level = (ordered[..., last // 2] + ordered[..., (last + 1) // 2]) / 2
    spread = (high - low) / QUARTILES_OF_NORMAL
    return Part(stretch, signals, lowest.copy(), highest.copy(), level, spread, lowest == highest, broken)


def repaired(signals: np.ndarray, finite: np.ndarray | None = None) -> np.ndarray:
    """Return signals whose values that are not finite are the median of their trial and channel."""
    finite = np.isfinite(signals) if finite is None else finite
    if finite.all():
        return signals
    mended = signals.copy()
    for trial, channel in np.argwhere(~finite.all(axis=-1)):
        good = finite[trial, channel]
        mended[trial, channel, ~good] = np.median(signals[trial, channel, good]) if good.any() else 0
    return mended


def evenly_spaced(count: int, most: int) -> np.ndarray:
    """Return at most `most` places out of `count`, evenly spaced from the first to the last."""
    if count <= most:
        return np.arange(count)
    return np.unique(np.linspace(0, count - 1, most).round().astype(np.int64))
