"""Mean signals of the labels, summed up from the disk a stretch at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mindglyph.errors import UserError
from mindglyph.inspection.parts import BYTES_AT_ONCE, evenly_spaced, repaired, slices
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.trials import Trials

MOST_TRIALS = 4000
"""Trials of which means are taken: more change nothing that could be seen."""

_MOST_LABELS = 11
_WINDOW = (0.0, 1.0)  # s after the event in which a response is looked for


@dataclass(frozen=True)
class MeanSignals:
    """Mean signals.

    Attributes
    ----------
    times : ndarray, shape (n_times,)
        Seconds after the event.
    labels : list
        The most frequent labels, in their order.
    of_labels : ndarray, shape (n_labels, n_channels, n_times)
        Mean signal of each label in microvolts.
    of_all : ndarray, shape (n_channels, n_times)
        Mean signal of all trials, also of those whose label is not among these.
    n_trials : int
        Trials of which these are means.
    filtered : bool
        Whether the signals were filtered; trials too short for it are only centred.
    """

    times: np.ndarray
    labels: list[int | str]
    of_labels: np.ndarray
    of_all: np.ndarray
    n_trials: int
    filtered: bool

    @property
    def peak(self) -> tuple[int, int]:
        """Channel and sample at which the mean of all trials is strongest in the second after the event."""
        start, stop = _WINDOW
        after = (self.times >= start) & (self.times <= stop)
        if not after.any():
            after[:] = True
        size = np.where(after, np.abs(self.of_all), -1)
        channel, sample = np.unravel_index(size.argmax(), size.shape)
        return int(channel), int(sample)


def mean_signals(
    trials: Trials,
    preprocessing: PreprocessingSettings,
    see: Callable[[np.ndarray, np.ndarray], None] | None = None,
) -> MeanSignals:
    """Return the mean signals of an evenly spaced part of the trials.

    Parameters
    ----------
    trials : Trials
        Possibly memory-mapped: a few megabytes are read at a time.
    preprocessing : PreprocessingSettings
        Of its steps, offset removal and filters are applied.
    see : callable, optional
        Called with the places of each stretch of trials and their signals, as they are.

    Returns
    -------
    MeanSignals
        Of at most 4,000 trials and the eleven most frequent labels.
    """
    places = evenly_spaced(len(trials), MOST_TRIALS)
    labels = trials.labels[places]
    known, counts = np.unique(labels, return_counts=True)
    chosen = np.sort(known[np.argsort(-counts, kind="stable")[:_MOST_LABELS]])
    sums = np.zeros((len(chosen) + 1, *trials.signals.shape[1:]))
    steps = preprocessing.build(trials.sfreq)
    filtered = _can_filter(trials, steps["filter"].transform)
    shape = (len(places), *trials.signals.shape[1:])
    # The filters work on several copies in float64.
    for stretch in slices(np.broadcast_to(trials.signals[:1], shape), BYTES_AT_ONCE // 8):
        signals = repaired(np.asarray(trials.signals[places[stretch]]))
        if see is not None:
            see(places[stretch], signals)
        signals = steps["offset"].transform(signals)
        if filtered:
            signals = steps["filter"].transform(signals)
        sums[-1] += signals.sum(axis=0)
        for row, label in enumerate(chosen):
            sums[row] += signals[labels[stretch] == label].sum(axis=0)
    counts = np.array([*((labels == label).sum() for label in chosen), len(places)])
    means = sums / counts[:, None, None]
    times = trials.tmin + np.arange(trials.signals.shape[-1]) / trials.sfreq
    return MeanSignals(times, chosen.tolist(), means[:-1], means[-1], len(places), filtered)


def _can_filter(trials: Trials, transform: Callable[[np.ndarray], np.ndarray]) -> bool:
    try:
        transform(np.zeros((1, *trials.signals.shape[1:]), dtype=np.float32))
    except UserError:
        return False
    return True
