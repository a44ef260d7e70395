"""`Trials`: the one object that travels through the rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.trials.arrays import as_labels, as_names, as_pictures, as_rate, as_signals, as_table
from mindglyph.trials.channels import make_info
from mindglyph.trials.chosen import chosen_rows

if TYPE_CHECKING:
    import mne
    from braindecode.datasets import BaseConcatDataset

_LABELS_SHOWN = 10


@dataclass(frozen=True)
class ExtraSignals:
    """Signals of a trial that are no EEG: pulse, movement and the like.

    Attributes
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        float32 in the unit of the device, possibly memory-mapped.
    ch_names : tuple of str
        Channel names.
    sfreq : float
        Rate in Hz.
    """

    signals: np.ndarray
    ch_names: tuple[str, ...]
    sfreq: float

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.signals)


@dataclass(frozen=True, repr=False)
class Trials:
    """Recorded trials with their labels.

    Attributes
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        float32 in microvolts, possibly memory-mapped.
    labels : ndarray, shape (n_trials,)
        Whole numbers or strings. In MindBigData -1 means that no digit was shown.
    info : mne.Info
        Channel names, rate in Hz, electrode positions where the names are known.
    metadata : DataFrame
        One row a trial, in the order of the signals. `event` (the only clock of the
        2014-15 files) is always there; `n_samples` is the length before cropping.
    images : ndarray, shape (n_trials, 28, 28), or None
        The pictures shown, uint8, where they are known.
    extras : mapping of str to ExtraSignals
        What else was recorded, by name, such as `PPG`.
    tmin : float
        Time of the first sample in s after the event; negative where a trial begins before it.

    Raises
    ------
    UserError
        If the parts do not fit one another.
    """

    signals: np.ndarray
    labels: np.ndarray
    info: mne.Info
    metadata: pd.DataFrame
    images: np.ndarray | None = None
    extras: Mapping[str, ExtraSignals] = field(default_factory=dict)
    tmin: float = 0.0

    def __post_init__(self) -> None:
        """Check that the parts fit."""
        if self.signals.ndim != 3:
            raise UserError(f"signals have shape {self.signals.shape}: give (n_trials, n_channels, n_times)")
        if self.signals.dtype != np.float32:
            raise UserError(f"signals are {self.signals.dtype}: give float32 microvolts")
        n_trials, n_channels, _ = self.signals.shape
        if len(self.info["ch_names"]) != n_channels:
            raise UserError(f"{len(self.info['ch_names'])} channel names for {n_channels} channels: name each once")
        parts = {"labels": self.labels, "metadata": self.metadata, "images": self.images, **self.extras}
        for name, part in parts.items():
            if part is not None and len(part) != n_trials:
                raise UserError(f"{len(part)} {name} for {n_trials} trials: give one for each")
        if "event" not in self.metadata:
            raise UserError("metadata have no column 'event': give the order of recording")

    @classmethod
    def from_arrays(
        cls,
        X: np.ndarray,  # noqa: N803
        y: np.ndarray,
        sfreq: float,
        ch_names: Sequence[str],
        metadata: pd.DataFrame | None = None,
        images: np.ndarray | None = None,
        tmin: float = 0.0,
        extras: Mapping[str, ExtraSignals] | None = None,
    ) -> Trials:
        """Make trials of a person's own arrays.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Signals in microvolts, in the order of recording.
        y : ndarray, shape (n_trials,)
            Labels, whole numbers or strings.
        sfreq : float
            Rate in Hz.
        ch_names : sequence of str
            Channel names; those of the 10-05 system get their place on the head.
        metadata : DataFrame, optional
            One row a trial; without `event` the trials are numbered as they come. `session` and
            `subject` say what the splits of these names keep together, `unix_time` or `onset_s` (s)
            when a trial began.
        images : ndarray, shape (n_trials, 28, 28), optional
            The pictures shown, uint8.
        tmin : float
            Time of the first sample in s after the event; negative where a trial begins before it.
        extras : mapping of str to ExtraSignals, optional
            What else was recorded, by name.

        Returns
        -------
        Trials
            The same numbers, validated.

        Raises
        ------
        UserError
            If the parts do not fit or are of another kind, two channels have one name, or a label is
            missing or a value not finite (trials are then counted from 0).
        """
        names = as_names(ch_names)
        signals, labels = as_signals(X, names), as_labels(y)
        table, info = as_table(metadata, len(signals)), make_info(names, as_rate(sfreq))
        return cls(signals, labels, info, table, as_pictures(images), extras or {}, float(tmin))

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.labels)

    def __repr__(self) -> str:
        """Return their size in a line: the arrays themselves would fill screens."""
        _, n_channels, n_times = self.signals.shape
        names = [str(name) for name in np.unique(self.labels)]
        shown = f"labels {', '.join(names)}" if len(names) <= _LABELS_SHOWN else f"{len(names):,} different labels"
        return f"Trials: {len(self):,} trials, {n_channels} channels, {n_times:,} samples at {self.sfreq:g} Hz, {shown}"

    @property
    def sfreq(self) -> float:
        """Rate in Hz."""
        return float(self.info["sfreq"])

    def select(self, chosen: np.ndarray) -> Trials:
        """Return the trials at `chosen`: places (n_chosen,) or a mask (n_trials,).

        Parameters
        ----------
        chosen : ndarray of int, shape (n_chosen,), or of bool, shape (n_trials,)
            Places or a mask.

        Returns
        -------
        Trials
            A copy of the chosen ones.
        """
        return replace(
            self,
            signals=self.signals[chosen],
            labels=self.labels[chosen],
            metadata=self.metadata.iloc[np.arange(len(self))[chosen]].reset_index(drop=True),
            images=None if self.images is None else self.images[chosen],
            extras={name: replace(extra, signals=extra.signals[chosen]) for name, extra in self.extras.items()},
        )

    def view(self, chosen: np.ndarray) -> Trials:
        """Return the trials at `chosen` without reading their signals.

        What `select` copies into memory stays where it is: signals and pictures can be cut,
        indexed along the trials and given to `numpy.asarray`, and are read only then.

        Parameters
        ----------
        chosen : ndarray
            Places (n_chosen,) or a mask (n_trials,).

        Returns
        -------
        Trials
            The same trials as `select` returns.
        """
        places = np.arange(len(self))[chosen]
        return replace(
            self,
            signals=chosen_rows(self.signals, places),
            labels=self.labels[places],
            metadata=self.metadata.iloc[places].reset_index(drop=True),
            images=None if self.images is None else chosen_rows(self.images, places),
            extras={
                name: replace(extra, signals=chosen_rows(extra.signals, places)) for name, extra in self.extras.items()
            },
        )

    def to_mne(self) -> mne.EpochsArray:
        """Return the trials as MNE epochs in volts; see `mindglyph.trials.mne.to_mne`."""
        from mindglyph.trials.mne import to_mne

        return to_mne(self)

    @classmethod
    def from_mne(cls, epochs: mne.BaseEpochs) -> Trials:
        """Make trials of MNE's epochs; see `mindglyph.trials.mne.from_mne`."""
        from mindglyph.trials.mne import from_mne

        return from_mne(epochs)

    def to_braindecode(self) -> BaseConcatDataset:
        """Return the trials as braindecode takes them; see `mindglyph.trials.braindecode.to_braindecode`."""
        from mindglyph.trials.braindecode import to_braindecode

        return to_braindecode(self)
