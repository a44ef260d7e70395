"""A file on its way: the part that has come, and which file on the server it is of.

The part lies beside the file as `NAME.part`, and `NAME.part.json` says what the server said
of the whole. Both outlive the process, however it ends.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import FileIO
from pathlib import Path

from pydantic import ValidationError

from mindglyph.errors import UserError
from mindglyph.files import explained, read_json, write_json
from mindglyph.settings import Settings

if sys.platform != "win32":
    import fcntl


class Origin(Settings):
    """What a server says of a file, by which it is known again.

    Attributes
    ----------
    total : int or None
        Its length in bytes.
    etag : str or None
        What the server calls this version of it; weak tags, which do not vouch for every
        byte, are left out.
    modified : str or None
        When it was last changed.
    content : str or None
        Its checksum, where that is known beforehand.
    """

    total: int | None = None
    etag: str | None = None
    modified: str | None = None
    content: str | None = None

    @property
    def validator(self) -> str | None:
        """What a server is asked by whether it still has this file (RFC 9110, If-Range)."""
        return self.etag or self.modified

    def is_same_as(self, other: Origin) -> bool:
        """Say whether nothing that both know speaks against their being the same file."""
        mine, theirs = self.model_dump(), other.model_dump()
        return all(theirs[name] in (None, value) for name, value in mine.items() if value is not None)


class Part:  # numpydoc ignore=PR01
    """What has come of a file; made by `open_part`.

    Attributes
    ----------
    path : Path
        Where it lies.
    size : int
        Bytes that have come.
    origin : Origin or None
        The file on the server that they are of, as far as known.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        self.path = path
        self._file = file
        self.size = os.fstat(file.fileno()).st_size
        self.origin = _read_origin(self._state)
        if self.origin is None and self.size:
            self.discard()

    @property
    def _state(self) -> Path:
        return self.path.with_name(f"{self.path.name}.json")

    @property
    def is_complete(self) -> bool:
        """Whether all of it is there."""
        return self.origin is not None and self.origin.total == self.size

    def begin(self, origin: Origin) -> None:
        """Throw away what has come, and begin with this file."""
        self.discard()
        write_json(self._state, origin.model_dump())
        self.origin = origin

    def settle(self) -> None:
        """Take what has come for the whole, where the server did not say how long that is."""
        self.origin = (self.origin or Origin()).model_copy(update={"total": self.size})
        write_json(self._state, self.origin.model_dump())

    def append(self, block: bytes) -> None:
        """Add what came next."""
        view = memoryview(block)
        with explained(self.path):
            while view:
                written = self._file.write(view)
                self.size += written
                view = view[written:]

    def discard(self) -> None:
        """Throw away what has come."""
        with explained(self.path):
            self._file.truncate(0)
            self._state.unlink(missing_ok=True)
        self.size, self.origin = 0, None

    def finish(self, target: Path) -> None:
        """Give the complete file its name."""
        self._file.close()  # Windows renames no open file
        with explained(target):
            self.path.replace(target)
            self._state.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file; an empty one leaves nothing behind."""
        if self._file.closed:
            return
        if self.size == 0:
            self._state.unlink(missing_ok=True)
            if sys.platform != "win32":  # an open file has to stay there
                self.path.unlink(missing_ok=True)
        self._file.close()


@contextmanager
def open_part(path: Path) -> Iterator[Part]:
    """Open the part of a file, or begin one.

    Parameters
    ----------
    path : Path
        Where it lies, `NAME.part`.

    Yields
    ------
    Part
        With what came earlier; nobody else writes it in the meantime.

    Raises
    ------
    UserError
        If another process has it, or it cannot be written.
    """
    with explained(path):
        # Appending and without a buffer: what has come survives whatever ends the process.
        file = FileIO(path, "ab+")
    try:
        if not _is_mine(path, file):
            raise UserError(f"{path}: another process is fetching this file: wait for it, or name another folder")
        part = Part(path, file)
        try:
            yield part
        finally:
            part.close()
    finally:
        file.close()


def _is_mine(path: Path, file: FileIO) -> bool:
    if sys.platform == "win32":  # knows no flock
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # some network file systems have no locks
        return True
    # Another process may have finished the file, and so renamed it, before the lock was had.
    return path.exists() and os.path.samestat(os.fstat(file.fileno()), path.stat())


def _read_origin(state: Path) -> Origin | None:
    try:
        return Origin.model_validate(read_json(state))
    except (UserError, ValidationError):
        return None
