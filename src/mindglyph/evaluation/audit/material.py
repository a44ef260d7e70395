"""What the parts of an audit look at, gathered while the signals go by once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mindglyph.evaluation.audit.markers import MarkerTally
from mindglyph.evaluation.evaluated import evaluated_trials, shown
from mindglyph.inspection.channels import ChannelTally, LikenessTally
from mindglyph.inspection.copies import CopyTally
from mindglyph.inspection.parts import evenly_spaced, parts
from mindglyph.store import Store
from mindglyph.store.layout import ARRAYS
from mindglyph.trials import Trials

Folds = Sequence[tuple[np.ndarray, np.ndarray]]
"""Places of training and of test trials among the evaluated trials, fold by fold."""

Plans = Mapping[str, Folds]
"""The folds of each split by its name."""

Report = Callable[[int, int], None]

_MOST_BYTES = 1 << 31
"""Bytes of signals that are read: all of a long recording with 14 channels (EP: 0.9 GB), a part of one with 128."""


@dataclass(frozen=True)
class Material:
    """What the parts of an audit look at.

    Attributes
    ----------
    store : Store
        The trials on disk.
    trials : Trials
        All of them, memory-mapped.
    evaluated : Trials
        Those in which something was shown, in the order of recording: the ones that are divided.
    places : ndarray of int, shape (n_evaluated,)
        Where the evaluated trials stand in the store.
    names : list of str
        The labels of the evaluated trials.
    codes : ndarray of int, shape (n_evaluated,)
        Which of them each trial has.
    plans : Plans
        How the evaluated trials are to be divided.
    looked_at : ndarray of int, shape (n_looked_at,)
        Places in the store of the trials whose signals were read.
    channels : ChannelTally
        Of these, what each channel does.
    markers : MarkerTally
        Of these, how much of each channel the label explains.
    correlation : ndarray, shape (n_channels, n_channels)
        Mean correlation of the channels within trials.
    twins : list of (int, int, float)
        Channels that are one.
    same, alike : ndarray of int, shape (n_looked_at,)
        First trial of each trial's set of identical ones, and of those that are alike; the numbers
        count among those looked at.
    seed : int
        For permutations.
    """

    store: Store
    trials: Trials
    evaluated: Trials
    places: np.ndarray
    names: list[str]
    codes: np.ndarray
    plans: Plans
    looked_at: np.ndarray
    channels: ChannelTally
    markers: MarkerTally
    correlation: np.ndarray
    twins: list[tuple[int, int, float]]
    same: np.ndarray
    alike: np.ndarray
    seed: int

    @property
    def metadata(self) -> pd.DataFrame:
        """What is known of the evaluated trials."""
        return self.evaluated.metadata

    @property
    def ordered(self) -> bool:
        """Whether the order of recording is known."""
        return bool(self.store.about["ordered"])

    @property
    def of_arrays(self) -> bool:
        """Whether the store was made of a person's arrays, which no command imports."""
        return bool(self.store.about["format"] == ARRAYS)

    @property
    def begin_anew(self) -> str:
        """How trials that were made wrongly are made rightly, as the beginning of a sentence."""
        if self.of_arrays:
            return "Compare the arrays with the recording, and make them anew"
        return "Import the recording anew"

    @property
    def looked_at_all(self) -> bool:
        """Whether the signals of all trials were compared."""
        return len(self.looked_at) == len(self.trials)


def gather(store: Store, plans: Plans, seed: int, report: Report) -> Material:
    """Read the signals once and keep what the parts of an audit need of them.

    Parameters
    ----------
    store : Store
        Any store; its signals are read a few megabytes at a time.
    plans : Plans
        How the evaluated trials are to be divided.
    seed : int
        For permutations.
    report : callable
        Called with the trials read so far and in all.

    Returns
    -------
    Material
        All that they look at.

    Raises
    ------
    UserError
        If a file of the store is damaged, or fewer than two labels are there.
    """
    evaluated = evaluated_trials(store)
    trials = store.trials(extras=False)
    names, codes = np.unique(evaluated.labels, return_inverse=True)
    looked_at = evenly_spaced(len(trials), max(2, _MOST_BYTES // max(1, trials.signals[:1].nbytes)))
    places = np.flatnonzero(shown(trials.labels))
    of_trial = np.full(len(trials), -1, dtype=np.int64)
    of_trial[places] = codes
    seen = trials.view(looked_at)
    channels = ChannelTally(*seen.signals.shape[:2])
    likeness, copies = LikenessTally(seen.signals.shape[1]), CopyTally(seen.signals)
    markers = MarkerTally(of_trial[looked_at], *seen.signals.shape[1:])
    tallies: tuple[Any, ...] = (channels, likeness, copies, markers)
    for part in parts(seen.signals):
        for tally in tallies:
            tally.add(part)
        report(part.trials.stop, len(seen))
    same, alike = copies.sets()
    return Material(
        store=store,
        trials=trials,
        evaluated=evaluated,
        places=places,
        names=[str(name) for name in names],
        codes=codes,
        plans=plans,
        looked_at=looked_at,
        channels=channels,
        markers=markers,
        correlation=likeness.correlation,
        twins=likeness.pairs(),
        same=same,
        alike=alike,
        seed=seed,
    )
