"""Reads CSVs that the Muse's LSL recorders write: timestamps, channels, and markers at onsets.

The timestamps are rounded to milliseconds, so that most neighbours lie 4 ms apart, which looks
like 250 Hz, and in some files they jump back and forth by 30 ms where packets of 12 samples
arrive. Over minutes they give 256.0 samples a second, which is the headset's own clock. So
samples are taken as evenly spaced at 256 Hz, and the timestamps only tell where samples are
missing: where their middle over three packets moves on by more than half a packet.
"""

from __future__ import annotations

import re
import zlib
from dataclasses import replace
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.sources.continuous import GAP, Continuous, cut_trials
from mindglyph.sources.recording import CONTINUOUS_OPTIONS, FileFormat, ImportSettings, Recording, Start, open_bytes
from mindglyph.trials import MICROVOLTS, make_info

NOMINAL_RATE = 256.0
_DEVICE = "Interaxon Muse"
_PACKET = 12  # samples that the headset sends at once
_SMALLEST_LOSS = _PACKET / 2 / NOMINAL_RATE
_AGREES = 0.002
_HEADER = re.compile(rb"(?:\xef\xbb\xbf)?timestamps,(?:[^,\r\n]+,)+Marker\d*(?:,Marker\d*)*\r?\n")


def read_muse(path: Path) -> Continuous:
    """Read a Muse LSL file, plain or gzipped.

    Parameters
    ----------
    path : Path
        With the columns `timestamps`, EEG channels in microvolts, perhaps `Right AUX`, and
        one or more that begin with `Marker`, zero but at an onset.

    Returns
    -------
    Continuous
        Markers as annotations; `Right AUX` is no EEG.

    Raises
    ------
    UserError
        If the table is damaged, with the line.
    """
    table = _table(path)
    names = [str(name) for name in table if name != "timestamps"]
    markers = [name for name in names if name.startswith("Marker")]
    beside = [name for name in names if "AUX" in name.upper()]
    eeg = [name for name in names if name not in (*markers, *beside)]
    times = table["timestamps"].to_numpy()
    info = mne.create_info([*eeg, *beside], NOMINAL_RATE, ["eeg"] * len(eeg) + ["misc"] * len(beside), verbose="error")
    info.set_montage(make_info(eeg, NOMINAL_RATE).get_montage(), on_missing="ignore", verbose="error")
    signals = table[[*eeg, *beside]].to_numpy().T * np.array([MICROVOLTS] * len(eeg) + [1.0] * len(beside))[:, None]
    raw = mne.io.RawArray(signals, info, verbose="error")
    onsets, texts = _marks(table[markers].to_numpy())
    gaps, missing_s = find_gaps(times)
    places = np.concatenate([onsets, gaps]) / NOMINAL_RATE
    texts += [GAP] * len(gaps)
    raw.set_annotations(mne.Annotations(places, np.zeros(len(places)), texts), verbose="error")
    return Continuous(raw, _DEVICE, times=times, warnings=_warnings(times, gaps, missing_s))


def _marks(codes: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return where markers begin and what they are: of (n_samples, n_markers), zero but at an event."""
    # A marker that is held for some samples is one event.
    begins = (codes != 0) & (codes != np.vstack([np.zeros_like(codes[:1]), codes[:-1]]))
    rows, columns = np.nonzero(begins)
    # Where two marker columns tell of the same moment, the first counts.
    rows, first = np.unique(rows, return_index=True)
    values = codes[rows, columns[first]]
    return rows, [str(int(value)) if value == int(value) else str(value) for value in values]


def find_gaps(times: np.ndarray) -> tuple[np.ndarray, float]:
    """Find where samples are missing.

    Parameters
    ----------
    times : ndarray, shape (n_samples,)
        Timestamps in s.

    Returns
    -------
    gaps : ndarray, shape (n_gaps,)
        The first sample after each.
    missing_s : float
        How much is missing in all; negative where the clock was set back.
    """
    lag = times - np.arange(len(times)) / NOMINAL_RATE
    near = 3 * _PACKET
    found: list[int] = []
    missing_s = 0.0
    for place in np.flatnonzero(np.abs(np.diff(lag)) > _SMALLEST_LOSS) + 1:
        # A packet that came late moves a few timestamps; one that is lost moves all that follow.
        begin = max(found[-1] if found else 0, place - near)
        moved = float(np.median(lag[place : place + near]) - np.median(lag[begin:place]))
        if abs(moved) > _SMALLEST_LOSS:
            found.append(int(place))
            missing_s += moved
    return np.array(found, dtype=np.int64), missing_s


def _warnings(times: np.ndarray, gaps: np.ndarray, missing_s: float) -> tuple[str, ...]:
    rate = (len(times) - 1) / (times[-1] - times[0] - missing_s)
    warnings = []
    if abs(rate / NOMINAL_RATE - 1) > _AGREES:
        warnings.append(f"by its timestamps the rate is {rate:.1f} Hz; {NOMINAL_RATE:g} Hz are taken")
    if len(gaps):
        warnings.append(
            f"samples are missing at {len(gaps)} moments, {missing_s:.2f} s in all; trials there are refused"
        )
    return tuple(warnings)


def _table(path: Path) -> pd.DataFrame:
    try:
        with open_bytes(path) as file:
            table = pd.read_csv(file, dtype=np.float64, encoding="utf-8-sig", skip_blank_lines=False)
    except (OSError, EOFError, ValueError, zlib.error):
        table = _table_with_reason(path)
    # Blank lines are no samples; those in the middle have been counted as lines.
    table = table.dropna(how="all")
    if len(table) < 2:
        raise UserError(f"{path}: holds no samples below its header: record it again")
    if not np.isfinite(table.to_numpy()).all():
        table = _table_with_reason(path)
    if table["timestamps"].iloc[-1] <= table["timestamps"].iloc[0]:
        raise UserError(f"{path}: its timestamps do not grow: give the file as it was recorded")
    return table.reset_index(drop=True)


def _table_with_reason(path: Path) -> pd.DataFrame:
    """Read a table whose numbers could not be read at once; say which line is in the way."""
    try:
        with open_bytes(path) as file:
            text = pd.read_csv(file, dtype=str, encoding="utf-8-sig", keep_default_na=False, skip_blank_lines=False)
    except (OSError, EOFError, ValueError, zlib.error) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as a table ({why}): fetch or record it again") from error
    text = text.fillna("")
    text = text[(text != "").any(axis=1)]
    table = text.apply(pd.to_numeric, errors="coerce")
    bad = np.argwhere(~np.isfinite(table.to_numpy()))
    if len(bad):
        row, column = bad[0]
        found = f" ('{text.iloc[row, column][:20]}')" if text.iloc[row, column] else ", since the line ends before it"
        raise UserError(
            f"{path}: line {text.index[row] + 2}: {text.columns[column]} is no number{found}: "
            "remove the line, or fetch the file again"
        )
    return table


def _open(path: Path, settings: ImportSettings) -> Recording:
    muse = read_muse(path)
    recording = cut_trials(path, "muse-csv", muse, settings)
    assert muse.times is not None
    _, missing_s = find_gaps(muse.times)
    rate = (len(muse.times) - 1) / (muse.times[-1] - muse.times[0] - missing_s)
    return replace(recording, seen=f"{recording.seen}; {rate:.2f} Hz by its timestamps")


def _recognises(start: Start) -> bool:
    return bool(_HEADER.match(start.content))


_LINE = "Muse by LSL: CSV with timestamps and markers"
FORMATS = (FileFormat("muse-csv", _LINE, _recognises, _open, CONTINUOUS_OPTIONS),)
