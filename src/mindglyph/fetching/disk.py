"""What the disk holds: whether there is room, and what a file's checksum is."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

from mindglyph.errors import UserError

Report = Callable[[int, int], None]
"""Takes bytes done and in all (0 where that is not known)."""

_BLOCK = 1 << 20


def readable(size: int) -> str:
    """Return a number of bytes in words."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 1000 * factor else f"{size / factor:,.0f} {unit}"
    return f"{size} bytes"


def require_room(folder: Path, needed: int, what: str) -> None:
    """Make sure that a folder that exists has room.

    Parameters
    ----------
    folder : Path
        Where files are to be written.
    needed : int
        Bytes that will be written.
    what : str
        What they are for, for the error.

    Raises
    ------
    UserError
        If the disk has less.
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise UserError(
            f"{folder}: {what} takes {readable(needed)}, but {readable(free)} are free: "
            "free space, or name another folder"
        )


def blocks_of(path: Path) -> Iterator[bytes]:
    """Give a file's content, a megabyte at a time.

    Parameters
    ----------
    path : Path
        The file.

    Yields
    ------
    bytes
        At most a megabyte.

    Raises
    ------
    UserError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                yield block
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}): move it away, or name another folder") from error


def checksum(path: Path, report: Report) -> str:
    """Return the SHA-256 of a file (hexadecimal), with progress."""
    digest, size, done = hashlib.sha256(), path.stat().st_size, 0
    for block in blocks_of(path):
        digest.update(block)
        done += len(block)
        report(done, size)
    return digest.hexdigest()
