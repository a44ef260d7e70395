"""Files that are either whole or absent: written to a temporary name, then renamed."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.errors import PlaceError, UserError

_FULL = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}

if sys.platform != "win32":
    import fcntl


@contextmanager
def replaced_file(path: Path, parents: bool = True) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write. An existing one stays untouched until the rename.
    parents : bool
        Whether folders that are not there are made.

    Yields
    ------
    Path
        The name to write to.

    Raises
    ------
    PlaceError
        If the folder cannot be written or the disk is full.
    """
    with explained(path):
        if parents:
            path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        lock(handle)
        with explained(path):
            yield temporary
            temporary.chmod(0o666 & ~umask())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        os.close(handle)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what the system says when `path` cannot be written into what the user can do."""
    try:
        yield
    except PermissionError as error:
        raise PlaceError(f"{_final(path)}: no permission to write there: name another place") from error
    except OSError as error:
        # Libraries put words of their own around the system's.
        why = os.strerror(error.errno) if error.errno else " ".join(str(error).split())
        if is_full(error):
            raise PlaceError(
                f"{_final(path)}: cannot be written ({why}, {_room(path)} free): free space and give the command "
                "again, or name another place"
            ) from error
        raise PlaceError(f"{_final(path)}: cannot be written ({why}): free space or name another place") from error


def is_full(error: OSError) -> bool:
    """Say whether a disk or its quota is full."""
    return error.errno in _FULL


def _room(path: Path) -> str:
    """Return how much room there is where `path` is written, in words."""
    there = next((folder for folder in path.absolute().parents if folder.exists()), Path("/"))
    return f"{shutil.disk_usage(there).free / 1e6:,.1f} MB"


def _final(path: Path) -> Path:
    """Return the name that a file in a temporary folder will have."""
    return Path(*(re.sub(r"^\.(.+)\.\w{8}\.tmp$", r"\1", part) for part in path.parts))


def lock(handle: int) -> bool:
    """Take the lock of an open temporary file or folder; say whether nobody else has it.

    It is let go when the process ends, however it ends.

    Parameters
    ----------
    handle : int
        File descriptor.

    Returns
    -------
    bool
        True where it is taken now.
    """
    if sys.platform == "win32":  # knows no flock, so leftovers of killed processes stay there
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_locked(handle: int) -> bool:
    """Take the lock of an open file; say whether another process has it.

    A file system without locks has none taken.

    Parameters
    ----------
    handle : int
        File descriptor.

    Returns
    -------
    bool
        True where another process has it.
    """
    if sys.platform == "win32":
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False


def sweep(path: Path) -> None:
    """Remove the temporary files of processes that were killed while they wrote `path`."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.????????.tmp"):
        try:
            handle = os.open(leftover, os.O_RDONLY)
        except OSError:
            continue
        try:
            if not lock(handle):
                continue
            if leftover.is_dir():
                shutil.rmtree(leftover, ignore_errors=True)
            else:
                leftover.unlink(missing_ok=True)
        finally:
            os.close(handle)


def umask() -> int:
    """Return the bits that new files of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with replaced_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path, kind: type[dict[Any, Any]] | type[list[Any]] = dict) -> Any:
    """Read a JSON file that mindglyph wrote.

    Parameters
    ----------
    path : Path
        The file.
    kind : type
        What it holds as a whole.

    Returns
    -------
    dict or list
        What it says.

    Raises
    ------
    UserError
        If the file is absent, is no JSON, or holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}): remove it and make it anew") from error
    if not isinstance(content, kind):
        raise UserError(f"{path}: holds something else than mindglyph wrote there: remove it and make it anew")
    return content


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any], parents: bool = True) -> None:
    """Write arrays and a description as safetensors, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    arrays : mapping of str to ndarray
        Numbers only: text and other objects go into `about`.
    about : mapping
        Anything that JSON can hold; kept in the header of the file.
    parents : bool
        Whether folders that are not there are made.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with replaced_file(path, parents) as temporary:
        try:
            save_file(plain, str(temporary), metadata={"about": json.dumps(dict(about))})
        except SafetensorError as error:
            # What the system said stands only in its text.
            code = re.search(r"os error (\d+)", str(error))
            if code is None:
                raise
            raise OSError(int(code[1]), os.strerror(int(code[1]))) from error


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_arrays` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    arrays : dict of str to ndarray
        The numbers.
    about : dict
        The description.

    Raises
    ------
    UserError
        If the file is absent, damaged or made by something else.
    """
    with _opened(path) as file:
        about = json.loads(file.metadata()["about"])
        return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118


def read_about(path: Path) -> dict[str, Any]:
    """Read the description alone of what `write_arrays` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    dict
        The description.

    Raises
    ------
    UserError
        If the file is absent, damaged or made by something else.
    """
    with _opened(path) as file:
        about = json.loads(file.metadata()["about"])
        if not isinstance(about, dict):
            raise TypeError("the description is no mapping")
        return about


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """Open safetensors; what goes wrong in the block is the file's fault."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            yield file
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise UserError(f"{path}: is no model that mindglyph wrote, or is damaged: make it anew") from error


def content_hash(*paths: Path) -> str:
    """Return the SHA-256 (hexadecimal) of the contents of files, in the order given.

    Parameters
    ----------
    *paths : Path
        Files; a folder stands for all files under it, by name, and their names count too.

    Returns
    -------
    str
        64 digits.
    """
    digest = hashlib.sha256()
    for path in paths:
        for part in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if part.is_dir():
                continue
            if part is not path:
                digest.update(part.relative_to(path).as_posix().encode())
            with part.open("rb") as file:
                while block := file.read(1 << 20):
                    digest.update(block)
    return digest.hexdigest()
