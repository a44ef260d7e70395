"""Cuts a file of lines into blocks of whole lines, which threads may read side by side."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, TypeVar

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
    text : bytes
        The lines with their ends; only the last one of the file may lack its own.
    position : int
        Place of the first byte in the file.
    """

    text: bytes
    position: int


def blocks(file: BinaryIO, path: Path, size: int = BLOCK_BYTES, longest: int = LONGEST_LINE) -> Iterator[Block]:
    """Read a file from where it stands.

    Parameters
    ----------
    file : binary file
        Of lines that end in a line feed.
    path : Path
        Its name, for the error.
    size : int
        Bytes of a block, more or less.
    longest : int
        Bytes beyond which a line without an end is none.

    Yields
    ------
    Block
        Without the byte order mark that a spreadsheet may have put before the first.

    Raises
    ------
    UserError
        If a line has no end within `longest` bytes.
    """
    rest = file.read(len(_BYTE_ORDER_MARK))
    position = len(rest) if rest == _BYTE_ORDER_MARK else 0
    rest = rest[position:]
    while True:
        read = file.read(size)
        cut = read.rfind(b"\n") + 1
        if read and not cut:
            rest += read
            if len(rest) > longest:
                raise UserError(f"{path}: a line from byte {position} on has no end: this is no text file of trials")
            continue
        text = rest + read[:cut] if read else rest
        if text:
            yield Block(text, position)
        if not read:
            return
        position += len(text)
        rest = read[cut:]


def side_by_side(function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
    """Run a function that lets go of the interpreter on each task, in two threads.

    No more tasks are taken than are needed to keep both busy, so memory stays at a few of them.

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
