"""A run's folder: what was asked, what came of it, and what need not be done again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mindglyph.errors import UserError
from mindglyph.files import read_json, write_json
from mindglyph.folders import replaced_folder

_MARKER = "run.json"
_FOLD_MARKER = "fold.json"


class Run:
    """A folder that holds one run and no other.

    `run.json` says what was asked and of which data; `folds/NN/` holds what each fold gave
    and appears whole when the fold is finished; `metrics.json` holds the numbers.

    Parameters
    ----------
    path : Path
        The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

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
        if (path / _MARKER).is_file():
            if read_json(path / _MARKER) != dict(asked):
                raise UserError(f"{path}: holds a run of other settings or data: name another folder with --out")
        elif path.exists() and (not path.is_dir() or any(path.iterdir())):
            raise UserError(f"{path}: exists and holds no run: name another folder with --out")
        else:
            write_json(path / _MARKER, dict(asked))
        return cls(path)

    @classmethod
    def open(cls, path: Path) -> Run:
        """Open a run that was started before.

        Raises
        ------
        UserError
            If the folder holds none.
        """
        if not (path / _MARKER).is_file():
            raise UserError(f"{path}: holds no run: make one with 'mindglyph evaluate STORE --out {path}'")
        return cls(path)

    @property
    def asked(self) -> dict[str, Any]:
        """Settings and the hash of the data."""
        asked: dict[str, Any] = read_json(self.path / _MARKER)
        return asked

    def fold(self, number: int) -> Path:
        """Return the folder of a fold, which exists once the fold is finished."""
        return self.path / "folds" / f"{number:02d}"

    def finished(self, number: int) -> bool:
        """Say whether a fold need not be done again."""
        return (self.fold(number) / _FOLD_MARKER).is_file()

    @contextmanager
    def writing_fold(self, number: int, about: Mapping[str, Any]) -> Iterator[Path]:
        """Give a folder to write a fold's results into; they appear whole or not at all."""
        with replaced_folder(self.fold(number), _FOLD_MARKER) as folder:
            yield folder
            write_json(folder / _FOLD_MARKER, dict(about))

    def write_null(self, null: Sequence[float]) -> None:
        """Write the scores of the permutations, which the report draws."""
        write_json(self.path / "null.json", list(null))

    @property
    def null(self) -> list[float]:
        """The scores of the permutations."""
        null: list[float] = read_json(self.path / "null.json")
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
