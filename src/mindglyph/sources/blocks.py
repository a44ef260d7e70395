"""Cuts a file of lines into blocks of whole lines, which threads may read side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

import numpy as np

from mindglyph.errors import UserError

BLOCK_BYTES = 8 << 20
LONGEST_LINE = 1 << 22

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_THREADS = 2

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Block:
    """Whole lines of a file.

    Attributes
    ----------
    text : ndarray of uint8
        The lines with their ends; only the last one of the file may lack its own.
    position : int
        Place of the first byte in the file.
    """

    text: np.ndarray
    position: int


def blocks(file: BufferedReader, path: Path, size: int = BLOCK_BYTES) -> Iterator[Block]:
    """Read a file from its start.

    Parameters
    ----------
    file : BufferedReader
        Of lines that end in a line feed.
    path : Path
        Its name, for the error.
    size : int
        Bytes that are read at once; a block holds them from line end to line end.

    Yields
    ------
    Block
        Without the byte order mark that a spreadsheet may have put before the first.

    Raises
    ------
    UserError
        If a line has no end within `LONGEST_LINE` bytes.
    """
    mark = file.read(len(_BYTE_ORDER_MARK))
    rest = np.frombuffer(b"" if mark == _BYTE_ORDER_MARK else mark, dtype=np.uint8)
    position = len(mark) - len(rest)
    while True:
        text = np.empty(len(rest) + size, dtype=np.uint8)
        text[: len(rest)] = rest
        count = file.readinto(text[len(rest) :].data)
        text = text[: len(rest) + count]
        if not count:
            if len(text):
                yield Block(text, position)
            return
        cut = _behind_last_line(text)
        if not cut and len(text) > LONGEST_LINE:
            raise UserError(f"{path}: a line from byte {position} on has no end: this is no text file of trials")
        if cut:
            yield Block(text[:cut], position)
        position += cut
        rest = text[cut:].copy()


def _behind_last_line(text: np.ndarray) -> int:
    # The end of the last line is near, so a short piece is looked at first.
    for piece in (1 << 12, 1 << 16, len(text)):
        start = max(0, len(text) - piece)
        ends = np.flatnonzero(text[start:] == ord("\n"))
        if len(ends):
            return start + int(ends[-1]) + 1
    return 0


def side_by_side(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Run a function that lets go of the interpreter on each task, in two threads.

    No more tasks are taken than are needed to keep both busy, so memory stays at a few of them.

    Parameters
    ----------
    function : callable
        What is run.
    tasks : iterable
        What it is run on.

    Yields
    ------
    object
        Results in the order of the tasks.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(_THREADS) as threads:
        try:
            for task in tasks:
                waiting.append(threads.submit(function, task))
                if len(waiting) > _THREADS:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
