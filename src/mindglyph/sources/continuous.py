"""Cuts trials out of a continuous recording, at annotations, at a stimulus channel or at a table of events.

A trial holds the samples from `tmin` to `tmax` (rounded to whole samples, the last one left
out) around its event. Signals are read a few dozen trials at a time, so memory stays flat where
MNE reads a file piece by piece. What counts as a row elsewhere is an event here.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.sources.recording import Chunk, ImportSettings, Recording, Refusal, refusal
from mindglyph.trials import MICROVOLTS, ExtraSignals, Trials

DEFAULT_TMIN, DEFAULT_TMAX = -0.1, 0.8
GAP = "BAD_gap"
"""Annotation of a moment at which samples are missing."""

_EVENTS_AT_ONCE = 64
_NO_EVENT = re.compile(r"\s*(bad|edge|boundary|new segment|lost samples)", re.IGNORECASE)
_NO_SCALP = 0.1  # V: what is larger cannot be volts, and the unit was left out
_LABEL_COLUMNS = ("label", "trial_type", "value", "code", "digit")


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
        raise UserError(f"{path}: has no EEG channels (it has {_some(raw.ch_names)}): give an EEG recording")
    tmin = DEFAULT_TMIN if settings.tmin is None else settings.tmin
    tmax = DEFAULT_TMAX if settings.tmax is None else settings.tmax
    sfreq = float(raw.info["sfreq"])
    first, behind = round(tmin * sfreq), round(tmax * sfreq)
    if behind - first < 2:
        raise UserError(f"{path}: there is no trial between tmin {tmin:g} s and tmax {tmax:g} s: make tmax larger")
    events, how = find_events(path, raw, settings)
    counted = ", ".join(f"{label}: {count}" for label, count in sorted(Counter(events["label"]).items())[:12])
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


def find_events(path: Path, raw: mne.io.BaseRaw, settings: ImportSettings) -> tuple[pd.DataFrame, str]:
    """Find the events of a recording.

    Parameters
    ----------
    path : Path
        The file, for errors.
    raw : mne.io.BaseRaw
        The recording.
    settings : ImportSettings
        `events`, `stimulus` and `code` say where and which.

    Returns
    -------
    events : DataFrame
        `sample` (from the start of the recording) and `label` (text), in order of time.
    how : str
        Where they were found, in words.

    Raises
    ------
    UserError
        If there are none, with what there is instead.
    """
    if settings.events is not None:
        table, how = _read_table(settings.events, float(raw.info["sfreq"])), f"the table {settings.events.name}"
    elif settings.stimulus is not None:
        table, how = _by_stimulus(path, raw, settings.stimulus), f"the channel {settings.stimulus}"
    else:
        table, how = _by_annotations(raw), "annotations"
        stimulus = [raw.ch_names[pick] for pick in mne.pick_types(raw.info, meg=False, stim=True)]
        if table.empty and stimulus:
            table, how = _by_stimulus(path, raw, stimulus[0]), f"the channel {stimulus[0]}"
    if table.empty:
        raise UserError(
            f"{path}: has no events ({how}; channels: {_some(raw.ch_names)}): "
            "name a channel with --stimulus, or a table with --events"
        )
    return _with_labels(path, table, settings.code), how


def _with_labels(path: Path, table: pd.DataFrame, code: str | None) -> pd.DataFrame:
    if code is not None:
        try:
            pattern = re.compile(code)
        except re.error as error:
            raise UserError(f"--code '{code}' is no regular expression ({error}): mend it") from error
        found = [pattern.search(text) for text in table["label"]]
        chosen = table[[match is not None for match in found]]
        group = 1 if pattern.groups else 0
        chosen = chosen.assign(label=[match.group(group) for match in found if match is not None])
        if chosen.empty:
            raise UserError(
                f"{path}: none of its events matches --code '{code}' (there are {_some(table['label'])}): mend the code"
            )
        table = chosen
    return table.sort_values("sample", kind="stable").reset_index(drop=True)


def _by_annotations(raw: mne.io.BaseRaw) -> pd.DataFrame:
    # Onsets count from the measurement date where there is one, and then from before the first sample.
    shift = raw.first_time if raw.annotations.orig_time is not None else 0.0
    wanted = [
        (round((onset - shift) * raw.info["sfreq"]), str(text))
        for onset, text in zip(raw.annotations.onset, raw.annotations.description, strict=True)
        if not _NO_EVENT.match(str(text))
    ]
    return pd.DataFrame(wanted, columns=["sample", "label"])


def _by_stimulus(path: Path, raw: mne.io.BaseRaw, channel: str) -> pd.DataFrame:
    if channel not in raw.ch_names:
        raise UserError(f"{path}: has no channel '{channel}' (it has {_some(raw.ch_names)}): name one of these")
    values = raw.get_data(picks=[channel])[0]
    if 0 < np.abs(values).max(initial=0) < _NO_SCALP:
        values = values / MICROVOLTS  # marks that the file calls microvolts
    # EDF keeps 7 as 6.9997, which mne.find_events would cut to 6.
    marks = np.rint(values).astype(np.int64)
    onsets = np.flatnonzero((marks != 0) & (marks != np.concatenate([[0], marks[:-1]])))
    return pd.DataFrame({"sample": onsets, "label": marks[onsets].astype(str)})


def _read_table(path: Path, sfreq: float) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, sep=None, engine="python", dtype=str, keep_default_na=False)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as a table of events ({error}): give CSV or TSV") from error
    label = next((name for name in _LABEL_COLUMNS if name in table), None)
    time = next((name for name in ("sample", "onset") if name in table), None)
    if label is None or time is None:
        raise UserError(
            f"{path}: line 1 needs a column 'onset' (s) or 'sample', and one of {', '.join(_LABEL_COLUMNS)}; "
            f"it has {_some(table.columns)}"
        )
    numbers = pd.to_numeric(table[time], errors="coerce")
    bad = np.flatnonzero(~np.isfinite(numbers))
    if len(bad):
        raise UserError(f"{path}: line {bad[0] + 2}: {time} '{table[time].iloc[bad[0]]}' is no number: mend it")
    samples = np.round(numbers * (1 if time == "sample" else sfreq)).astype(np.int64)
    return pd.DataFrame({"sample": samples, "label": table[label]})


def _some(names: Any, most: int = 12) -> str:
    distinct = list(dict.fromkeys(str(name) for name in names))
    return ", ".join(distinct[:most]) + (f" and {len(distinct) - most} more" if len(distinct) > most else "")


def as_labels(texts: pd.Series) -> np.ndarray:
    """Return labels as whole numbers if all are, and as text otherwise."""
    if texts.str.fullmatch(r"[+-]?\d{1,15}").all():
        return texts.astype(np.int64).to_numpy()
    return texts.to_numpy(dtype=np.str_)


class _Cutter:
    def __init__(
        self, path: Path, continuous: Continuous, events: pd.DataFrame, picks: np.ndarray, first: int, behind: int
    ) -> None:
        self._path, self._continuous, self._events = path, continuous, events
        self._raw, self._picks, self._first, self._behind = continuous.raw, picks, first, behind
        self.size = path.stat().st_size if path.is_file() else 0
        self._labels = as_labels(events["label"])
        self._bad = _bad_stretches(self._raw)
        kinds = self._raw.get_channel_types()
        self._extras: dict[str, list[int]] = {}
        for place, kind in enumerate(kinds):
            if kind not in ("eeg", "stim"):
                self._extras.setdefault(kind.upper(), []).append(place)
        self._scale, self.warnings = self._unit()

    def _unit(self) -> tuple[float, tuple[str, ...]]:
        probe = self._raw.get_data(self._picks, 0, min(self._raw.n_times, int(10 * self._raw.info["sfreq"])))
        if not probe.size or np.nanmedian(np.abs(probe)) < _NO_SCALP:
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
        if start < 0 or stop > self._raw.n_times:
            return None, "the trial reaches beyond the recording"
        for first, last, what in self._bad:
            if first < stop and last >= start:
                return None, f"the trial overlaps what is annotated as {what}"
        data = self._raw.get_data(start=start, stop=stop)
        if not np.isfinite(data).all():
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
            table = table.assign(unix_time=self._raw.info["meas_date"].timestamp() + onsets)
        return table.assign(**self._continuous.facts)


def _bad_stretches(raw: mne.io.BaseRaw) -> list[tuple[int, int, str]]:
    shift = raw.first_time if raw.annotations.orig_time is not None else 0.0
    sfreq = raw.info["sfreq"]
    return [
        (round((onset - shift) * sfreq), round((onset - shift + length) * sfreq), str(text))
        for onset, length, text in zip(
            raw.annotations.onset, raw.annotations.duration, raw.annotations.description, strict=True
        )
        if str(text).lower().startswith("bad")
    ]
