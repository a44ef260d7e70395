"""What the columns of a file hold that has one trial a line, and how a header says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mindglyph.errors import UserError
from mindglyph.sources.blocks import LONGEST_LINE
from mindglyph.sources.recording import open_bytes

N_PIXELS = 28 * 28

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_EXACT_BELOW = float(1 << 53)


@dataclass(frozen=True)
class NumberColumn:
    """A column with a number of the trial.

    Attributes
    ----------
    column : int
        Its place, from 0.
    name : str
        What the metadata call it; `label` is the label of the trial.
    lowest, highest : float
        Between which its values lie.
    whole : bool
        Whether they are whole numbers.
    """

    column: int
    name: str
    lowest: float = -_EXACT_BELOW
    highest: float = _EXACT_BELOW
    whole: bool = True


@dataclass(frozen=True)
class WordColumn:
    """A column with a word of the trial.

    Attributes
    ----------
    column : int
        Its place, from 0.
    name : str
        What the metadata call it.
    choices : tuple of str
        The words that are known, in small letters; where there are none, any word will do.
    """

    column: int
    name: str
    choices: tuple[str, ...] = ()


def label_column(column: int) -> NumberColumn:
    """Return the column of the digit, in which -1 means that none was shown."""
    return NumberColumn(column, "label", lowest=-1, highest=9)


@dataclass(frozen=True)
class Layout:
    """What the columns of a file hold.

    Attributes
    ----------
    n_columns : int
        How many there are.
    channels : tuple of str
        Signal channels, in the order of the file.
    starts : tuple of int
        First column of each channel, rising.
    n_times : int
        Columns of each channel.
    extras : mapping of str to tuple of str
        Channels that are no EEG, by what they are.
    pixels : int or None
        First of the 784 columns of the picture.
    numbers : tuple of NumberColumn
        In the order of the file; one of them is `label`.
    words : tuple of WordColumn
        In the order of the file.
    header : tuple of str
        Names of the columns where line 1 gives them, or else nothing.
    """

    n_columns: int
    channels: tuple[str, ...]
    starts: tuple[int, ...]
    n_times: int
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pixels: int | None = None
    numbers: tuple[NumberColumn, ...] = ()
    words: tuple[WordColumn, ...] = ()
    header: tuple[str, ...] = ()

    @property
    def eeg(self) -> tuple[str, ...]:
        """Names of the EEG channels, in the order of the file."""
        beside = {name for names in self.extras.values() for name in names}
        return tuple(name for name in self.channels if name not in beside)

    def named(self, column: int) -> str:
        """Return what the user may call a column, such as `column 5 (AF3-3)`."""
        return f"column {column + 1}" + (f" ({self.header[column]})" if self.header else "")


@dataclass(frozen=True)
class ColumnRun:
    """Columns of a header that follow one another under one name and a running number.

    Attributes
    ----------
    name : str
        The name without the number and what stands between; of a single column, all of it.
    start, count : int
        First column and how many there are.
    first : int or None
        The first number; None where there is none.
    """

    name: str
    start: int
    count: int
    first: int | None


def read_header(path: Path) -> tuple[str, ...]:
    """Return the names in the first line of a file."""
    return split_header(next(first_lines(path), b""))


def split_header(line: bytes) -> tuple[str, ...]:
    """Return the names in a line, without quotes and spaces around them."""
    names = line.removeprefix(_BYTE_ORDER_MARK).decode("utf-8", "replace").strip().removesuffix(",").split(",")
    return tuple(name.strip().strip('"').strip() for name in names)


def first_lines(path: Path) -> Iterator[bytes]:
    """Read a file line by line, as far as lines end within reason."""
    with open_bytes(path) as file:
        while (line := file.readline(LONGEST_LINE)) and (line.endswith(b"\n") or len(line) < LONGEST_LINE):
            yield line


def column_runs(header: Sequence[str], separator: str) -> list[ColumnRun]:
    """Put the columns of a header together that follow one another under one name.

    Parameters
    ----------
    header : sequence of str
        Names of the columns.
    separator : str
        What stands between the name of a channel and the number of a sample.

    Returns
    -------
    list of ColumnRun
        In the order of the file. A column whose number does not go on begins a run of its own.
    """
    numbered = re.compile(rf"(.+){re.escape(separator)}(\d+)|(\D*)(\d+)")
    runs: list[ColumnRun] = []
    for column, whole in enumerate(header):
        match = numbered.fullmatch(whole)
        name, number = (match[1] or match[3], int(match[2] or match[4])) if match else (whole, None)
        last = runs[-1] if runs else None
        if last and last.first is not None and (last.name, last.first + last.count) == (name, number):
            runs[-1] = ColumnRun(name, last.start, last.count + 1, last.first)
        else:
            runs.append(ColumnRun(name, column, 1, number))
    return runs


def channel_layout(
    path: Path,
    header: tuple[str, ...],
    channels: Sequence[ColumnRun],
    pixels: ColumnRun | None,
    numbers: Sequence[NumberColumn],
    words: Sequence[WordColumn] = (),
    extra_of: Callable[[str], str | None] = lambda name: None,
) -> Layout:
    """Make the layout of a file whose header names all channels.

    Parameters
    ----------
    path : Path
        The file, for the error.
    header : tuple of str
        Names of the columns.
    channels : sequence of ColumnRun
        All columns that are signals.
    pixels : ColumnRun or None
        Those of the picture.
    numbers : sequence of NumberColumn
        Columns of one number.
    words : sequence of WordColumn
        Columns of text.
    extra_of : callable
        Says what a channel is that is no EEG.

    Returns
    -------
    Layout
        Of all columns.

    Raises
    ------
    UserError
        If a channel is incomplete or stands in pieces, which names the column.
    """
    n_times = _samples(path, header, channels)
    extras: dict[str, tuple[str, ...]] = {}
    for run in channels:
        if kind := extra_of(run.name):
            extras[kind] = (*extras.get(kind, ()), run.name)
    layout = Layout(
        n_columns=len(header),
        channels=tuple(run.name for run in channels),
        starts=tuple(run.start for run in channels),
        n_times=n_times,
        extras=extras,
        pixels=None if pixels is None else pixels.start,
        numbers=tuple(sorted(numbers, key=lambda known: known.column)),
        words=tuple(sorted(words, key=lambda known: known.column)),
        header=header,
    )
    if not layout.eeg:
        raise UserError(f"{path}: line 1 names no EEG channel: is it the right file?")
    return layout


def _samples(path: Path, header: Sequence[str], channels: Sequence[ColumnRun]) -> int:
    """Return how many columns each channel has, having made sure that all have as many, without a gap."""
    names: set[str] = set()
    for run in channels:
        if run.first != 0 or run.name in names:
            raise UserError(
                f"{path}: {_column(header, run.start)} of line 1 does not follow on the column before it: "
                "the columns of a channel must stand together, numbered from 0"
            )
        names.add(run.name)
    n_times = max((run.count for run in channels), default=0)
    for run in channels:
        if run.count != n_times:
            raise UserError(
                f"{path}: channel {run.name} has {run.count} columns in line 1, up to "
                f"{_column(header, run.start + run.count - 1)}, and others have {n_times}: fetch the file again"
            )
    return n_times


def _column(header: Sequence[str], column: int) -> str:
    return f"column {column + 1} ('{header[column][:40]}')"
