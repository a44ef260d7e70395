"""Reads files that have one trial a line, in columns between commas, as a stream.

A block of lines comes in and a chunk of trials goes out, so memory stays at the blocks in hand,
however long the file. Rows that are plain are read by a kernel in two threads; every other row
goes to a careful reader, which keeps it or refuses it with a reason.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import Any, cast

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.headsets import Headset
from mindglyph.sources.blocks import BLOCK_BYTES, Block, blocks, side_by_side
from mindglyph.sources.recording import (
    SIMULATED_SECONDS_FROM,
    Chunk,
    ImportSettings,
    Recording,
    Refusal,
    open_bytes,
    refusal,
)
from mindglyph.sources.rows import RefusedRow
from mindglyph.sources.wide_layout import Layout
from mindglyph.sources.wide_rows import ParsedBlock, misses_its_end, parse_block, read_carefully
from mindglyph.trials import ExtraSignals, Trials

_GIVE_UP_AFTER = 1000
_REFUSALS_AT_ONCE = 1024
_MILLISECONDS_FROM = 1e12
_LARGEST_SCALE = 1e15


@dataclass(frozen=True)
class WideFormat:
    """What is known of a file before its rows are read.

    Attributes
    ----------
    name : str
        The file format.
    seen : str
        What was seen, in a sentence for the user.
    device : str
        What it was recorded with.
    info : mne.Info
        EEG channels and rate in Hz.
    layout : Layout
        What the columns hold.
    microvolts : float
        Microvolts in a one of the EEG columns.
    ordered : bool
        Whether the order of recording is known.
    order : tuple of str
        Columns of the metadata by which trials are put in the order of recording.
    constants : mapping of str to str
        Metadata that are the same for all rows.
    warnings : tuple of str
        What a user must know of such recordings.
    """

    name: str
    seen: str
    device: str
    info: mne.Info
    layout: Layout
    microvolts: float = 1.0
    ordered: bool = True
    order: tuple[str, ...] = ("event",)
    constants: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def in_words(headset: Headset, layout: Layout) -> str:
    """Return what a file holds, for the user."""
    eeg = f"{len(layout.eeg)} channels"
    return (
        (headset.name if headset.name.endswith(eeg) else f"{headset.name}, {eeg}")
        + (f", beside them {', '.join(layout.extras)}" if layout.extras else "")
        + f", {layout.n_times} samples at {headset.sfreq:g} Hz"
        + (", with the pictures shown" if layout.pixels is not None else "")
    )


def wide_recording(path: Path, settings: ImportSettings, wide: WideFormat, block_bytes: int = BLOCK_BYTES) -> Recording:
    """Make a file of one trial a line ready to be read.

    Parameters
    ----------
    path : Path
        The file, gzipped or not.
    settings : ImportSettings
        `accept_cut` and `microvolts` count.
    wide : WideFormat
        What is known of it.
    block_bytes : int
        Bytes of the file that are read at once.

    Returns
    -------
    Recording
        Its `read` raises UserError if none of the first rows can be used, or the file ends in
        the middle of a row and that is not accepted.

    Raises
    ------
    UserError
        If the scale is beyond all sense.
    """
    scale = settings.microvolts or wide.microvolts
    if scale > _LARGEST_SCALE:
        raise UserError(f"--microvolts {scale:g} is beyond all sense: give microvolts in one step of the values")

    def read() -> Iterator[Chunk]:
        yield from _Reader(path, wide, scale, settings.accept_cut).chunks(block_bytes)

    return Recording(
        path=path,
        format=wide.name,
        seen=wide.seen,
        info=wide.info,
        n_times=wide.layout.n_times,
        size=path.stat().st_size,
        read=read,
        device=wide.device,
        ordered=wide.ordered,
        order=wide.order,
        warnings=wide.warnings,
    )


class _Reader:
    def __init__(self, path: Path, wide: WideFormat, scale: float, accept_cut: bool) -> None:
        self._path, self._wide, self._scale, self._accept_cut = path, wide, scale, accept_cut
        self._first_line = 2 if wide.layout.header else 1
        self._line = self._rows_read = self._rows_passed = self._position = 0
        self._refusals: list[Refusal] = []
        self._none_kept = True
        self._began: float | None = None

    def chunks(self, block_bytes: int) -> Iterator[Chunk]:
        parse = partial(_parsed, layout=self._wide.layout, scale=self._scale)
        for block, position, parsed in side_by_side(parse, self._blocks(block_bytes)):
            self._position = position
            yield from self._take(block, parsed)
        if self._refusals or self._rows_read:
            yield self._chunk(None)

    def _blocks(self, block_bytes: int) -> Iterator[tuple[Block, int]]:
        """Read blocks, each with the bytes of the file (packed, where it is packed) that are read by then."""
        try:
            with open_bytes(self._path) as file:
                packed = getattr(file, "fileobj", file)
                for block in blocks(cast(BufferedReader, file), self._path, block_bytes):
                    yield block, packed.tell()
        except (OSError, EOFError, zlib.error) as error:
            why = getattr(error, "strerror", None) or error
            raise UserError(f"{self._path}: cannot be read to its end ({why}): fetch it again") from error

    def _take(self, block: Block, parsed: ParsedBlock) -> Iterator[Chunk]:
        lines = np.zeros(len(parsed.plain), dtype=np.int64)
        if self._line + 1 < self._first_line and parsed.slot[0] >= 0:
            parsed.plain[parsed.slot[0]] = False
        for place, slot in enumerate(parsed.slot.tolist()):
            line = self._line + place + 1
            if slot >= 0:
                lines[slot] = line
            if slot >= 0 and parsed.plain[slot]:
                self._rows_read += 1
                self._none_kept = False
            elif line >= self._first_line:
                self._take_carefully(block, parsed, place, line)
                if len(self._refusals) >= _REFUSALS_AT_ONCE:
                    yield self._chunk(None)
        self._line += len(parsed.slot)
        yield self._chunk(self._trials(parsed, lines) if parsed.plain.any() else None)

    def _take_carefully(self, block: Block, parsed: ParsedBlock, place: int, line: int) -> None:
        text = block.text[parsed.start[place] : parsed.stop[place] + 1].tobytes()
        if not text.strip():
            return
        self._rows_read += 1
        self._rows_passed += 1
        try:
            read_carefully(text, self._wide.layout, self._scale, parsed, int(parsed.slot[place]))
        except RefusedRow as why:
            self._check_not_hopeless(line, text, why)
            self._refusals.append(refusal(line, str(why), text, self._path.name))
        else:
            self._none_kept = False

    def _check_not_hopeless(self, line: int, text: bytes, why: RefusedRow) -> None:
        if not text.endswith(b"\n") and not self._accept_cut and misses_its_end(text, self._wide.layout):
            raise UserError(
                f"{self._path}: ends in the middle of line {line} (a download that broke off?): "
                "fetch it again, or take what is there with --accept-cut"
            ) from None
        if self._none_kept and self._rows_passed >= _GIVE_UP_AFTER:
            raise UserError(
                f"{self._path}: none of the first {_GIVE_UP_AFTER} rows can be used (line {line}: {why}): "
                f"is it a file of {self._wide.name}?"
            ) from None

    def _trials(self, parsed: ParsedBlock, lines: np.ndarray) -> Trials:
        layout, good = self._wide.layout, parsed.plain
        rows = slice(None) if good.all() else np.flatnonzero(good)
        signals = parsed.signals[rows].reshape(-1, len(layout.channels), layout.n_times)
        places = {name: place for place, name in enumerate(layout.channels)}
        extras = {
            kind: ExtraSignals(signals[:, [places[name] for name in names]], names, float(self._wide.info["sfreq"]))
            for kind, names in layout.extras.items()
        }
        table = self._table(parsed, rows, lines[rows])
        return Trials(
            signals=signals[:, [places[name] for name in layout.eeg]] if extras else signals,
            labels=table.pop("label").to_numpy(),
            info=self._wide.info,
            metadata=table,
            images=None if layout.pixels is None else parsed.pixels[rows].reshape(-1, 28, 28),
            extras=extras,
        )

    def _table(self, parsed: ParsedBlock, rows: Any, lines: np.ndarray) -> pd.DataFrame:
        layout = self._wide.layout
        columns: dict[str, Any] = {"event": lines - self._first_line}
        for known, values in zip(layout.numbers, parsed.numbers[rows].T, strict=True):
            columns[known.name] = values.astype(np.int64) if known.whole else values.copy()
        for known_word, words in zip(layout.words, parsed.words, strict=True):
            columns[known_word.name] = np.array(words, dtype=object)[rows]
        if "unix_time" in columns:
            seconds = columns["unix_time"]
            seconds[seconds > _MILLISECONDS_FROM] /= 1000
            self._began = float(seconds[0]) if self._began is None else self._began
            columns |= {"onset_s": seconds - self._began, "simulated": seconds >= SIMULATED_SECONDS_FROM}
        columns |= {"n_samples": layout.n_times, "file": self._path.name, "line": lines, **self._wide.constants}
        return pd.DataFrame(columns)

    def _chunk(self, trials: Trials | None) -> Chunk:
        chunk = Chunk(trials, self._refusals, self._rows_read, self._position)
        self._refusals, self._rows_read = [], 0
        return chunk


def _parsed(task: tuple[Block, int], layout: Layout, scale: float) -> tuple[Block, int, ParsedBlock]:
    block, position = task
    return block, position, parse_block(block.text, layout, scale)
