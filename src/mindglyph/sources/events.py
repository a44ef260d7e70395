"""Finds the events of a continuous recording: annotations, a stimulus channel, or a table beside it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.sources.recording import ImportSettings
from mindglyph.trials import MICROVOLTS

_NO_EVENT = re.compile(r"\s*(bad|edge|boundary|new segment|lost samples)", re.IGNORECASE)
_LABEL_COLUMNS = ("label", "trial_type", "value", "code", "digit")
_NO_LABEL = ("", "n/a")  # BIDS writes n/a for what is not known
_MICROVOLT_MARKS = 0.1  # V: marks are whole numbers, so smaller ones were taken for microvolts
_LAST_SAMPLE = 1e15


class NoEvents(UserError):  # noqa: N818 - a recording without events is no damaged one
    """A recording in which there is none of the events that were asked for."""


def find_events(path: Path, raw: mne.io.BaseRaw, settings: ImportSettings) -> tuple[pd.DataFrame, str]:
    """Find the events of a recording.

    Parameters
    ----------
    path : Path
        The file, for errors.
    raw : mne.io.BaseRaw
        The recording.
    settings : ImportSettings
        `events` names a table, `stimulus` a channel, `code` says which events are wanted. Without
        the first two, annotations are taken, and where there are none the first channel of
        marks that holds any.

    Returns
    -------
    events : DataFrame
        `sample` (from the start of the recording) and `label` (text, empty where it is not
        known), in order of time.
    how : str
        Where they were found, in words.

    Raises
    ------
    UserError
        If there are none, with what there is instead.
    """
    if settings.events is not None and settings.stimulus is not None:
        raise UserError("--events and --stimulus both say where the events are: leave one of them out")
    if settings.events is not None:
        table, how = _read_table(settings.events, float(raw.info["sfreq"])), f"the table {settings.events.name}"
    elif settings.stimulus is not None:
        table, how = _by_stimulus(path, raw, settings.stimulus), f"the channel {settings.stimulus}"
    else:
        table, how = _by_annotations(raw), "annotations"
        for pick in mne.pick_types(raw.info, meg=False, stim=True) if table.empty else ():
            table, how = _by_stimulus(path, raw, raw.ch_names[pick]), f"the channel {raw.ch_names[pick]}"
            if not table.empty:
                break
    if table.empty:
        raise NoEvents(
            f"{path}: has no events (looked at {how}; annotations: {some(raw.annotations.description) or 'none'}; "
            f"channels: {some(raw.ch_names)}): name a channel with --stimulus, or a table with --events"
        )
    return _with_labels(path, table, settings.code), how


def as_labels(texts: pd.Series) -> np.ndarray:
    """Return labels as whole numbers if all that are known are, and as text otherwise.

    Parameters
    ----------
    texts : Series of str, length n_events
        As the file has them.

    Returns
    -------
    ndarray, shape (n_events,)
        int64 or text.
    """
    known = texts != ""
    if texts[known].str.fullmatch(r"[+-]?\d{1,15}").all():
        return texts.where(known, "0").astype(np.int64).to_numpy()
    return texts.to_numpy(dtype=np.str_)


def some(names: Iterable[object], most: int = 12) -> str:
    """Return the first of the distinct names, and how many more there are."""
    distinct = list(dict.fromkeys(str(name) for name in names))
    return ", ".join(distinct[:most]) + (f" and {len(distinct) - most} more" if len(distinct) > most else "")


def _with_labels(path: Path, table: pd.DataFrame, code: str | None) -> pd.DataFrame:
    if code is not None:
        try:
            pattern = re.compile(code)
        except re.error as error:
            raise UserError(f"--code '{code}' is no regular expression ({error}): mend it") from error
        found = [pattern.search(text) for text in table["label"]]
        chosen = table[[match is not None for match in found]]
        group = 1 if pattern.groups else 0
        # A group that took no part in the match is no label.
        chosen = chosen.assign(label=[match.group(group) or "" for match in found if match is not None])
        if chosen.empty:
            raise NoEvents(
                f"{path}: none of its events matches --code '{code}' (there are {some(table['label'])}): mend the code"
            )
        table = chosen
    return table.sort_values("sample", kind="stable").reset_index(drop=True)


def _by_annotations(raw: mne.io.BaseRaw) -> pd.DataFrame:
    # MNE's onsets count from before the first sample where a file does not begin at its own zero.
    wanted = [
        (round((onset - raw.first_time) * raw.info["sfreq"]), str(text).strip())
        for onset, text in zip(raw.annotations.onset, raw.annotations.description, strict=True)
        if not _NO_EVENT.match(str(text))
    ]
    return pd.DataFrame(wanted, columns=["sample", "label"])


def _by_stimulus(path: Path, raw: mne.io.BaseRaw, channel: str) -> pd.DataFrame:
    """Return each change of a channel to another value that is not zero; what it begins with is no change."""
    if channel not in raw.ch_names:
        raise UserError(f"{path}: has no channel '{channel}' (it has {some(raw.ch_names)}): name one of these")
    values = np.nan_to_num(raw.get_data(picks=[channel])[0])
    if 0 < np.abs(values).max(initial=0) < _MICROVOLT_MARKS:
        values = values / MICROVOLTS
    # EDF keeps 7 as 6.9997, which mne.find_events would cut to 6.
    marks = np.rint(values).astype(np.int64)
    onsets = np.flatnonzero((marks[1:] != 0) & (marks[1:] != marks[:-1])) + 1
    return pd.DataFrame({"sample": onsets, "label": marks[onsets].astype(str)})


def _read_table(path: Path, sfreq: float) -> pd.DataFrame:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a table of events ({error}): give CSV or TSV") from error
    heading = lines[0] if lines else ""
    separator = next((sign for sign in "\t;" if sign in heading), ",")
    columns = [name.strip() for name in next(csv.reader([heading], delimiter=separator), [])]
    label = next((columns.index(name) for name in _LABEL_COLUMNS if name in columns), None)
    time = next((columns.index(name) for name in ("sample", "onset") if name in columns), None)
    if label is None or time is None:
        raise UserError(
            f"{path}: line 1 needs a column 'onset' (s) or 'sample', and one of {', '.join(_LABEL_COLUMNS)}; "
            f"it has {some(columns) or 'none'}"
        )
    rate = 1.0 if columns[time] == "sample" else sfreq
    rows: list[tuple[int, str]] = []
    for number, line in enumerate(lines[1:], start=2):
        fields = [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]
        if not any(fields):
            continue
        if len(fields) != len(columns):
            raise UserError(f"{path}: line {number}: has {len(fields)} of {len(columns)} columns: mend it")
        place = _number(fields[time]) * rate
        if not abs(place) < _LAST_SAMPLE:
            raise UserError(f"{path}: line {number}: {columns[time]} '{fields[time][:20]}' is no number: mend it")
        rows.append((round(place), "" if fields[label] in _NO_LABEL else fields[label]))
    return pd.DataFrame(rows, columns=["sample", "label"])


def _number(field: str) -> float:
    try:
        return float(field)
    except ValueError:
        return float("nan")
