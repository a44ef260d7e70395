"""Which processes are at work on a study that is kept in a journal: each holds a lock that goes with it."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mindglyph.files import explained, is_locked, lock


@dataclass(frozen=True)
class Workers:
    """Processes that may be at work on a study.

    Attributes
    ----------
    alive : frozenset of str
        Names of those that are.
    unknown : frozenset of str
        Names of those of which a file system without locks cannot say it.
    """

    alive: frozenset[str]
    unknown: frozenset[str]

    def __contains__(self, worker: str) -> bool:
        """Say whether a process may be at work."""
        return worker in self.alive or worker in self.unknown


@contextmanager
def at_work(journal: Path) -> Iterator[str]:
    """Hold a lock that says that this process is alive; gives the name by which trials know it."""
    path, handle = _locked(journal)
    try:
        yield path.name
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)


def _locked(journal: Path) -> tuple[Path, int]:
    while True:
        path = _folder(journal) / uuid.uuid4().hex
        with explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
        lock(handle)
        # Another process may have taken it for that of a dead one before it was locked.
        if path.exists():
            return path, handle
        os.close(handle)


def workers_of(journal: Path) -> Workers:
    """Return the processes at work on a journal's studies, and sweep away what killed ones have left."""
    alive: set[str] = set()
    unknown: set[str] = set()
    for path in sorted(_folder(journal).glob("*")):
        try:
            # Locks of a file on another machine ask for the right to write it.
            handle = os.open(path, os.O_RDWR)
        except OSError:  # it has just ended
            continue
        try:
            if lock(handle):
                path.unlink(missing_ok=True)
            else:
                (alive if is_locked(handle) else unknown).add(path.name)
        finally:
            os.close(handle)
    return Workers(frozenset(alive), frozenset(unknown))


def _folder(journal: Path) -> Path:
    return Path(f"{journal}.running")
