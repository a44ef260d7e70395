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
from mindglyph.sources.recording import Chunk, FileFormat, ImportSettings, Recording, Refusal, Start, refusal
from mindglyph.sources.rows import RefusedRow, Row, device_of, parse_row
from mindglyph.trials import Trials, make_info

SIMULATED_IDS_FROM = 2_000_000_000
"""Row ids from here on mark a simulated file; real files count up from zero."""

_LONGEST_LINE = 1 << 22
_GIVE_UP_AFTER = 1000
_REFUSALS_AT_ONCE = 1024
_HELD_VALUES = 1 << 23  # 32 MB of float32


def _format_of(headset: Headset) -> FileFormat:
    def recognises(start: Start) -> bool:
        named = (device_of(line) for line in start.content.split(b"\n"))
        return next((code for code in named if code), None) == headset.code

    def open_recording(path: Path, settings: ImportSettings) -> Recording:
        return text_recording(path, headset, settings.accept_cut)

    return FileFormat(
        headset.code.lower(), f"MindBigData's text of 2014-15, {headset.name}", recognises, open_recording
    )


FORMATS = tuple(_format_of(headset) for headset in HEADSETS.values())
"""The four headsets' text files."""


def text_recording(path: Path, headset: Headset, accept_cut: bool = False, chunk_trials: int = 512) -> Recording:
    """Make a text file ready to be read.

    Parameters
    ----------
    path : Path
        A 2014-15 text file.
    headset : Headset
        The headset that it is of; rows of another are refused.
    accept_cut : bool
        Whether to take what is there of a file that ends in the middle of a row.
    chunk_trials : int
        Trials that a chunk holds at most.

    Returns
    -------
    Recording
        Its `read` raises UserError if the file is no text file of this headset, or is cut
        and `accept_cut` is false.
    """
    info = make_info(headset.channels, headset.sfreq)

    def read() -> Iterator[Chunk]:
        with path.open("rb") as file:
            yield from _Reader(path, file, headset, info, accept_cut, chunk_trials).chunks()

    n_channels = len(headset.channels)
    return Recording(
        path=path,
        format=headset.code.lower(),
        seen=f"MindBigData's text of 2014-15: {headset.name}, {n_channels} channels, "
        f"{headset.n_times} samples at {headset.sfreq:g} Hz",
        info=info,
        n_times=headset.n_times,
        size=path.stat().st_size,
        read=read,
        rows_per_trial=n_channels,
        device=headset.name,
    )


@dataclass
class _Event:
    rows: dict[str, Row] = field(default_factory=dict)

    def held(self) -> int:
        return sum(row.values.size for row in self.rows.values() if row.values is not None)


class _Reader:
    def __init__(
        self, path: Path, file: BinaryIO, headset: Headset, info: mne.Info, accept_cut: bool, chunk_trials: int
    ) -> None:
        self._path, self._file, self._headset, self._info = path, file, headset, info
        self._accept_cut, self._chunk_trials = accept_cut, chunk_trials
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
            except RefusedRow as why:
                self._check_not_hopeless(line, text, why)
                self._refuse(line, text, str(why))
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

    def _check_not_hopeless(self, line: int, text: bytes, why: RefusedRow) -> None:
        if not text.endswith(b"\n") and not self._accept_cut:
            raise UserError(
                f"{self._path}: ends in the middle of line {line} (a download that broke off?): "
                "fetch it again, or take what is there with --accept-cut"
            ) from None
        # Rows of another headset are no sign that nothing else will come.
        if self._none_kept and self._rows_read >= _GIVE_UP_AFTER and device_of(text) in (None, self._headset.code):
            raise UserError(
                f"{self._path}: none of the first {_GIVE_UP_AFTER} rows can be used (line {line}: {why}): "
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
        self._refusals.append(refusal(line, reason, text, self._path.name))

    def _chunk(self, position: int) -> Chunk:
        trials = _as_trials(self._complete, self._info, self._path.name) if self._complete else None
        chunk = Chunk(trials, self._refusals, self._rows_read, position)
        self._complete, self._refusals, self._rows_read = [], [], 0
        return chunk


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
