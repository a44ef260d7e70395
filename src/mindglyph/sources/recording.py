"""What every source gives: a recording that was recognised, and its chunks of trials and refused rows."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, cast

import mne
from pydantic import Field

from mindglyph.errors import UserError
from mindglyph.settings import Settings
from mindglyph.trials import Trials

SIMULATED_IDS_FROM = 2_000_000_000
"""Row ids and event numbers from here on mark a simulated recording; real files count up from zero."""

SIMULATED_SECONDS_FROM = 4_102_444_800
"""Unix time of the year 2100: a clock from here on marks a simulated recording."""

_START_BYTES = 1 << 16
_GZIP = b"\x1f\x8b"


class ImportSettings(Settings):
    """What a user may say of a recording before it is read.

    Attributes
    ----------
    format : str or None
        Name of the file format; None finds it out by the content.
    accept_cut : bool
        Whether to take what is there of a file that ends in the middle of a row.
    microvolts : float or None
        Microvolts in one step of the values; None takes what the format's makers give.
    events : Path or None
        Table of events (`onset` in s or `sample`, and a label) for a continuous recording.
    code : str or None
        Regular expression that annotations or events must match; its first group, or the
        whole match, is the label.
    stimulus : str or None
        Channel whose steps mark the events.
    stream : str or None
        Name of the EEG stream, where a recording holds several.
    tmin, tmax : float or None
        Seconds before (negative) and after an event between which a trial is cut; None
        takes -0.1 and 0.8.
    """

    format: str | None = None
    accept_cut: bool = False
    microvolts: float | None = Field(None, gt=0)
    events: Path | None = None
    code: str | None = None
    stimulus: str | None = None
    stream: str | None = None
    tmin: float | None = None
    tmax: float | None = None


LINE_OPTIONS = frozenset({"accept_cut", "microvolts"})
"""Settings that formats of one trial or channel a line take."""

CONTINUOUS_OPTIONS = frozenset({"events", "code", "stimulus", "tmin", "tmax"})
"""Settings that all continuous recordings take."""


@dataclass(frozen=True)
class Refusal:
    """A row (or an event of a continuous recording) that was not kept.

    Attributes
    ----------
    line : int
        Line number, from 1; of a continuous recording the number of the event.
    reason : str
        Why, in words.
    kind : str
        The reason without the row's own numbers, for counting.
    text : bytes
        The line as it stood in the file, without its end.
    file : str
        Name of the file.
    """

    line: int
    reason: str
    kind: str
    text: bytes
    file: str = ""


def refusal(line: int, reason: str, text: bytes, file: str) -> Refusal:
    """Return a refusal whose kind is the reason without the numbers and quotations of its row."""
    words = reason.split(": ")[0].split()
    kind = " ".join("…" if any(sign.isdigit() for sign in word) or word[0] in "'[" else word for word in words)
    return Refusal(line, reason, kind, text.rstrip(b"\r\n"), file)


@dataclass(frozen=True)
class Chunk:
    """What a stretch of a recording gave.

    Attributes
    ----------
    trials : Trials or None
        Complete trials, in the order in which they became complete.
    refusals : list of Refusal
        Rows that were not kept.
    rows_read : int
        Rows passed since the last chunk.
    position : int
        Bytes of the recording read so far.
    """

    trials: Trials | None
    refusals: list[Refusal]
    rows_read: int
    position: int


@dataclass(frozen=True)
class Recording:
    """A recording that was recognised and can be read.

    Attributes
    ----------
    path : Path
        File or folder.
    format : str
        Name of the file format.
    seen : str
        What was seen, in a sentence for the user.
    info : mne.Info
        EEG channels and rate in Hz.
    n_times : int
        Samples of a trial.
    size : int
        Bytes that will be read.
    read : callable
        Gives the chunks, anew at each call. Over all chunks, rows read are rows kept plus
        rows refused.
    rows_per_trial : int
        Rows of the file that one trial takes.
    device : str
        What it was recorded with, as far as the recording says.
    ordered : bool
        Whether the order of recording is known, without which no split is honest.
    order : tuple of str
        Columns of the metadata by which trials are put in the order of recording; none where
        they come in it.
    warnings : tuple of str
        What a user must know of such recordings.
    parts : tuple of Recording
        The recordings that it is made of, where it is made of several.
    reopen : callable or None
        Opens the same recording in another process, to which this one cannot travel: it may
        hold open files, or all samples. None where nobody knows how.
    """

    path: Path
    format: str
    seen: str
    info: mne.Info
    n_times: int
    size: int
    read: Callable[[], Iterator[Chunk]]
    rows_per_trial: int = 1
    device: str = ""
    ordered: bool = True
    order: tuple[str, ...] = ("event",)
    warnings: tuple[str, ...] = field(default_factory=tuple)
    parts: tuple[Recording, ...] = ()
    reopen: Callable[[], Recording] | None = None


@dataclass(frozen=True)
class Start:
    """The first look at a file or folder, by which its format is recognised.

    Attributes
    ----------
    path : Path
        File or folder.
    content : bytes
        The first 64 KB, unpacked where the file is gzipped; empty for a folder.
    is_folder : bool
        Whether it is a folder.
    """

    path: Path
    content: bytes
    is_folder: bool


@dataclass(frozen=True)
class FileFormat:
    """A file format that can be read.

    Attributes
    ----------
    name : str
        What `--format` calls it.
    line : str
        What it is, in a line.
    recognises : callable
        Says by the start of a file whether it is of this format.
    open : callable
        Gives the recording; raises UserError where the file is not what it seems.
    options : frozenset of str
        Names of the settings that it takes.
    """

    name: str
    line: str
    recognises: Callable[[Start], bool]
    open: Callable[[Path, ImportSettings], Recording]
    options: frozenset[str] = LINE_OPTIONS


def open_bytes(path: Path) -> BinaryIO:
    """Open a file for reading, unpacking it where it is gzipped."""
    with path.open("rb") as file:
        zipped = file.read(2) == _GZIP
    return cast(BinaryIO, gzip.open(path, "rb")) if zipped else path.open("rb")


def look_at(path: Path) -> Start:
    """Read the start of a file.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    Start
        Its first bytes, unpacked.

    Raises
    ------
    UserError
        If it is missing, empty or cannot be read.
    """
    if path.is_dir():
        return Start(path, b"", is_folder=True)
    try:
        with open_bytes(path) as file:
            content = file.read(_START_BYTES)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(
            f"{path}: cannot be read ({getattr(error, 'strerror', None) or error}): fetch it again"
        ) from error
    if not content:
        raise UserError(f"{path}: the file is empty: fetch it again")
    return Start(path, content, is_folder=False)
