"""The journal file of a study: one process at a time writes it, and what a kill or a full disk leaves is cut off."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from optuna.storages.journal import JournalFileBackend

from mindglyph.files import explained

if sys.platform == "win32":
    from optuna.storages.journal import JournalFileOpenLock as FileAsLock
else:
    import fcntl

    from optuna.storages.journal import JournalFileSymlinkLock as FileAsLock


def journal_file(path: Path) -> JournalFileBackend:
    """Return the backend of a journal, which is made if it is absent.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    JournalFileBackend
        With a lock of its own.

    Raises
    ------
    PlaceError
        If it cannot be written.
    """
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return JournalFileBackend(str(path), _Lock(path))


class _Lock(FileAsLock):
    """Keeps other processes from writing by a lock of the system, which goes with the process that has it.

    Optuna's own is a file: one that a killed process leaves is waited for for half a minute. It
    stands in where a file system knows no locks.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self._path = path
        self._handle: int | None = None
        self._by_file = False

    def acquire(self) -> bool:
        """Wait until no other process writes."""
        handle = os.open(self._path, os.O_RDWR)
        try:
            self._by_file = not _locked(handle) and super().acquire()
            _mend(handle)
        except BaseException:
            os.close(handle)
            raise
        self._handle = handle
        return True

    def release(self) -> None:
        """Let others write."""
        assert self._handle is not None
        os.close(self._handle)
        self._handle = None
        if self._by_file:
            super().release()


def _locked(handle: int) -> bool:
    """Wait for the lock of an open file; say whether there are such locks."""
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError:
        return False
    return True


def _mend(handle: int) -> None:
    """Cut off the half line that a full disk or a kill has left at the end; whoever has the lock may."""
    size = whole = os.fstat(handle).st_size
    while whole:
        start = max(0, whole - 4096)
        os.lseek(handle, start, os.SEEK_SET)
        end = os.read(handle, whole - start).rfind(b"\n") + 1
        whole = start + end
        if end:
            break
    if whole < size:
        os.truncate(handle, whole)
