"""`Trials`: the one object that travels through the rooms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from mindglyph.errors import UserError

if TYPE_CHECKING:
    import mne

MONTAGE = "colin27_1005"
"""Where the electrodes of a named channel sit, by MNE's name."""

_BETWEEN = {"CB1": ("PO9", "I1"), "CB2": ("PO10", "I2")}
"""Electrodes that the 10-05 system does not know, each halfway between two that it does: NeuroScan's caps have CB1
and CB2 over the cerebellum, below PO7 and PO8."""

MICROVOLTS = 1e-6
"""Volts in a microvolt; MNE counts in volts."""


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


@dataclass(frozen=True)
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
            One row a trial; without `event` the trials are numbered as they come.
        images : ndarray, shape (n_trials, 28, 28), optional
            The pictures shown, uint8.

        Returns
        -------
        Trials
            The same numbers, validated.

        Raises
        ------
        UserError
            If the parts do not fit, or a value is not finite.
        """
        signals = np.asarray(X, dtype=np.float32)
        if not np.isfinite(signals).all():
            raise UserError("signals hold values that are not finite: drop or repair those trials")
        table = pd.DataFrame(index=range(len(signals))) if metadata is None else metadata.reset_index(drop=True)
        if "event" not in table:
            table = table.assign(event=np.arange(len(table)))
        return cls(signals, np.asarray(y), make_info(ch_names, sfreq), table, images)

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.labels)

    @property
    def sfreq(self) -> float:
        """Rate in Hz."""
        return float(self.info["sfreq"])

    def select(self, chosen: np.ndarray) -> Trials:
        """Return the trials at `chosen`: places (n_chosen,) or a mask (n_trials,)."""
        return replace(
            self,
            signals=self.signals[chosen],
            labels=self.labels[chosen],
            metadata=self.metadata.iloc[np.arange(len(self))[chosen]].reset_index(drop=True),
            images=None if self.images is None else self.images[chosen],
            extras={name: replace(extra, signals=extra.signals[chosen]) for name, extra in self.extras.items()},
        )

    def to_mne(self) -> mne.EpochsArray:
        """Return the trials as MNE epochs in volts, with metadata.

        Returns
        -------
        mne.EpochsArray
            Event ids follow the sorted labels.
        """
        import mne

        classes, codes = np.unique(self.labels, return_inverse=True)
        events = np.column_stack([np.arange(len(self)), np.zeros(len(self), dtype=int), codes])
        return mne.EpochsArray(
            np.asarray(self.signals, dtype=np.float64) * MICROVOLTS,
            self.info,
            events=events,
            event_id={str(label): code for code, label in enumerate(classes)},
            tmin=self.tmin,
            metadata=self.metadata,
            verbose="error",
        )


def make_info(
    ch_names: Sequence[str], sfreq: float, positions: Mapping[str, Sequence[float]] | None = None
) -> mne.Info:
    """Return MNE's description of EEG channels.

    Parameters
    ----------
    ch_names : sequence of str
        Names in any case; those of the 10-05 system get their place on the head.
    sfreq : float
        Rate in Hz.
    positions : mapping of str to (x, y, z), optional
        Places of the electrodes in m in MNE's head coordinates, where they are known.

    Returns
    -------
    mne.Info
        With these places, or those of the standard montage.
    """
    import mne

    info = mne.create_info(list(ch_names), sfreq, "eeg", verbose="error")
    montage: Any
    if positions is None:
        montage = _standard_montage()
    else:
        places = {name: np.array(place) for name, place in positions.items()}
        montage = mne.channels.make_dig_montage(places, coord_frame="head")
    info.set_montage(montage, match_case=False, on_missing="ignore", verbose="error")
    return info


def _standard_montage() -> Any:
    import mne

    montage = mne.channels.make_standard_montage(MONTAGE)
    known = montage.get_positions()
    places = known["ch_pos"]
    added = {name: (places[one] + places[other]) / 2 for name, (one, other) in _BETWEEN.items()}
    landmarks = {name: known[name] for name in ("nasion", "lpa", "rpa")}
    return montage + mne.channels.make_dig_montage(added, coord_frame=known["coord_frame"], **landmarks)


def positions_of(info: mne.Info) -> dict[str, list[float]]:
    """Return the places of the electrodes, where they are known, as `make_info` takes them."""
    places = {channel["ch_name"]: channel["loc"][:3] for channel in info["chs"]}
    return {name: [float(value) for value in place] for name, place in places.items() if np.isfinite(place).all()}
