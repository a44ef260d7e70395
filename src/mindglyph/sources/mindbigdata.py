"""Reads MindBigData's 2014-15 text files (EP, MW, MU, IN) as a stream.

Rows of one event belong together by event number, wherever they stand; where all of an event's
stand together, as they do but for few, they are taken as they lie. What waits for its fellows is
held as values only up to a limit and beyond it as a place in the file, so memory stays at the
blocks in hand. Every row read is kept in a trial or refused with a reason.

Data: D. Vivancos, MindBigData, the "MNIST of Brain Digits" (2014-15).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS, Headset
from mindglyph.sources.blocks import BLOCK_BYTES, LONGEST_LINE, Block, blocks, side_by_side
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
from mindglyph.sources.rows import RefusedRow, Row, device_of, parse_row
from mindglyph.sources.text_kernel import ParsedLines, parse_lines
from mindglyph.trials import Trials, make_info

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
        headset.code.lower(),
        f"MindBigData's text of 2014-15, {headset.name}",
        recognises,
        open_recording,
        frozenset({"accept_cut"}),
    )


FORMATS = tuple(_format_of(headset) for headset in HEADSETS.values())
"""The four headsets' text files."""


def text_recording(path: Path, headset: Headset, accept_cut: bool = False, block_bytes: int = BLOCK_BYTES) -> Recording:
    """Make a text file ready to be read.

    Parameters
    ----------
    path : Path
        A 2014-15 text file.
    headset : Headset
        The headset that it is of; rows of another are refused.
    accept_cut : bool
        Whether to take what is there of a file that ends in the middle of a row.
    block_bytes : int
        Bytes of the file that are read at once.

    Returns
    -------
    Recording
        Its `read` raises UserError if the file is no text file of this headset, or is cut
        and `accept_cut` is false.
    """
    info = make_info(headset.channels, headset.sfreq)

    def read() -> Iterator[Chunk]:
        with path.open("rb") as file, path.open("rb") as again:
            yield from _Reader(path, again, headset, info, accept_cut).chunks(blocks(file, path, block_bytes))

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


@dataclass
class _Complete:
    """Complete events: signals (n_events, n_channels, n_times) and a table, piece by piece."""

    signals: list[np.ndarray] = field(default_factory=list)
    tables: list[dict[str, np.ndarray]] = field(default_factory=list)

    def add(self, signals: np.ndarray, **columns: np.ndarray | list[object]) -> None:
        self.signals.append(signals)
        self.tables.append({name: np.asarray(column) for name, column in columns.items()})

    def table(self) -> pd.DataFrame:
        return pd.DataFrame({name: np.concatenate([part[name] for part in self.tables]) for name in self.tables[0]})


class _Reader:
    def __init__(self, path: Path, file: BinaryIO, headset: Headset, info: mne.Info, accept_cut: bool) -> None:
        self._path, self._file, self._headset, self._info = path, file, headset, info
        self._accept_cut = accept_cut
        self._waiting: dict[int, _Event] = {}
        self._finished: set[int] = set()
        self._complete = _Complete()
        self._refusals: list[Refusal] = []
        self._rows_read = self._held = self._line = self._position = 0
        self._none_kept = True

    def chunks(self, all_blocks: Iterable[Block]) -> Iterator[Chunk]:
        for block, lines in side_by_side(partial(_parsed, headset=self._headset), all_blocks):
            yield from self._take(block, lines)
            self._line += len(lines.slot)
            self._position = block.position + len(block.text)
            yield self._chunk()
        for number in list(self._waiting):
            self._refuse_incomplete(number)
            if len(self._refusals) >= _REFUSALS_AT_ONCE:
                yield self._chunk()
        if self._refusals:
            yield self._chunk()

    def _take(self, block: Block, lines: ParsedLines) -> Iterator[Chunk]:
        whole = _whole_events(lines, len(self._headset.channels))
        place = 0
        while place < len(whole):
            if n_events := self._new_events(lines, whole, place):
                self._take_events(lines, place, n_events)
                place += n_events * len(self._headset.channels)
                continue
            self._take_line(block, lines, place)
            place += 1
            if len(self._refusals) >= _REFUSALS_AT_ONCE:
                yield self._chunk()

    def _new_events(self, lines: ParsedLines, whole: np.ndarray, place: int) -> int:
        """Return how many whole events follow one another from a line on, none of which was met before."""
        if not whole[place]:
            return 0
        n_channels = len(self._headset.channels)
        stretch = whole[place::n_channels]
        n_events = len(stretch) if stretch.all() else int(stretch.argmin())
        met = set()
        for number, event in enumerate(lines.event[place : place + n_events * n_channels : n_channels].tolist()):
            if event in met or event in self._waiting or event in self._finished:
                return number
            met.add(event)
        return n_events

    def _take_events(self, lines: ParsedLines, first: int, n_events: int) -> None:
        n_channels = len(self._headset.channels)
        rows = slice(first, first + n_events * n_channels)
        heads = slice(rows.start, rows.stop, n_channels)
        self._rows_read += n_events * n_channels
        self._none_kept = False
        self._finished.update(lines.event[heads].tolist())
        sizes = lines.size[rows].reshape(n_events, n_channels).min(axis=1)
        slot = lines.slot[first]
        plain = np.zeros(n_events, dtype=bool)
        self._complete.add(
            lines.values[slot : slot + n_events * n_channels].reshape(n_events, n_channels, -1),
            event=lines.event[heads],
            code=lines.code[heads],
            n_samples=sizes,
            n_stated=sizes,
            cut=plain,
            decimal_comma=plain,
            simulated=lines.row_id[heads] >= SIMULATED_IDS_FROM,
            line=self._line + 1 + np.arange(rows.start, rows.stop, n_channels),
        )

    def _take_line(self, block: Block, lines: ParsedLines, place: int) -> None:
        line, position = self._line + place + 1, block.position + int(lines.start[place])
        if lines.slot[place] >= 0:
            self._rows_read += 1
            self._none_kept = False
            self._place(_vouched_row(lines, place, line, position, self._headset))
            return
        text = block.text[lines.start[place] : lines.stop[place] + 1].tobytes()
        if not text.strip():
            return
        self._rows_read += 1
        try:
            row = parse_row(text, line, position, self._headset)
        except RefusedRow as why:
            self._check_not_hopeless(line, text, why)
            self._refuse(line, text, str(why))
        else:
            self._none_kept = False
            self._place(row)

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

    def _place(self, row: Row) -> None:
        event = self._waiting.get(row.event, _Event())
        if row.event in self._finished or row.channel in event.rows:
            self._refuse(row.line, self._text_at(row), f"event {row.event} has channel {row.channel} already")
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
        if len(codes) > 1:
            for row in rows:
                self._refuse(row.line, self._text_at(row), f"event {number} carries the codes {codes}")
            return
        for row in rows:
            if row.values is None:
                row.values = parse_row(self._text_at(row), row.line, row.position, self._headset).values
        self._complete.add(
            np.stack([row.values for row in rows])[None],  # type: ignore[misc]
            event=[number],
            code=[rows[0].code],
            n_samples=[min(row.n_samples for row in rows)],
            n_stated=[min(row.n_stated for row in rows)],
            cut=[any(row.cut for row in rows)],
            decimal_comma=[any(row.decimal_comma for row in rows)],
            simulated=[rows[0].row_id >= SIMULATED_IDS_FROM],
            line=[rows[0].line],
        )

    def _refuse_incomplete(self, number: int) -> None:
        rows = self._waiting.pop(number).rows
        missing = [channel for channel in self._headset.channels if channel not in rows]
        for row in rows.values():
            reason = f"event {number} is incomplete: {', '.join(missing)} missing"
            self._refuse(row.line, self._text_at(row), reason)

    def _text_at(self, row: Row) -> bytes:
        self._file.seek(row.position)
        return self._file.readline(LONGEST_LINE)

    def _refuse(self, line: int, text: bytes, reason: str) -> None:
        self._refusals.append(refusal(line, reason, text, self._path.name))

    def _chunk(self) -> Chunk:
        complete, self._complete = self._complete, _Complete()
        trials = _as_trials(complete, self._info, self._path.name) if complete.signals else None
        chunk = Chunk(trials, self._refusals, self._rows_read, self._position)
        self._refusals, self._rows_read = [], 0
        return chunk


def _parsed(block: Block, headset: Headset) -> tuple[Block, ParsedLines]:
    return block, parse_lines(block.text, headset)


def _whole_events(lines: ParsedLines, n_channels: int) -> np.ndarray:
    """Say at which lines an event begins whose rows stand together, in order and of one code.

    Returns
    -------
    ndarray of bool, shape (n_lines,)
        Whether the line and those after it are such an event.
    """
    whole = lines.slot >= 0
    n_starts = len(whole) - n_channels + 1
    if n_starts < 1:
        return np.zeros_like(whole)
    good = np.ones(n_starts, dtype=bool)
    for channel in range(n_channels):
        rows = slice(channel, channel + n_starts)
        good &= whole[rows] & (lines.channel[rows] == channel)
        good &= (lines.event[rows] == lines.event[:n_starts]) & (lines.code[rows] == lines.code[:n_starts])
    return np.concatenate([good, np.zeros(n_channels - 1, dtype=bool)])


def _vouched_row(lines: ParsedLines, place: int, line: int, position: int, headset: Headset) -> Row:
    size = int(lines.size[place])
    return Row(
        line=line,
        position=position,
        row_id=int(lines.row_id[place]),
        event=int(lines.event[place]),
        channel=headset.channels[lines.channel[place]],
        code=int(lines.code[place]),
        n_samples=size,
        n_stated=size,
        cut=False,
        decimal_comma=False,
        # A copy, so that the block it stands in is let go.
        values=lines.values[lines.slot[place]].copy(),
    )


def _as_trials(complete: _Complete, info: mne.Info, name: str) -> Trials:
    metadata = complete.table()
    labels = metadata.pop("code").to_numpy(dtype=np.int64)
    signals = complete.signals[0] if len(complete.signals) == 1 else np.concatenate(complete.signals)
    return Trials(signals, labels, info, metadata.assign(file=name))
