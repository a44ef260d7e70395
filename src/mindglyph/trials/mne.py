"""Trials to MNE's epochs and back.

MNE counts in volts and in float64. A float32 microvolt divided by a million and multiplied
again in float64 is off by less than 1e-15 of itself, so rounding it to float32 gives the
number that went in: signals come back exactly. Epochs saved with `fmt="double"` keep that;
MNE's default file format rounds volts to float32, after which a value may be off by 1.2e-7 of
itself.
"""

from __future__ import annotations

import re

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.trials.arrays import refuse_what_is_not_finite
from mindglyph.trials.channels import MICROVOLTS, make_info, positions_of
from mindglyph.trials.trials import ExtraSignals, Trials

_SAMPLE = "sample"
_ONSET = "onset_s"
_WHOLE = re.compile(r"0|-?[1-9]\d*")


def to_mne(trials: Trials) -> mne.EpochsArray:
    """Return trials as MNE epochs in volts, with metadata.

    Parameters
    ----------
    trials : Trials
        Trials of one length.

    Returns
    -------
    mne.EpochsArray
        Event ids follow the sorted labels. Extras of the same rate and length come along as
        channels of type `misc`, in their own unit; what was recorded at another rate is left
        out, as are the pictures shown. Events lie at the `sample` of the metadata where it
        rises from trial to trial, and else at 0, 1, 2, … MNE puts `tmin` on the nearest whole
        sample.

    Raises
    ------
    UserError
        If there are no trials.
    """
    if not len(trials):
        raise UserError("there are no trials, and MNE's epochs cannot be empty: choose some")
    classes, codes = np.unique(trials.labels, return_inverse=True)
    epochs = mne.EpochsArray(
        np.multiply(trials.signals, MICROVOLTS, dtype=np.float64),
        trials.info,
        events=np.column_stack([_samples(trials), np.zeros(len(trials), dtype=int), codes]),
        event_id={str(label): code for code, label in enumerate(classes)},
        tmin=trials.tmin,
        metadata=trials.metadata,
        verbose="error",
    )
    beside = _beside(trials, epochs.events)
    return epochs.add_channels(beside, force_update_info=True) if beside else epochs


def from_mne(epochs: mne.BaseEpochs) -> Trials:
    """Make trials of MNE's epochs.

    Parameters
    ----------
    epochs : mne.BaseEpochs
        Epochs in memory, or in a file from which they were not loaded yet. Epochs that MNE
        dropped are no trials. EEG channels that are marked bad come along and stay marked.

    Returns
    -------
    Trials
        In the order of recording, by the sample of their events, since epochs may have been shuffled
        or sorted by condition; what shares a sample stays as it stood. EEG in microvolts, the other
        channels as extras by MNE's name of their type (`eog`,
        `misc`, …) in MNE's unit. Labels are the names of the events, as whole numbers where
        all names are. The metadata gain, unless they have them, `event`, the running number,
        `sample`, where MNE counts the event, and `onset_s`, that sample in s. MNE counts
        samples at the rate of the recording, also after epochs were decimated or resampled.
        Events that are merely numbered 0, 1, 2, … tell no time and give no `onset_s`.
        Electrodes sit where MNE has them, or where the standard montage does if MNE has none.
        Projectors are not taken along: apply them before. Extras that `to_mne` took along come
        back together as `misc`; the pictures shown, which it left out, do not.

    Raises
    ------
    UserError
        If no epoch or no EEG channel is left, if events have no or several names, or if values
        are not finite.
    """
    if not isinstance(epochs, mne.BaseEpochs):
        raise UserError(f"{type(epochs).__name__} is not MNE's epochs: cut trials with mne.Epochs first")
    # Epochs that were not loaded do not know yet which of them are to be dropped.
    loaded = epochs if epochs.preload else epochs.copy().load_data()
    chosen = mne.pick_types(loaded.info, eeg=True, exclude=())
    if not len(chosen):
        kinds = ", ".join(sorted(set(loaded.get_channel_types())))
        raise UserError(f"the epochs have no EEG channel, only {kinds}: name their type with set_channel_types")
    if not len(loaded):
        raise UserError("no epoch is left, all were dropped: see epochs.plot_drop_log()")
    samples = loaded.events[:, 0]
    if (np.diff(samples) < 0).any():
        # A split in stretches is honest only where neighbours in time are neighbours.
        loaded = loaded[np.argsort(samples, kind="stable")]
    data = loaded.get_data(copy=False)
    if not np.isrealobj(data):
        raise UserError("the epochs hold complex numbers: give the signals themselves")
    info = _eeg_info(loaded.info, chosen)
    signals = (data[:, chosen] / MICROVOLTS).astype(np.float32)
    refuse_what_is_not_finite(signals, info["ch_names"])
    return Trials(
        signals, _labels(loaded), info, _table(loaded), extras=_extras(loaded, data), tmin=float(loaded.times[0])
    )


def _beside(trials: Trials, events: np.ndarray) -> list[mne.EpochsArray]:
    """Return the extras that fit the trials in rate and length, each as epochs of `misc` channels."""
    taken = set(trials.info["ch_names"])
    parts = []
    for name, extra in trials.extras.items():
        if extra.sfreq != trials.sfreq or extra.signals.shape[2] != trials.signals.shape[2]:
            continue
        # Extras of two devices may share a channel name; the name of the extra tells them apart.
        names = [f"{name} {channel}" if channel in taken else channel for channel in extra.ch_names]
        taken.update(names)
        info = mne.create_info(names, extra.sfreq, "misc", verbose="error")
        data = extra.signals.astype(np.float64)
        parts.append(mne.EpochsArray(data, info, events=events, tmin=trials.tmin, verbose="error"))
    return parts


def _samples(trials: Trials) -> np.ndarray:
    counted = np.arange(len(trials))
    if _SAMPLE not in trials.metadata:
        return counted
    samples = trials.metadata[_SAMPLE].to_numpy()
    # MNE takes no event twice, and files of it count samples in 32 bits.
    usable = np.issubdtype(samples.dtype, np.integer) and (np.diff(samples) > 0).all()
    return samples if usable and samples[0] >= 0 and samples[-1] < 2**31 else counted


def _labels(epochs: mne.BaseEpochs) -> np.ndarray:
    names: dict[int, str] = {}
    for name, code in epochs.event_id.items():
        if names.setdefault(int(code), name) != name:
            raise UserError(f"event {code} is called both '{names[int(code)]}' and '{name}': give it one name")
    labels = [names[int(code)] for code in epochs.events[:, 2]]
    whole = all(_WHOLE.fullmatch(label) for label in labels)
    return np.array(labels, dtype=np.int64) if whole else np.array(labels)


def _table(epochs: mne.BaseEpochs) -> pd.DataFrame:
    given = epochs.metadata
    table = pd.DataFrame(index=range(len(epochs))) if given is None else given.reset_index(drop=True)
    if "event" not in table:
        table = table.assign(event=np.arange(len(table)))
    elif not pd.api.types.is_numeric_dtype(table["event"]):
        raise UserError(
            "the metadata's 'event' are no numbers, and should be the order of recording: rename the column"
        )
    samples = epochs.events[:, 0]
    if _SAMPLE not in table:
        table = table.assign(**{_SAMPLE: samples})
    if _ONSET not in table and not np.array_equal(samples, np.arange(len(samples))):
        # The rate of epochs that were decimated is no longer the one at which their events are counted.
        # MNE keeps that one as a number, but as an array of one in epochs from a file.
        table = table.assign(**{_ONSET: samples / float(np.ravel(epochs._raw_sfreq)[0])})
    return table


def _eeg_info(info: mne.Info, chosen: np.ndarray) -> mne.Info:
    eeg = mne.pick_info(info, chosen, verbose="error")
    # Readers of formats without positions write zeros.
    places = {name: place for name, place in positions_of(eeg).items() if any(place)}
    ours = make_info(eeg["ch_names"], float(info["sfreq"]), places or None)
    ours["bads"] = list(eeg["bads"])
    return ours


def _extras(epochs: mne.BaseEpochs, data: np.ndarray) -> dict[str, ExtraSignals]:
    kinds = np.array(epochs.get_channel_types())
    extras = {}
    for kind in dict.fromkeys(kinds[kinds != "eeg"]):
        places = np.flatnonzero(kinds == kind)
        names = tuple(epochs.ch_names[place] for place in places)
        extras[str(kind)] = ExtraSignals(data[:, places].astype(np.float32), names, float(epochs.info["sfreq"]))
    return extras
