"""Reads MindBigData's 2014-15 text files (EP, MW, MU, IN) as a stream.

Rows of one event belong together by event number, wherever they stand. What waits for its
fellows is held as values only up to a limit and beyond it as a place in the file, so memory
stays at the chunk in hand. Every row read is kept in a trial or refused with a reason.

Data: D. Vivancos, MindBigData, the "MNIST of Brain Digits" (2014-15).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS, Headset
from mindglyph.sources.rows import RefusedRow, Row, device_of, parse_row
from mindglyph.trials import Trials, make_info

SIMULATED_IDS_FROM = 2_000_000_000
"""Row ids from here on mark a simulated file; real files count up from zero."""

_LONGEST_LINE = 1 << 22
_GIVE_UP_AFTER = 1000
_REFUSALS_AT_ONCE = 1024
_HELD_VALUES = 1 << 23  # 32 MB of float32


@dataclass(frozen=True)
class Refusal:
    """A row that was not kept.

    Attributes
    ----------
    line : int
        Line number, from 1.
    reason : str
        Why, in words.
    kind : str
        The reason without the row's own numbers, for counting.
    text : bytes
        The line as it stood in the file, without its end.
    """

    line: int
    reason: str
    kind: str
    text: bytes


@dataclass(frozen=True)
class Chunk:
    """What a stretch of the file gave.

    Attributes
    ----------
    trials : Trials or None
        Complete events, in the order in which they became complete.
    refusals : list of Refusal
        Rows that were not kept.
    rows_read : int
        Rows passed since the last chunk.
    position : int
        Bytes of the file read so far.
    """

    trials: Trials | None
    refusals: list[Refusal]
    rows_read: int
    position: int


def detect_headset(path: Path) -> Headset:
    """Find out whose recording a file is, from its first lines.

    Parameters
    ----------
    path : Path
        A 2014-15 text file.

    Returns
    -------
    Headset
        That of the first line that names one.

    Raises
    ------
    UserError
        If the file is missing, empty, binary, an archive, or names no known headset.
    """
    try:
        with path.open("rb") as file:
            start = file.read(1 << 16)
            if not start:
                raise UserError(f"{path}: the file is empty: fetch it again")
            if start.startswith(b"PK"):
                raise UserError(f"{path}: is a zip archive: unpack it and give the text file in it")
            if b"\0" in start:
                raise UserError(f"{path}: is a binary file: give a text file of MindBigData, such as MW.txt")
            file.seek(0)
            for _ in range(_GIVE_UP_AFTER):
                text = file.readline(_LONGEST_LINE)
                if not text:
                    break
                if code := device_of(text):
                    return HEADSETS[code]
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise UserError(f"{path}: is a folder: give the text file in it") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    raise UserError(
        f"{path}: line 1 is no row of MindBigData (7 fields between tabs, the third one of "
        f"{', '.join(HEADSETS)}): give a 2014-15 text file"
    )


def read(path: Path, headset: Headset, accept_cut: bool = False, chunk_trials: int = 512) -> Iterator[Chunk]:
    """Read a text file, chunk by chunk.

    Parameters
    ----------
    path : Path
        A 2014-15 text file.
    headset : Headset
        The headset that it is of (see `detect_headset`); rows of another are refused.
    accept_cut : bool
        Whether to take what is there of a file that ends in the middle of a row.
    chunk_trials : int
        Trials that a chunk holds at most.

    Yields
    ------
    Chunk
        Trials and refused rows. Over all chunks, rows read are rows kept plus rows refused.

    Raises
    ------
    UserError
        If the file is no text file of this headset, or is cut and `accept_cut` is false.
    """
    with path.open("rb") as file:
        yield from _Reader(path, file, headset, accept_cut, chunk_trials).chunks()


@dataclass
class _Event:
    rows: dict[str, Row] = field(default_factory=dict)

    def held(self) -> int:
        return sum(row.values.size for row in self.rows.values() if row.values is not None)


class _Reader:
    def __init__(self, path: Path, file: BinaryIO, headset: Headset, accept_cut: bool, chunk_trials: int) -> None:
        self._path, self._file, self._headset = path, file, headset
        self._accept_cut, self._chunk_trials = accept_cut, chunk_trials
        self._info = make_info(headset.channels, headset.sfreq)
        self._waiting: dict[int, _Event] = {}
        self._finished: set[int] = set()
        self._complete: list[list[Row]] = []
        self._refusals: list[Refusal] = []
        self._rows_read = self._held = 0
        self._none_kept = True

    def chunks(self) -> Iterator[Chunk]:
        for line, position, text in self._lines():
            self._rows_read += 1
            try:
                row = parse_row(text, line, position, self._headset)
            except RefusedRow as refusal:
                self._check_not_hopeless(line, text, refusal)
                self._refuse(line, text, str(refusal))
            else:
                self._none_kept = False
                self._place(row, text)
            if len(self._complete) >= self._chunk_trials or len(self._refusals) >= _REFUSALS_AT_ONCE:
                yield self._chunk(position + len(text))
        size = self._path.stat().st_size
        for number in list(self._waiting):
            self._refuse_incomplete(number)
            if len(self._refusals) >= _REFUSALS_AT_ONCE:
                yield self._chunk(size)
        yield self._chunk(size)

    def _lines(self) -> Iterator[tuple[int, int, bytes]]:
        line = position = 0
        while text := self._file.readline(_LONGEST_LINE):
            line += 1
            if len(text) >= _LONGEST_LINE:
                raise UserError(f"{self._path}: line {line} has no end: this is no text file of MindBigData")
            start = position
            position += len(text)
            content = text.removeprefix(b"\xef\xbb\xbf") if line == 1 else text
            if content.strip():
                yield line, start, content

    def _check_not_hopeless(self, line: int, text: bytes, refusal: RefusedRow) -> None:
        if not text.endswith(b"\n") and not self._accept_cut:
            raise UserError(
                f"{self._path}: ends in the middle of line {line} (a download that broke off?): "
                "fetch it again, or take what is there with --accept-cut"
            ) from None
        # Rows of another headset are no sign that nothing else will come.
        if self._none_kept and self._rows_read >= _GIVE_UP_AFTER and device_of(text) in (None, self._headset.code):
            raise UserError(
                f"{self._path}: none of the first {_GIVE_UP_AFTER} rows can be used (line {line}: {refusal}): "
                f"is it a file of {self._headset.code}?"
            ) from None

    def _place(self, row: Row, text: bytes) -> None:
        event = self._waiting.get(row.event, _Event())
        if row.event in self._finished or row.channel in event.rows:
            self._refuse(row.line, text, f"event {row.event} has channel {row.channel} already")
            return
        self._waiting[row.event] = event
        event.rows[row.channel] = row
        self._held += self._headset.n_times
        if len(event.rows) == len(self._headset.channels):
            self._finish(row.event)
        elif self._held > _HELD_VALUES:
            for waiting in self._waiting.values():
                for waiting_row in waiting.rows.values():
                    waiting_row.values = None
            self._held = 0

    def _finish(self, number: int) -> None:
        event = self._waiting.pop(number)
        self._held -= event.held()
        rows = [event.rows[channel] for channel in self._headset.channels]
        self._finished.add(number)
        codes = sorted({row.code for row in rows})
        if len(codes) == 1:
            for row in rows:
                if row.values is None:
                    row.values = parse_row(self._text_at(row), row.line, row.position, self._headset).values
            self._complete.append(rows)
        else:
            for row in rows:
                self._refuse(row.line, self._text_at(row), f"event {number} carries the codes {codes}")

    def _refuse_incomplete(self, number: int) -> None:
        rows = self._waiting.pop(number).rows
        missing = [channel for channel in self._headset.channels if channel not in rows]
        for row in rows.values():
            reason = f"event {number} is incomplete: {', '.join(missing)} missing"
            self._refuse(row.line, self._text_at(row), reason)

    def _text_at(self, row: Row) -> bytes:
        here = self._file.tell()
        self._file.seek(row.position)
        text = self._file.readline(_LONGEST_LINE)
        self._file.seek(here)
        return text.removeprefix(b"\xef\xbb\xbf")

    def _refuse(self, line: int, text: bytes, reason: str) -> None:
        self._refusals.append(Refusal(line, reason, _kind(reason), text.rstrip(b"\r\n")))

    def _chunk(self, position: int) -> Chunk:
        trials = _as_trials(self._complete, self._info, self._path.name) if self._complete else None
        chunk = Chunk(trials, self._refusals, self._rows_read, position)
        self._complete, self._refusals, self._rows_read = [], [], 0
        return chunk


def _kind(reason: str) -> str:
    """Return a reason without the numbers and quotations of its row."""
    words = reason.split(": ")[0].split()
    return " ".join("…" if any(sign.isdigit() for sign in word) or word[0] in "'[" else word for word in words)


def _as_trials(events: list[list[Row]], info: mne.Info, name: str) -> Trials:
    first = [rows[0] for rows in events]
    metadata = pd.DataFrame(
        {
            "event": [row.event for row in first],
            "n_samples": [min(row.n_samples for row in rows) for rows in events],
            "n_stated": [min(row.n_stated for row in rows) for rows in events],
            "cut": [any(row.cut for row in rows) for rows in events],
            "decimal_comma": [any(row.decimal_comma for row in rows) for rows in events],
            "simulated": [row.row_id >= SIMULATED_IDS_FROM for row in first],
            "file": name,
            "line": [row.line for row in first],
        }
    )
    return Trials(
        signals=np.stack([[row.values for row in rows] for rows in events]),
        labels=np.array([row.code for row in first], dtype=np.int64),
        info=info,
        metadata=metadata,
    )
