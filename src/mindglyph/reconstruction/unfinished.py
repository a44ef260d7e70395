"""What was drawn is kept until all of it is written, so that a command that was killed does not draw it again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph import runs
from mindglyph.errors import PlaceError, UserError
from mindglyph.files import explained, is_locked, read_arrays, read_json, write_arrays, write_json
from mindglyph.reconstruction.bank import PictureBank
from mindglyph.reconstruction.reconstructions import Reconstructions

FOLDER = "unfinished"
"""Inside the folder that is written, while it is not whole."""

_MARKER = "asked.json"


class Kept:
    """Parts of a reconstruction, each written once and read by whoever goes on.

    Parameters
    ----------
    path : Path or None
        The folder that holds them; None keeps nothing.
    asked : mapping
        All that the parts depend on. Those of another question are removed.
    """

    def __init__(self, path: Path | None = None, asked: Mapping[str, Any] | None = None) -> None:
        self._path = path
        self._asked = dict(asked or {})
        if path is not None and path.exists() and _asked_in(path) != self._asked:
            shutil.rmtree(path)

    def bank(self, draw: Callable[[], PictureBank]) -> PictureBank:
        """Return the bank that was kept, or draw it and keep it."""
        arrays = self._read("bank")
        if arrays is not None:
            return PictureBank(**arrays[0])
        bank = draw()
        self._write("bank", vars(bank), {})
        return bank

    def fold(self, number: int, bank: PictureBank, draw: Callable[[], Reconstructions]) -> Reconstructions:
        """Return the pictures of a fold that were kept, or draw them and keep them.

        Parameters
        ----------
        number : int
            Of the fold.
        bank : PictureBank
            That they are drawn from.
        draw : callable
            Draws them.

        Returns
        -------
        Reconstructions
            Of the fold.
        """
        name = f"fold-{number:02d}"
        known = self._read(name)
        if known is not None:
            arrays, about = known
            seen = arrays.pop("seen", None)
            return Reconstructions(**arrays, seen=seen, bank=bank.images, alignments=np.array(about["alignments"]))
        drawn = draw()
        plain = {key: value for key, value in vars(drawn).items() if value is not None}
        about = {"alignments": plain.pop("alignments").tolist()}
        del plain["bank"]
        self._write(name, plain, about)
        return drawn

    def _read(self, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]] | None:
        if self._path is None:
            return None
        try:
            return read_arrays(self._path / f"{name}.safetensors")
        except UserError:  # it was never written
            return None

    def _write(self, name: str, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> None:
        if self._path is None:
            return
        # Only once there is something to keep: a question that cannot be answered leaves nothing.
        if not (self._path / _MARKER).exists():
            write_json(self._path / _MARKER, self._asked)
        write_arrays(self._path / f"{name}.safetensors", arrays, about)


def _asked_in(path: Path) -> Any:
    try:
        return read_json(path / _MARKER)
    except UserError:
        return None


@contextmanager
def unfinished(folder: Path, asked: Mapping[str, Any]) -> Iterator[Kept]:
    """Give what an earlier command drew into this folder before it ended; nothing is kept once the block succeeds.

    Parameters
    ----------
    folder : Path
        That is written in the block, by no other process meanwhile.
    asked : mapping
        All that the pictures depend on, as JSON can hold it.

    Raises
    ------
    PlaceError
        If another process writes there, or the folder cannot be made.
    """
    with _held(folder):
        path = folder / FOLDER
        yield Kept(path, asked)
        shutil.rmtree(path, ignore_errors=True)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    handle, last = _opened(folder), time.monotonic() + runs.PATIENCE
    try:
        while handle is not None and is_locked(handle):
            if time.monotonic() > last:
                raise PlaceError(
                    f"{folder}: another process is at work in it: wait for it, or name another folder with --out"
                )
            time.sleep(0.05)
        try:
            yield
        finally:
            with suppress(OSError):  # it holds something
                folder.rmdir()
    finally:
        if handle is not None:
            os.close(handle)


def _opened(folder: Path) -> int | None:
    try:
        return os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return None
