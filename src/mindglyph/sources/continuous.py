"""Cuts trials out of a continuous recording, at annotations, at a stimulus channel or at a table of events.

A trial holds the samples from `tmin` to `tmax` (rounded to whole samples, the last one left
out) around its event. Signals are read a few dozen trials at a time, so memory stays flat where
MNE reads a file piece by piece. What counts as a row elsewhere is an event here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.sources.events import as_labels, find_events, some
from mindglyph.sources.recording import Chunk, ImportSettings, Recording, Refusal, refusal
from mindglyph.trials import MICROVOLTS, ExtraSignals, Trials

DEFAULT_TMIN, DEFAULT_TMAX = -0.1, 0.8
GAP = "BAD_gap"
"""Annotation of a moment at which samples are missing."""

_EVENTS_AT_ONCE = 64
_NO_SCALP = 1.0  # V: electrodes' own offsets reach 0.3 V, so what is larger was microvolts without their unit
_PROBE_S = 10


@dataclass(frozen=True)
class Continuous:
    """A continuous recording that was opened.

    Attributes
    ----------
    raw : mne.io.BaseRaw
        Signals in volts, with annotations; moments of missing samples are annotated `GAP`.
    device : str
        What it was recorded with, as far as it says.
    facts : mapping of str to object
        What is the same for all its trials: subject, session, run.
    times : ndarray, shape (n_samples,), or None
        Time of each sample in s by the device's own clock, where it gives one.
    warnings : tuple of str
        What a user must know.
    """

    raw: mne.io.BaseRaw
    device: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    times: np.ndarray | None = None
    warnings: tuple[str, ...] = ()


def cut_trials(path: Path, name: str, continuous: Continuous, settings: ImportSettings) -> Recording:
    """Make a continuous recording ready to be read as trials.

    Parameters
    ----------
    path : Path
        The file, for errors and metadata.
    name : str
        Name of the file format.
    continuous : Continuous
        The recording.
    settings : ImportSettings
        Where its events are and what is cut around them.

    Returns
    -------
    Recording
        One row an event.

    Raises
    ------
    UserError
        If there are no EEG channels, no events, or no time between tmin and tmax.
    """
    raw = continuous.raw
    picks = mne.pick_types(raw.info, eeg=True, exclude=[])
    if not len(picks):
        raise UserError(f"{path}: has no EEG channels (it has {some(raw.ch_names)}): give an EEG recording")
    tmin = DEFAULT_TMIN if settings.tmin is None else settings.tmin
    tmax = DEFAULT_TMAX if settings.tmax is None else settings.tmax
    sfreq = float(raw.info["sfreq"])
    first, behind = round(tmin * sfreq), round(tmax * sfreq)
    if behind - first < 2:
        raise UserError(f"{path}: there is no trial between tmin {tmin:g} s and tmax {tmax:g} s: make tmax larger")
    events, how = find_events(path, raw, settings)
    counted = some(f"{label or 'no label'}: {count}" for label, count in sorted(Counter(events["label"]).items()))
    cutter = _Cutter(path, continuous, events, np.asarray(picks), first, behind)
    minutes = raw.n_times / sfreq / 60
    return Recording(
        path=path,
        format=name,
        seen=f"{minutes:.1f} minutes of {len(picks)} EEG channels at {sfreq:g} Hz, {len(events)} events by {how} "
        f"({counted}), cut from {1000 * first / sfreq:.0f} to {1000 * behind / sfreq:.0f} ms",
        info=mne.pick_info(raw.info, picks),
        n_times=behind - first,
        size=cutter.size,
        read=cutter.chunks,
        device=continuous.device,
        warnings=(*continuous.warnings, *cutter.warnings),
    )


class _Cutter:
    def __init__(
        self, path: Path, continuous: Continuous, events: pd.DataFrame, picks: np.ndarray, first: int, behind: int
    ) -> None:
        self._path, self._continuous, self._events = path, continuous, events
        self._raw, self._picks, self._first, self._behind = continuous.raw, picks, first, behind
        self._labels = as_labels(events["label"])
        self._bad = _bad_stretches(self._raw)
        kinds = self._raw.get_channel_types()
        self._extras: dict[str, list[int]] = {}
        for place, kind in enumerate(kinds):
            if kind not in ("eeg", "stim"):
                self._extras.setdefault(_extra_name(self._raw.ch_names[place], kind), []).append(place)
        self._scale, self.warnings = self._unit()
        files = {Path(file) for file in (path, *self._raw.filenames) if file is not None}
        self.size = sum(file.stat().st_size for file in files if file.is_file())

    def _unit(self) -> tuple[float, tuple[str, ...]]:
        """Return what makes microvolts of the values, and what a user must know of it."""
        n_probe = min(self._raw.n_times, int(_PROBE_S * self._raw.info["sfreq"]))
        largest = 0.0
        # A recording may begin or end with nothing but zeros.
        for start in {0, (self._raw.n_times - n_probe) // 2, self._raw.n_times - n_probe}:
            probe = np.abs(self._raw.get_data(self._picks, start, start + n_probe))
            largest = max(largest, _median(probe))
        if largest < _NO_SCALP:
            return 1 / MICROVOLTS, ()
        return 1.0, ("the file gives no unit for its signals; they were taken as microvolts",)

    def chunks(self) -> Iterator[Chunk]:
        for start in range(0, len(self._events), _EVENTS_AT_ONCE):
            places = range(start, min(start + _EVENTS_AT_ONCE, len(self._events)))
            kept: list[tuple[int, np.ndarray]] = []
            refusals: list[Refusal] = []
            for place in places:
                data, why = self._trial(place)
                if data is None:
                    label = str(self._events["label"][place]).encode()
                    refusals.append(refusal(place + 1, why, label, self._path.name))
                else:
                    kept.append((place, data))
            position = self.size * places.stop // len(self._events)
            yield Chunk(self._trials(kept) if kept else None, refusals, len(places), position)

    def _trial(self, place: int) -> tuple[np.ndarray | None, str]:
        sample = int(self._events["sample"][place])
        start, stop = sample + self._first, sample + self._behind
        if not self._events["label"][place]:
            return None, "the event has no label"
        if start < 0 or stop > self._raw.n_times:
            return None, "the trial reaches beyond the recording"
        for first, last, what in self._bad:
            if first < stop and last > start:
                return None, f"the trial overlaps what is annotated as {what}"
        data = self._raw.get_data(start=start, stop=stop)
        if not np.isfinite(data[self._picks]).all():
            return None, "the trial holds values that are not finite"
        return data, ""

    def _trials(self, kept: list[tuple[int, np.ndarray]]) -> Trials:
        places = [place for place, _ in kept]
        data = np.stack([part for _, part in kept])
        sfreq = float(self._raw.info["sfreq"])
        names = self._raw.ch_names
        extras = {
            kind: ExtraSignals(data[:, rows].astype(np.float32), tuple(names[row] for row in rows), sfreq)
            for kind, rows in self._extras.items()
        }
        return Trials(
            signals=(data[:, self._picks] * self._scale).astype(np.float32),
            labels=self._labels[places],
            info=mne.pick_info(self._raw.info, self._picks),
            metadata=self._metadata(places),
            extras=extras,
            tmin=self._first / sfreq,
        )

    def _metadata(self, places: list[int]) -> pd.DataFrame:
        samples = self._events["sample"].to_numpy()[places]
        times = self._continuous.times
        onsets = samples / self._raw.info["sfreq"] if times is None else times[samples] - times[0]
        table = pd.DataFrame(
            {
                "event": np.array(places) + 1,
                "onset_s": onsets,
                "n_samples": self._behind - self._first,
                "file": self._path.name,
                "line": np.array(places) + 1,
            }
        )
        if self._raw.info["meas_date"] is not None:
            table = table.assign(unix_time=self._raw.info["meas_date"].timestamp() + self._raw.first_time + onsets)
        return table.assign(**self._continuous.facts)


def _extra_name(channel: str, kind: str) -> str:
    """Return what signals that are no EEG are kept under: what moves by its name, else MNE's kind of channel."""
    name = channel.upper()
    moving = next((word for word in ("ACC", "GYRO") if name.startswith(word)), None)
    return moving or ("AUX" if "AUX" in name else kind.upper())


def _median(values: np.ndarray) -> float:
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else 0.0


def _bad_stretches(raw: mne.io.BaseRaw) -> list[tuple[int, int, str]]:
    """Return first sample, sample behind the last, and description of what must not be used.

    Where nothing lies between the two, as in a gap, trials that reach over that moment are meant.
    """
    sfreq, shift = raw.info["sfreq"], raw.first_time
    return [
        (round((onset - shift) * sfreq), round((onset - shift + length) * sfreq), str(text))
        for onset, length, text in zip(
            raw.annotations.onset, raw.annotations.duration, raw.annotations.description, strict=True
        )
        if str(text).lower().startswith("bad")
    ]
