"""Opens a store that was written before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from mindglyph import runs
from mindglyph.errors import UserError
from mindglyph.files import content_hash, read_json
from mindglyph.folders import recover_folder
from mindglyph.store import layout
from mindglyph.trials import ExtraSignals, Trials, make_info


class Store:
    """A store that was written before.

    Parameters
    ----------
    path : Path or str
        The folder.

    Raises
    ------
    UserError
        If it is no store, or one of another schema version.
    """

    def __init__(self, path: Path | str) -> None:
        path = Path(path)
        recover_folder(path)
        if not (path / layout.MARKER).is_file():
            raise UserError(_no_store(path))
        self.path = path
        self.about: dict[str, Any] = read_json(path / layout.MARKER)
        if not isinstance(self.about, dict) or self.about.get("schema_version") != layout.SCHEMA_VERSION:
            raise UserError(f"{path}: was written by another version of mindglyph: import the recording again")

    @property
    def import_report(self) -> dict[str, Any]:
        """What the import counted."""
        report: dict[str, Any] = read_json(self.path / layout.REPORT)
        return report

    @property
    def truth(self) -> dict[str, Any] | None:
        """The truth of a simulated recording, or None."""
        path = self.path / layout.TRUTH
        return read_json(path) if path.exists() else None

    def verify(self) -> None:
        """Compare the content with the hash that was taken when it was written.

        Raises
        ------
        UserError
            If they differ.
        """
        if content_hash(*layout.content_files(self.path)) != self.about.get("content_hash"):
            raise UserError(f"{self.path}: the store is damaged or was changed: import the recording again")

    def trials(self, extras: bool = True) -> Trials:
        """Return the trials, memory-mapped, in the order of recording.

        Parameters
        ----------
        extras : bool
            Whether the signals beside the EEG come along.

        Returns
        -------
        Trials
            The signals are read when they are looked at.

        Raises
        ------
        UserError
            If a file of the store is absent or damaged.
        """
        try:
            table = pd.read_parquet(self.path / layout.TRIALS)
            signals = self._array(layout.SIGNALS)
            images = self._array(layout.IMAGES) if (self.path / layout.IMAGES).exists() else None
            beside = {
                name: ExtraSignals(self._array(layout.extra_file(name)), tuple(what["channels"]), what["sfreq"])
                for name, what in (self.about["extras"].items() if extras else ())
            }
            labels = table.pop("label").to_numpy()
        except (OSError, EOFError, ValueError, KeyError) as error:
            raise UserError(f"{self.path}: the store is damaged ({error}): import the recording again") from error
        info = make_info(self.about["channels"], self.about["sfreq"], self.about["positions"])
        return Trials(signals, labels, info, table, images, beside, self.about["tmin"])

    def rejected(self) -> pd.DataFrame:
        """Return the rows that were refused: `file`, `line`, `reason`, `kind`, `text` (bytes)."""
        try:
            return pd.read_parquet(self.path / layout.REJECTED)
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path}: the store is damaged ({error}): import the recording again") from error

    def rejected_parts(self) -> Iterator[pd.DataFrame]:
        """Yield the rows that were refused, some at a time: together they may be larger than the memory."""
        try:
            with pq.ParquetFile(self.path / layout.REJECTED) as file:
                for batch in file.iter_batches(batch_size=1024):
                    yield batch.to_pandas()
        except (OSError, ValueError) as error:
            raise UserError(f"{self.path}: the store is damaged ({error}): import the recording again") from error

    def _array(self, name: str) -> np.ndarray:
        return np.load(self.path / name, mmap_mode="r", allow_pickle=False)


def _no_store(path: Path) -> str:
    """Return what is to be done where a path is no store."""
    if path.is_file():
        return f"{path}: is no trial store: make one with 'mindglyph import {path} {path.stem}.store'"
    if (path / runs.MARKER).is_file():
        return f"{path}: is no trial store, but a run: name the store that it was made of"
    if not path.exists():
        return f"{path}: is no trial store, nothing has that name: make one with 'mindglyph import FILE {path}'"
    return f"{path}: is no trial store: name the folder that 'mindglyph import' made"
