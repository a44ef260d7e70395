"""Reads CSVs that the Muse's LSL recorders write: timestamps, channels, and markers at onsets.

The timestamps are rounded to milliseconds and jump back and forth where packets arrive, so the
difference of two neighbours says little; over minutes they give 256.0 samples a second, which is
the headset's own clock. So samples are taken as evenly spaced at 256 Hz, and the timestamps only
tell where samples are missing.
"""

from __future__ import annotations

import re
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
_LONGEST_STEP = 0.1  # s between two samples, beyond what late packets make
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
    codes = table[markers].to_numpy()
    rows, columns = np.nonzero(codes)
    # Where two marker columns tell of the same moment, the first counts.
    rows, first = np.unique(rows, return_index=True)
    gaps = np.flatnonzero(np.diff(times) > _LONGEST_STEP) + 1
    onsets = np.concatenate([rows, gaps]) / NOMINAL_RATE
    texts = [f"{codes[row, column]:g}" for row, column in zip(rows, columns[first], strict=True)] + [GAP] * len(gaps)
    raw.set_annotations(mne.Annotations(onsets, np.zeros(len(onsets)), texts), verbose="error")
    return Continuous(raw, _DEVICE, times=times, warnings=_warnings(times, gaps))


def _warnings(times: np.ndarray, gaps: np.ndarray) -> tuple[str, ...]:
    rate = (len(times) - 1) / (times[-1] - times[0])
    warnings = []
    if abs(rate / NOMINAL_RATE - 1) > 0.002:
        warnings.append(f"by its timestamps the rate is {rate:.1f} Hz; {NOMINAL_RATE:g} Hz are taken")
    if len(gaps):
        missing = (times[gaps] - times[gaps - 1]).sum()
        warnings.append(f"samples are missing at {len(gaps)} moments, {missing:.1f} s in all; trials there are refused")
    return tuple(warnings)


def _table(path: Path) -> pd.DataFrame:
    try:
        with open_bytes(path) as file:
            text = pd.read_csv(file, dtype=str, keep_default_na=False)
    except (OSError, EOFError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a table ({error}): fetch or record it again") from error
    if len(text) < 2:
        raise UserError(f"{path}: holds no samples below its header: record it again")
    table = text.apply(pd.to_numeric, errors="coerce")
    bad = np.argwhere(~np.isfinite(table.to_numpy()))
    if len(bad):
        row, column = bad[0]
        raise UserError(
            f"{path}: line {row + 2}: {text.columns[column]} is no number ('{text.iloc[row, column][:20]}'): "
            "remove the line, or fetch the file again"
        )
    if table["timestamps"].iloc[-1] <= table["timestamps"].iloc[0]:
        raise UserError(f"{path}: its timestamps do not grow: give the file as it was recorded")
    return table


def _open(path: Path, settings: ImportSettings) -> Recording:
    return cut_trials(path, "muse-csv", read_muse(path), settings)


def _recognises(start: Start) -> bool:
    return bool(_HEADER.match(start.content))


_LINE = "Muse by LSL: CSV with timestamps and markers"
FORMATS = (FileFormat("muse-csv", _LINE, _recognises, _open, CONTINUOUS_OPTIONS),)
