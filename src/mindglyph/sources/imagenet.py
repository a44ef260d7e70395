"""Reads the ImageNet of the Brain (2018): a folder with a file for each image that was seen.

`MindBigData_Imagenet_Insight_<WordNet id>_<image>_<session>_<event>.csv` holds five rows, each a channel's
name and its samples, about 384 at 128 Hz. The labels are the WordNet ids. Rows are cropped or padded to
384 as elsewhere; a row that cannot be used takes its trial along.

Data: D. Vivancos, MindBigData, the "IMAGENET" of the Brain.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.headsets import IMAGENET
from mindglyph.sources.recording import (
    SIMULATED_IDS_FROM,
    Chunk,
    FileFormat,
    ImportSettings,
    Recording,
    Refusal,
    Start,
    refusal,
)
from mindglyph.sources.rows import MINIMUM_SHARE, RefusedRow
from mindglyph.sources.wide_rows import float32_values
from mindglyph.trials import Trials, make_info

_NAME = re.compile(r"MindBigData_Imagenet_Insight_(n\d+)_(\d+)_(\d+)_(\d+)\.csv", re.IGNORECASE)
_CHANNELS = tuple(channel.upper() for channel in IMAGENET.channels)
_CHUNK_TRIALS = 512
_GIVE_UP_AFTER = 1000
_LARGEST_FILE = 1 << 22


@dataclass(frozen=True, order=True)
class _File:
    """A file of the folder, by what its name says."""

    event: int
    path: Path
    word: str = field(compare=False)
    image: str = field(compare=False)
    session: int = field(compare=False)
    size: int = field(compare=False)


@dataclass(frozen=True)
class _Row:
    """A row that passed every check of its own."""

    text: bytes
    line: int
    channel: str
    n_samples: int
    values: np.ndarray


def _recognises(start: Start) -> bool:
    return start.is_folder and any(_NAME.fullmatch(path.name) for path in _files_in(start.path))


def _files_in(folder: Path) -> Iterator[Path]:
    for here, _, names in os.walk(folder):
        yield from (Path(here) / name for name in names)


def _open(path: Path, settings: ImportSettings) -> Recording:
    if not path.is_dir():
        raise UserError(f"{path}: is no folder: give the folder with all the files of the ImageNet of the Brain")
    files, others = [], 0
    for found in _files_in(path):
        if match := _NAME.fullmatch(found.name):
            word, image, session, event = match.groups()
            files.append(_File(int(event), found, word, f"{word}_{image}", int(session), found.stat().st_size))
        elif found.suffix.lower() == ".csv":
            others += 1
    if not files:
        raise UserError(f"{path}: holds no file named MindBigData_Imagenet_Insight_…csv: is it the right folder?")
    files.sort()
    strangers = (f"{others:,} CSV files of other names were passed over",) if others else ()
    scale = settings.microvolts or 1.0

    def read() -> Iterator[Chunk]:
        yield from _Reader(path, scale).chunks(files)

    return Recording(
        path=path,
        format="imagenet",
        seen=f"MindBigData's ImageNet of the Brain of 2018: {IMAGENET.name}, {len(files):,} files, "
        f"{len(IMAGENET.channels)} channels, {IMAGENET.n_times} samples at {IMAGENET.sfreq:g} Hz",
        info=make_info(IMAGENET.channels, IMAGENET.sfreq),
        n_times=IMAGENET.n_times,
        size=sum(file.size for file in files),
        read=read,
        rows_per_trial=len(IMAGENET.channels),
        device=IMAGENET.name,
        warnings=strangers,
    )


FORMATS = (
    FileFormat(
        "imagenet",
        "MindBigData's ImageNet of the Brain of 2018, Emotiv Insight: a folder with a file for each image",
        _recognises,
        _open,
        options=frozenset({"microvolts"}),
    ),
)
"""The one format of this set."""


class _Reader:
    def __init__(self, folder: Path, scale: float) -> None:
        self._folder, self._scale = folder, scale
        self._info = make_info(IMAGENET.channels, IMAGENET.sfreq)
        self._complete: list[tuple[_File, list[_Row]]] = []
        self._refusals: list[Refusal] = []
        self._rows_read = self._rows_passed = self._position = 0
        self._none_kept = True

    def chunks(self, files: list[_File]) -> Iterator[Chunk]:
        for file in files:
            self._read(file)
            self._position += file.size
            if len(self._complete) >= _CHUNK_TRIALS or len(self._refusals) >= 2 * _CHUNK_TRIALS:
                yield self._chunk()
        yield self._chunk()

    def _read(self, file: _File) -> None:
        try:
            with file.path.open("rb") as opened:
                content = opened.read(_LARGEST_FILE)
        except OSError as error:
            raise UserError(f"{file.path}: cannot be read ({error.strerror}): fetch it again") from error
        lines = [(line, text) for line, text in enumerate(content.split(b"\n"), start=1) if text.strip()]
        if not lines:
            # An event without a row is counted as one, lest it be lost without a word.
            self._rows_read += 1
            self._refuse(file, 1, b"", "the file is empty")
        rows: dict[str, _Row] = {}
        for line, text in lines:
            self._rows_read += 1
            self._rows_passed += 1
            try:
                row = _parse(text, line, self._scale)
                if row.channel in rows:
                    raise RefusedRow(f"event {file.event} has channel {row.channel} already")
                rows[row.channel] = row
            except RefusedRow as why:
                self._refuse(file, line, text, str(why))
        self._finish(file, rows)

    def _finish(self, file: _File, rows: dict[str, _Row]) -> None:
        missing = [channel for channel in _CHANNELS if channel not in rows]
        if not missing:
            self._none_kept = False
            self._complete.append((file, [rows[channel] for channel in _CHANNELS]))
        for row in rows.values() if missing else ():
            self._refuse(file, row.line, row.text, f"event {file.event} is incomplete: {', '.join(missing)} missing")

    def _refuse(self, file: _File, line: int, text: bytes, reason: str) -> None:
        self._refusals.append(refusal(line, reason, text, file.path.name))
        if self._none_kept and self._rows_passed >= _GIVE_UP_AFTER:
            raise UserError(
                f"{self._folder}: none of the first {_GIVE_UP_AFTER} rows can be used ({file.path.name}, line {line}: "
                f"{reason}): is it the right folder?"
            )

    def _chunk(self) -> Chunk:
        trials = _as_trials(self._complete, self._info) if self._complete else None
        chunk = Chunk(trials, self._refusals, self._rows_read, self._position)
        self._complete, self._refusals, self._rows_read = [], [], 0
        return chunk


def _parse(text: bytes, line: int, scale: float) -> _Row:
    """Read one row and check it; RefusedRow gives the reason."""
    plain = text.removeprefix(b"\xef\xbb\xbf").strip().removesuffix(b",")
    name, _, data = plain.partition(b",")
    channel = name.strip().strip(b'"').decode("utf-8", "replace")
    if channel.upper() not in _CHANNELS:
        raise RefusedRow(f"channel '{channel[:20]}' is none of the Insight's")
    values = np.empty(IMAGENET.n_times, dtype=np.float32)
    count = _fill(values, data, scale)
    if count < MINIMUM_SHARE * IMAGENET.n_times:
        raise RefusedRow(f"is too short: {count} of {IMAGENET.n_times} samples")
    # The edge value draws no cliff, as a zero on an offset of 4,200 would.
    values[count:] = values[min(count, len(values)) - 1]
    return _Row(text, line, channel.upper(), count, values)


def _fill(values: np.ndarray, data: bytes, scale: float) -> int:
    """Write the numbers of a row, as many as there is room for, and return how many there are."""
    from mindglyph.sources.wide_numbers import parse_list

    count = int(parse_list(np.frombuffer(data, dtype=np.uint8), scale, values))
    if count < 0:
        found = float32_values(data.split(b","), scale, lambda place: f"value {place + 1}")
        count = len(found)
        values[:count] = found[: len(values)]
    return count


def _as_trials(complete: list[tuple[_File, list[_Row]]], info: mne.Info) -> Trials:
    files = [file for file, _ in complete]
    metadata = pd.DataFrame(
        {
            "event": [file.event for file in files],
            "image": [file.image for file in files],
            "image_session": [file.session for file in files],
            "n_samples": [min(row.n_samples for row in rows) for _, rows in complete],
            "simulated": [file.event >= SIMULATED_IDS_FROM for file in files],
            "file": [file.path.name for file in files],
            "line": 1,
        }
    )
    return Trials(
        signals=np.stack([[row.values for row in rows] for _, rows in complete]),
        labels=np.array([file.word for file in files]),
        info=info,
        metadata=metadata,
    )
