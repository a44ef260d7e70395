"""Finds trials that are there more than once, in a time that grows with their number only.

Identical trials have the same digest. Trials that are the same but for level, gain and rounding are
found by locality-sensitive hashing: each is projected on random directions, of which only the
signs are kept; signatures that agree in a band are compared, and what they point at is compared
sample by sample. The directions have the inverse of the recording's mean spectrum, since in the
raw signals every trial resembles every other: all drift, and all hum with the mains.

Charikar (2002), https://doi.org/10.1145/509907.509965.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from mindglyph.inspection.parts import BYTES_AT_ONCE, Part, evenly_spaced, measured
from mindglyph.inspection.result import Copies

SAME_SIGNAL = 0.98
"""Trials that correlate more than this once each channel's median is removed are the same."""

_BITS = 192
_MOST_DIFFERENT = 48  # bits; those of unrelated trials differ by about 96 ± 7
_NEIGHBOURS = 8  # in a band: one signal that comes a thousand times is still a chain
_FLOOR = 0.03  # of the strong frequencies: below it there is nothing but rounding
_EXAMPLES = 10


class CopyTally:
    """Digests and signatures of the trials.

    Parameters
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        Possibly memory-mapped; the spectrum is taken of an evenly spaced few.
    """

    def __init__(self, signals: np.ndarray) -> None:
        self._signals = signals
        self._directions = _directions(signals)
        self._digests = np.zeros(len(signals), dtype="S16")
        self._signatures = np.zeros((len(signals), _BITS // 8), dtype=np.uint8)
        self._usable = np.zeros(len(signals), dtype=bool)

    def add(self, part: Part) -> None:
        """Take digest and signature of each trial of a part."""
        # The digest ends in a sign, since NumPy drops noughts at the end of bytes.
        self._digests[part.trials] = [
            hashlib.blake2b(np.ascontiguousarray(trial).data, digest_size=15).digest() + b"." for trial in part.signals
        ]
        centred = (part.signals - part.level[..., None]).reshape(len(part.signals), -1)
        self._signatures[part.trials] = np.packbits(centred @ self._directions > 0, axis=1)
        # Trials without a signal are all alike, and counted as flat.
        self._usable[part.trials] = ~part.flat.all(axis=1)

    def copies(self, labels: np.ndarray, metadata: pd.DataFrame) -> tuple[Copies, Copies]:
        """Return the identical trials, and those that are the same but for level, gain and rounding."""
        same, alike = self.sets()
        # What is identical is said as such: a set that is alike counts each of its signals once.
        everyone, once = np.arange(len(same)), np.unique(same)
        return _summary(same, everyone, labels, metadata), _summary(alike, once, labels, metadata)

    def sets(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the first trial of each trial's set, (n_trials,): of identical ones, and of those that are alike.

        A trial of which there is no copy is its own first.

        Returns
        -------
        same : ndarray of int, shape (n_trials,)
            First of the identical ones.
        alike : ndarray of int, shape (n_trials,)
            First of those that are alike.
        """
        usable = np.flatnonzero(self._usable)
        _, codes = np.unique(self._digests[usable], return_inverse=True)
        same = _firsts(len(self._signals), usable, codes)
        alike = same
        for pairs in self._candidates(usable):
            # Sets grow from round to round, and what is in one set already need not be read again.
            apart = pairs[alike[pairs[:, 0]] != alike[pairs[:, 1]]]
            found = apart[self._correlate(apart) > SAME_SIGNAL]
            if len(found):
                alike = _joined(alike, found)
        return same, alike

    def _candidates(self, usable: np.ndarray) -> Iterator[np.ndarray]:
        """Yield pairs of trials, (n_pairs, 2), whose signatures agree in a band and nearly so in all."""
        signatures = self._signatures[usable]
        whole = np.ascontiguousarray(signatures).view(np.uint64)
        # Bands grow with the number of trials, so that few share one that have nothing in common.
        width = 2 if len(usable) < 1 << 16 else 3
        for start in range(0, _BITS // 8 - width + 1, width):
            band = signatures[:, start : start + width].astype(np.int64) @ (256 ** np.arange(width))
            order = np.lexsort([*whole.T, band])
            for step in range(1, min(_NEIGHBOURS, len(usable) - 1) + 1):
                one, other = order[:-step], order[step:]
                together = band[one] == band[other]
                one, other = one[together], other[together]
                different = np.bitwise_count(whole[one] ^ whole[other]).sum(axis=1)
                yield usable[np.stack([one, other], axis=1)[different <= _MOST_DIFFERENT]]

    def _correlate(self, pairs: np.ndarray) -> np.ndarray:
        """Return the correlation of each pair, read from the signals themselves."""
        at_once = max(1, BYTES_AT_ONCE // max(1, self._signals[:1].nbytes))
        values = np.zeros(len(pairs))
        for start in range(0, len(pairs), at_once):
            stretch = slice(start, start + at_once)
            one, other = (self._centred(pairs[stretch, side]) for side in (0, 1))
            sizes = np.sqrt((one**2).sum(axis=1) * (other**2).sum(axis=1))
            values[stretch] = (one * other).sum(axis=1) / np.where(sizes > 0, sizes, 1)
        return values

    def _centred(self, places: np.ndarray) -> np.ndarray:
        part = measured(slice(0), np.asarray(self._signals[places], dtype=np.float32))
        return (part.signals - part.level[..., None]).reshape(len(places), -1).astype(np.float64)


def _directions(signals: np.ndarray) -> np.ndarray:
    """Draw random directions that weigh all frequencies of all channels alike: (n_channels * n_times, _BITS)."""
    n_channels, n_times = signals.shape[1:]
    few = evenly_spaced(len(signals), max(1, min(256, BYTES_AT_ONCE // max(1, signals[:1].nbytes))))
    part = measured(slice(0), np.asarray(signals[few], dtype=np.float32))
    # Without a taper, what is strong would leak into all that is weak.
    taper = np.hanning(n_times + 2)[1:-1]
    size = np.abs(np.fft.rfft(taper * (part.signals - part.level[..., None]))).mean(axis=0)
    floor = _FLOOR * np.quantile(size[:, 1:], 0.9, axis=1, keepdims=True) if n_times > 1 else size
    gain = np.divide(1, np.maximum(size, floor), out=np.zeros_like(size), where=np.maximum(size, floor) > 0)
    gain[:, 0] = 0
    rng = np.random.default_rng(0)
    directions = np.empty((n_channels * n_times, _BITS), dtype=np.float32)
    for bit in range(_BITS):
        white = rng.standard_normal((n_channels, n_times))
        directions[:, bit] = (taper * np.fft.irfft(np.fft.rfft(white) * gain, n_times)).ravel()
    return directions


def _firsts(n_trials: int, members: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Return the first trial of each one's set: members of one code are a set, the others stand alone."""
    firsts = np.arange(n_trials)
    first = np.full(codes.max(initial=-1) + 1, n_trials)
    np.minimum.at(first, codes, members)
    firsts[members] = first[codes]
    return firsts


def _joined(firsts: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Join the sets that a pair connects, and return the first trial of each one's set."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n_trials = len(firsts)
    rows = np.concatenate([np.arange(n_trials), pairs[:, 0]])
    columns = np.concatenate([firsts, pairs[:, 1]])
    links = coo_array((np.ones(len(rows), dtype=np.int32), (rows, columns)), shape=(n_trials, n_trials))
    codes = connected_components(links, directed=False)[1]
    return _firsts(n_trials, np.arange(n_trials), codes)


def _summary(groups: np.ndarray, members: np.ndarray, labels: np.ndarray, metadata: pd.DataFrame) -> Copies:
    members = members[np.bincount(groups[members], minlength=len(groups))[groups[members]] > 1]
    of_member = groups[members]
    order = np.argsort(of_member, kind="stable")
    edges = np.flatnonzero(np.diff(of_member[order])) + 1
    sets = [members[places] for places in np.split(order, edges) if len(places) > 1]
    sets.sort(key=lambda places: places[0])
    across = [places for places in sets if len(set(labels[places].tolist())) > 1]
    across_first = [*across, *(places for places in sets if len(set(labels[places].tolist())) == 1)]
    return Copies(
        groups=len(sets),
        trials=sum(len(places) - 1 for places in sets),
        across_labels=len(across),
        examples=[_example(_telling(places, labels), labels, metadata) for places in across_first[:_EXAMPLES]],
    )


def _telling(places: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the first trial of a set, and the first that differs from it in its label if there is one."""
    others = places[1:][labels[places[1:]] != labels[places[0]]]
    return np.array([places[0], others[0] if len(others) else places[1]])


def _example(places: np.ndarray, labels: np.ndarray, metadata: pd.DataFrame) -> dict[str, list[object]]:
    example: dict[str, list[object]] = {
        "events": metadata["event"].iloc[places].tolist(),
        "labels": labels[places].tolist(),
    }
    if "line" in metadata:
        example["lines"] = metadata["line"].iloc[places].tolist()
    return example
