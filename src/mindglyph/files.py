"""Files that are either whole or absent: written to a temporary name, then renamed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.errors import UserError


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; rename it to `path` when the block succeeds.

    Parameters
    ----------
    path : Path
        The file to write. An existing one stays untouched until the rename.

    Yields
    ------
    Path
        The name to write to.

    Raises
    ------
    UserError
        If the folder cannot be written or the disk is full.
    """
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
        os.close(handle)
    temporary = Path(name)
    try:
        with _explained(path):
            yield temporary
            temporary.chmod(0o666 & ~_umask())
            temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


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
    if path.exists() and not (path / marker).is_file() and (not path.is_dir() or any(path.iterdir())):
        raise UserError(f"{path} exists and holds no {marker}: name another folder")
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
        temporary.chmod(0o777 & ~_umask())
    try:
        with _explained(path):
            yield temporary
            _swap(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _swap(new: Path, path: Path) -> None:
    # A folder cannot be renamed over one that is not empty, so the old one steps aside first.
    old = new.with_suffix(".old")
    if path.exists():
        path.replace(old)
    try:
        new.replace(path)
    except BaseException:
        if old.exists():
            old.replace(path)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise UserError(f"{path}: no permission to write there: name another place") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror}): free space or name another place") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def write_json(path: Path, content: Any) -> None:
    """Write `content` as indented JSON, whole or not at all."""
    with replaced_file(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file that mindglyph wrote.

    Raises
    ------
    UserError
        If the file is absent or is no JSON.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as JSON ({error}): make it anew") from error


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
    """Write arrays and a description as safetensors, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    arrays : mapping of str to ndarray
        Numbers only: text and other objects go into `about`.
    about : mapping
        Anything that JSON can hold; kept in the header of the file.
    """
    from safetensors.numpy import save_file

    plain = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    with replaced_file(path) as temporary:
        save_file(plain, str(temporary), metadata={"about": json.dumps(dict(about))})


def read_arrays(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read what `write_arrays` wrote; nothing in the file is executed.

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
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="numpy") as file:
            about = json.loads(file.metadata()["about"])
            return {name: file.get_tensor(name) for name in file.keys()}, about  # noqa: SIM118
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (SafetensorError, OSError, TypeError, KeyError, ValueError) as error:
        raise UserError(f"{path}: is no model that mindglyph wrote, or is damaged: make it anew") from error


def content_hash(*paths: Path) -> str:
    """Return the SHA-256 (hexadecimal) of the contents of files, in the order given."""
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
