"""A run's folder: what was asked, what came of it, and what need not be done again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mindglyph.errors import PlaceError, UserError
from mindglyph.files import content_hash, is_locked, read_json, sweep, write_json
from mindglyph.folders import replaced_folder

MODEL = "decoder.safetensors"
"""The file of a trained decoder; its forests stand beside it."""

MARKER = "run.json"
"""The file that makes a folder a run: what was asked, and of which data."""

_FOLD_MARKER = "fold.json"
PATIENCE = 2.0
"""Seconds for which a folder in use is waited for: workers outlive a process that was killed by a moment."""


class Run:
    """A folder that holds one run and no other.

    `run.json` says what was asked and of which data; `metrics.json` holds the numbers, and
    `unfinished/` what a training that was stopped goes on from. An evaluation has
    `folds/SPLIT/NN/`; a training has `decoder.safetensors`, its forests beside it, and
    `history.json`.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._holds = 0

    @classmethod
    def start(cls, path: Path, asked: Mapping[str, Any]) -> Run:
        """Make the folder, or go on with a run of the same question.

        Parameters
        ----------
        path : Path
            The folder.
        asked : mapping
            Settings and the hash of the data.

        Returns
        -------
        Run
            With all that is finished still in it.

        Raises
        ------
        UserError
            If the folder holds another run or something else.
        """
        # A process that was killed while it began leaves a run without a name.
        sweep(path / MARKER)
        if cls.exists(path):
            if read_json(path / MARKER) != dict(asked):
                raise UserError(f"{path}: holds a run of other settings or data: name another folder with --out")
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(f"{path}: exists and holds no run: name another folder with --out")
        else:
            write_json(path / MARKER, dict(asked))
        return cls(path)

    @classmethod
    def exists(cls, path: Path) -> bool:
        """Say whether a run was started in that folder."""
        return (path / MARKER).is_file()

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open a run that was started before.

        Parameters
        ----------
        path : Path
            The folder.

        Returns
        -------
        Run
            With all that is finished in it.

        Raises
        ------
        UserError
            If the folder holds none.
        """
        if not (path / MARKER).is_file():
            raise UserError(f"{path}: holds no run: 'mindglyph evaluate STORE' makes one, and names its folder")
        return cls(path)

    @property
    def asked(self) -> dict[str, Any]:
        """Settings and the hash of the data."""
        asked: dict[str, Any] = read_json(self.path / MARKER)
        return asked

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep other processes from working in this folder while the block runs; blocks may be nested.

        Raises
        ------
        PlaceError
            If another one is at work in it.
        """
        handle = None if self._holds else self._locked()
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1
            if handle is not None:
                os.close(handle)

    def _locked(self) -> int:
        """Return the open marker with its lock, which goes when it is closed."""
        marker, last = self.path / MARKER, time.monotonic() + PATIENCE
        while True:
            handle = os.open(marker, os.O_RDONLY)
            # Whoever had the lock may have written the marker anew: then this one is no longer it.
            if not is_locked(handle) and os.path.samestat(os.fstat(handle), marker.stat()):
                return handle
            os.close(handle)
            if time.monotonic() > last:
                raise PlaceError(
                    f"{self.path}: another process is at work in it: wait for it, or name another folder with --out"
                )
            time.sleep(0.05)

    @property
    def unfinished(self) -> Path:
        """The folder in which a training that is not finished keeps its state."""
        return self.path / "unfinished"

    def write_history(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write how a training went, epoch after epoch."""
        write_json(self.path / "history.json", [dict(epoch) for epoch in history])

    def folds(self, split: str) -> Folds:
        """Return the folds of one split of the trials."""
        return Folds(self.path / "folds" / split)

    def write_null(self, split: str, null: Sequence[float]) -> None:
        """Write the scores of a split's permutations, which the report draws."""
        write_json(self.path / f"null.{split}.json", list(null))

    def null(self, split: str) -> list[float]:
        """Return the scores of a split's permutations."""
        null: list[float] = read_json(self.path / f"null.{split}.json", list)
        return null

    @property
    def metrics(self) -> dict[str, Any]:
        """The numbers so far."""
        path = self.path / "metrics.json"
        return read_json(path) if path.exists() else {}

    def add_metrics(self, **parts: Any) -> dict[str, Any]:
        """Add parts to `metrics.json` and return all of it."""
        metrics = {**self.metrics, **parts}
        write_json(self.path / "metrics.json", metrics)
        return metrics


class Folds:
    """The folds of one split of a run: each a folder that appears whole when the fold is finished.

    Parameters
    ----------
    path : Path
        The folder that holds them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def fold(self, number: int) -> Path:
        """Return the folder of a fold, which exists once the fold is finished."""
        return self.path / f"{number:02d}"

    def finished(self, number: int) -> bool:
        """Say whether a fold need not be done again."""
        return (self.fold(number) / _FOLD_MARKER).is_file()

    def damage(self, number: int) -> str | None:
        """Return what is wrong with a finished fold, if anything."""
        if not self.finished(number):
            return None
        try:
            refuse_changed(self.fold(number), self.about(number).get("files", {}))
        except UserError as error:
            return str(error).rsplit(": ", 1)[0]
        return None

    @contextmanager
    def writing(self, number: int, about: Mapping[str, Any]) -> Iterator[Path]:
        """Give a folder to write a fold's results into; they appear whole or not at all.

        All files in it are known by their hashes from then on.

        Parameters
        ----------
        number : int
            Of the fold.
        about : mapping
            What is to be known of it beside its predictions, as JSON can hold it.

        Yields
        ------
        Path
            An empty folder under a temporary name.
        """
        if not self.finished(number):
            # Without its marker a fold is none, whoever took that away.
            shutil.rmtree(self.fold(number), ignore_errors=True)
        with replaced_folder(self.fold(number), _FOLD_MARKER) as folder:
            yield folder
            write_json(folder / _FOLD_MARKER, {**about, "files": hashes(sorted(folder.iterdir()))})

    def about(self, number: int) -> dict[str, Any]:
        """Return what is known of a finished fold beside its predictions."""
        about: dict[str, Any] = read_json(self.fold(number) / _FOLD_MARKER)
        return about

    def decoder(self, number: int) -> Path:
        """Return the file of a fold's decoder, which is as it was when the fold was finished.

        Parameters
        ----------
        number : int
            Of a finished fold.

        Returns
        -------
        Path
            The file of the numbers.

        Raises
        ------
        UserError
            If it or one beside it was changed since.
        """
        files = self.about(number).get("files", {})
        refuse_changed(self.fold(number), files, "run 'mindglyph evaluate' again, which trains this fold anew")
        return self.fold(number) / MODEL


def hashes(files: Iterable[Path]) -> dict[str, str]:
    """Return the SHA-256 of each file by its name, as a run keeps it of what was learned."""
    return {file.name: content_hash(file) for file in files}


def refuse_changed(folder: Path, expected: Mapping[str, str], mend: str = "train it again into another folder") -> None:
    """Compare the files of a decoder in a run's folder with what the run says of them.

    Parameters
    ----------
    folder : Path
        Where they are.
    expected : mapping of str to str
        What `hashes` gave.
    mend : str
        What the user can do.

    Raises
    ------
    UserError
        If one is absent or was changed since.
    """
    if MODEL not in expected:
        raise UserError(f"{folder}: does not say what its decoder is: {mend}")
    for name, known in expected.items():
        # Only a name counts: a changed run cannot point elsewhere.
        file = folder / Path(name).name
        if not file.is_file():
            raise UserError(f"{file}: no such file, and the run needs it: {mend}")
        if content_hash(file) != known:
            raise UserError(f"{file}: was damaged or changed since it was trained: {mend}")
