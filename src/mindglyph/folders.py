"""Folders that are either whole or absent: written under a temporary name, then put in place."""

from __future__ import annotations

import ctypes
import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mindglyph.errors import UserError
from mindglyph.files import explained, lock, sweep, umask

_HERE = -100  # AT_FDCWD
_EXCHANGE = 2  # RENAME_EXCHANGE


@contextmanager
def replaced_folder(path: Path, marker: str) -> Iterator[Path]:
    """Give a temporary folder beside `path`; it takes the place of `path` when the block succeeds.

    Parameters
    ----------
    path : Path
        The folder to write.
    marker : str
        A file that an existing `path` must hold for it to be replaced, so that a
        mistyped name never removes somebody's folder.

    Yields
    ------
    Path
        The folder to write into.

    Raises
    ------
    UserError
        If `path` exists and is something else, or cannot be written.
    """
    recover_folder(path)
    if path.exists() and not (path / marker).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists and holds no {marker}: name another folder")
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    handle = _opened(temporary)
    try:
        with explained(path):
            temporary.chmod(0o777 & ~umask())
            yield temporary
            _put_in_place(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def recover_folder(path: Path) -> None:
    """Put the old folder back where a process was killed between its two renames.

    Only where the system cannot exchange two folders at once can this happen.

    Parameters
    ----------
    path : Path
        The folder that was being replaced.
    """
    if path.exists():
        return
    for old in path.parent.glob(f".{glob.escape(path.name)}.????????.old"):
        with explained(path):
            old.replace(path)
        return


def _opened(folder: Path) -> int | None:
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return None
    lock(handle)
    return handle


def _put_in_place(new: Path, path: Path) -> None:
    if not path.exists():
        new.replace(path)
    elif not _exchanged(new, path):
        _swapped(new, path)


def _exchanged(new: Path, path: Path) -> bool:
    """Exchange two folders in one step, which no kill can tear apart; say whether the system can."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError, TypeError):
        return False
    return bool(renameat2(_HERE, os.fsencode(new), _HERE, os.fsencode(path), _EXCHANGE) == 0)


def _swapped(new: Path, path: Path) -> None:
    # A folder cannot be renamed over one that is not empty, so the old one steps aside first.
    old = new.with_suffix(".old")
    path.replace(old)
    try:
        new.replace(path)
    except BaseException:
        old.replace(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def remove_folder(path: Path) -> None:
    """Remove a folder in one step for whoever still writes into it by its name: such a write fails.

    Parameters
    ----------
    path : Path
        The folder; it need not be there.
    """
    # What a process that was killed here had moved away.
    sweep(path)
    with suppress(OSError):
        away = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        with suppress(OSError):
            path.replace(away)
        shutil.rmtree(away, ignore_errors=True)
    # Where it cannot be moved, as on Windows.
    shutil.rmtree(path, ignore_errors=True)
