"""Counts of what is wrong with a channel: flat, at the rail, loud, the same as another."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from mindglyph.inspection.parts import Part, slices

HELD = 3
"""So many samples in a row at a channel's extreme are no peak but a rail."""

LOUD = 5
"""A trial is loud where a channel spreads so many times as far as it usually does."""

SAME = 0.9999
"""Channels that correlate more than this within trials are one."""

_MICROVOLTS = (0.5, 1000.0)
"""Between which the spread of an EEG in microvolts lies."""

_VOLTS_AT_MOST = 0.001
"""So little is an EEG in volts, and no amplifier's noise in microvolts."""


class ChannelTally:
    """What each channel does in each trial.

    Parameters
    ----------
    n_trials, n_channels : int
        Numbers. Level and spread of each trial and channel are kept: eight bytes of what are
        hundreds of samples.
    """

    def __init__(self, n_trials: int, n_channels: int) -> None:
        self.levels = np.zeros((n_trials, n_channels), dtype=np.float32)
        self.spreads = np.zeros((n_trials, n_channels), dtype=np.float32)
        self.flat_trials = np.zeros(n_channels, dtype=np.int64)
        self.all_flat = np.zeros(n_trials, dtype=bool)
        self.broken = np.zeros(n_channels, dtype=np.int64)
        self.lowest = np.full(n_channels, np.inf, dtype=np.float32)
        self.highest = np.full(n_channels, -np.inf, dtype=np.float32)

    def add(self, part: Part) -> None:
        """Count a part."""
        self.levels[part.trials] = part.level
        self.spreads[part.trials] = part.spread
        self.flat_trials += part.flat.sum(axis=0)
        self.all_flat[part.trials] = part.flat.all(axis=1)
        self.broken += part.broken
        self.lowest = np.minimum(self.lowest, part.lowest.min(axis=0))
        self.highest = np.maximum(self.highest, part.highest.max(axis=0))

    @property
    def level(self) -> np.ndarray:
        """Median level of each channel: (n_channels,)."""
        return np.median(self.levels, axis=0)

    @property
    def spread(self) -> np.ndarray:
        """Median spread of each channel: (n_channels,)."""
        return np.median(self.spreads, axis=0)

    @property
    def loud(self) -> np.ndarray:
        """Whether a channel spreads unusually far in a trial: (n_trials, n_channels)."""
        usual = self.spread
        return (self.spreads > LOUD * usual) & (usual > 0)

    def as_list(self, names: tuple[str, ...]) -> list[dict[str, Any]]:
        """Return what is counted of each channel."""
        level = self.level
        return [
            {
                "name": name,
                "level": float(level[place]),
                "lowest": float(self.lowest[place]),
                "highest": float(self.highest[place]),
                "flat_trials": int(self.flat_trials[place]),
                "not_finite": int(self.broken[place]),
            }
            for place, name in enumerate(names)
        ]


class RailTally:
    """Samples at each channel's lowest or highest value over the whole recording.

    The extremes are not known before the end: whenever a part goes beyond them, the counts
    begin anew.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    """

    def __init__(self, n_channels: int) -> None:
        self.n_samples = 0
        self._low = _Rail(n_channels, np.fmin)
        self._high = _Rail(n_channels, np.fmax)

    def add(self, part: Part) -> None:
        """Count a part."""
        self.n_samples += part.signals.shape[0] * part.signals.shape[2]
        self._low.add(part, part.lowest)
        self._high.add(part, part.highest)

    @property
    def at_extremes(self) -> np.ndarray:
        """Share of the samples at either extreme: (n_channels,)."""
        return (self._low.samples + self._high.samples) / max(1, self.n_samples)

    @property
    def trials(self) -> np.ndarray:
        """Trials that stay at an extreme (those that stay at both count twice): (n_channels,)."""
        return self._low.trials + self._high.trials

    @property
    def longest(self) -> np.ndarray:
        """Most samples in a row at an extreme: (n_channels,)."""
        return np.maximum(self._low.longest, self._high.longest)


class _Rail:
    def __init__(self, n_channels: int, further: np.ufunc) -> None:
        self._further = further
        self._value = np.full(n_channels, np.nan, dtype=np.float32)
        self.samples, self.trials, self.longest = (np.zeros(n_channels, dtype=np.int64) for _ in range(3))

    def add(self, part: Part, extremes: np.ndarray) -> None:
        """Count the samples that equal the extreme so far; `extremes` are those of each trial."""
        value = self._further(self._value, self._further.reduce(extremes, axis=0))
        moved = value != self._value
        self._value = value
        for counts in (self.samples, self.trials, self.longest):
            counts[moved] = 0
        # A dead channel is always at its extreme, and is counted as flat.
        trials, channels = np.nonzero((extremes == value) & ~part.flat)
        if not len(trials):
            return
        at_rail = part.signals[trials, channels] == value[channels, None]
        runs = longest_runs(at_rail)
        np.add.at(self.samples, channels, at_rail.sum(axis=1))
        np.add.at(self.trials, channels, runs >= HELD)
        np.maximum.at(self.longest, channels, runs)


def longest_runs(true: np.ndarray) -> np.ndarray:
    """Return the length of the longest run of True in each row: (n_rows, n_times) to (n_rows,).

    Parameters
    ----------
    true : ndarray of bool, shape (n_rows, n_times)
        Where something holds.

    Returns
    -------
    ndarray of int, shape (n_rows,)
        In samples.
    """
    places = np.arange(true.shape[1])
    last_false = np.maximum.accumulate(np.where(true, -1, places), axis=1)
    return (places - last_false).max(axis=1)


class LikenessTally:
    """How alike each two channels are within trials.

    The correlation is taken in each trial and averaged, so that one great movement of the head,
    which every channel shows, does not make all of them alike.

    Parameters
    ----------
    n_channels : int
        Number of channels.
    """

    def __init__(self, n_channels: int) -> None:
        self._products = np.zeros((n_channels, n_channels))
        self._together = np.zeros((n_channels, n_channels))

    def add(self, part: Part) -> None:
        """Add the correlations of a part."""
        centred = part.signals - part.signals.mean(axis=-1, keepdims=True)
        centred[part.flat] = 0
        size = np.sqrt(np.einsum("nct,nct->nc", centred, centred))
        centred /= np.where(size > 0, size, 1)[..., None]
        rows = np.swapaxes(centred, 0, 1).reshape(centred.shape[1], -1)
        self._products += rows @ rows.T
        alive = (~part.flat).astype(np.float32)
        self._together += alive.T @ alive

    @property
    def correlation(self) -> np.ndarray:
        """Mean correlation within trials: (n_channels, n_channels); NaN where a channel is always flat."""
        with np.errstate(invalid="ignore"):
            return self._products / self._together

    def pairs(self) -> list[tuple[int, int, float]]:
        """Return the channels that are one, with their correlation."""
        correlation = self.correlation
        first, second = np.nonzero(np.triu(np.nan_to_num(correlation), 1) > SAME)
        found = zip(first.tolist(), second.tolist(), correlation[first, second].tolist(), strict=True)
        return [(one, other, min(1.0, value)) for one, other, value in found]


def identical_trials(signals: np.ndarray, pairs: list[tuple[int, int, float]]) -> list[int]:
    """Count for each pair of channels the trials in which every sample agrees.

    Parameters
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        Trials.
    pairs : list of (int, int, float)
        Places of two channels, and their correlation.

    Returns
    -------
    list of int
        Trials of each pair.
    """
    counts = np.zeros(len(pairs), dtype=np.int64)
    for stretch in slices(signals) if pairs else ():
        part = signals[stretch]
        counts += [int((part[:, one] == part[:, other]).all(axis=1).sum()) for one, other, _ in pairs]
    return counts.tolist()


def odd_unit(spreads: Sequence[float]) -> tuple[str, str] | None:
    """Return what looks as if signals were in another unit than microvolts, and the mend.

    Parameters
    ----------
    spreads : sequence of float, shape (n_channels,)
        Of the channels.

    Returns
    -------
    figure, mend : str
        None where they look like microvolts.
    """
    alive = [spread for spread in spreads if spread > 0]
    typical = float(np.median(alive)) if alive else 0.0
    if not alive or _MICROVOLTS[0] <= typical <= _MICROVOLTS[1]:
        return None
    if typical < _VOLTS_AT_MOST:
        mend = "They look like volts: give arrays times 1e6, or import with --microvolts 1e6."
    else:
        mend = "Give arrays in microvolts, or say how many a unit of the file is with import --microvolts."
    return f"typically {typical:.3g} µV", mend
