"""Recordings of several files, each of which a task reads into a part that is then read again in its turn.

What runs on from file to file, such as event numbers, is seen to where the parts are joined, by what
joins files that are read in this process: so the store is the same to the last bit.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from mindglyph.compute import run_tasks
from mindglyph.files import explained, read_json
from mindglyph.folders import remove_folder
from mindglyph.sources.joined import read_joined
from mindglyph.sources.recording import Chunk, Recording, Refusal
from mindglyph.store import layout
from mindglyph.store.growing import REFUSED, Content, refused_table
from mindglyph.trials import ExtraSignals, Trials

_PARTS = "parts"
_ABOUT = "part.json"


@contextmanager
def read_by_tasks(
    recording: Recording, folder: Path, workers: int = 1, cluster: str | None = None
) -> Iterator[Recording]:
    """Give a recording whose files are read by tasks while the block runs.

    Parameters
    ----------
    recording : Recording
        One that is no joined one, or cannot be opened elsewhere, is given back as it is.
    folder : Path
        Where the parts lie until they are joined.
    workers : int
        Processes of this machine that do the tasks.
    cluster : str, optional
        Address of a Dask scheduler whose workers do them, or path of its file.

    Yields
    ------
    Recording
        Which can be read once, and gives what `recording` would give.
    """
    openers = [part.reopen for part in recording.parts if part.reopen is not None]
    if (workers == 1 and cluster is None) or len(openers) < max(2, len(recording.parts)):
        yield recording
        return
    place = folder.absolute() / _PARTS
    with explained(folder):
        place.mkdir()
    tasks = [_Reading(opener, place / str(number)) for number, opener in enumerate(openers)]
    files = {part.path.absolute().parent for part in recording.parts}
    results = run_tasks(_read_part, tasks, workers, cluster, [place, *sorted(files)])
    try:
        with closing(results):
            read = [
                replace(part, read=partial(_read_when_done, results, part, task.folder))
                for part, task in zip(recording.parts, tasks, strict=True)
            ]
            yield replace(recording, read=partial(read_joined, read))
    finally:
        remove_folder(place)


@dataclass(frozen=True)
class _Reading:
    """A task: which recording to read, and where to put what it gives."""

    opened: Callable[[], Recording]
    folder: Path


def _read_part(task: _Reading) -> None:
    """Read a recording into a part: the arrays of a store, its table, and how many of each a chunk had."""
    folder, chunks = task.folder, []
    # Another may have begun it, and died.
    shutil.rmtree(folder, ignore_errors=True)
    with explained(folder.parents[1]):
        # Without those above it: whoever outlives a killed import must not bring back what was swept away.
        folder.mkdir()
        with pq.ParquetWriter(folder / layout.REJECTED, REFUSED) as refused, Content(folder) as content:
            for chunk in task.opened().read():
                if chunk.refusals:
                    refused.write_table(refused_table(chunk), row_group_size=len(chunk.refusals))
                if chunk.trials is not None:
                    content.append(chunk.trials)
                n_trials = 0 if chunk.trials is None else len(chunk.trials)
                chunks.append([n_trials, len(chunk.refusals), chunk.rows_read, chunk.position])
        if content.tables:
            pd.concat(content.tables, ignore_index=True).to_parquet(folder / layout.TRIALS)
        about = {"chunks": chunks, "extras": content.extras, "tmin": content.tmin}
        (folder / _ABOUT).write_text(json.dumps(about), encoding="utf-8")


def _read_when_done(results: Iterator[None], recording: Recording, folder: Path) -> Iterator[Chunk]:
    """Wait for the next task, give the chunks of its part, and remove it."""
    next(results)
    about = read_json(folder / _ABOUT)
    with ExitStack() as stack:
        arrays = {path.name: stack.enter_context(_Rows(path)) for path in folder.glob("*.npy")}
        refused = stack.enter_context(pq.ParquetFile(folder / layout.REJECTED))
        table = pd.read_parquet(folder / layout.TRIALS) if arrays else pd.DataFrame()
        first = groups = 0
        for n_trials, n_refused, rows_read, position in about["chunks"]:
            trials = None
            if n_trials:
                rows = table.iloc[first : first + n_trials].reset_index(drop=True)
                trials = _trials(recording, rows, {name: file.next(n_trials) for name, file in arrays.items()}, about)
            refusals = [Refusal(**row) for row in refused.read_row_group(groups).to_pylist()] if n_refused else []
            first, groups = first + n_trials, groups + bool(n_refused)
            yield Chunk(trials, refusals, rows_read, position)
    shutil.rmtree(folder, ignore_errors=True)


def _trials(recording: Recording, table: pd.DataFrame, arrays: dict[str, np.ndarray], about: dict[str, Any]) -> Trials:
    extras = {
        name: ExtraSignals(arrays[layout.extra_file(name)], tuple(what["channels"]), what["sfreq"])
        for name, what in about["extras"].items()
    }
    labels = table.pop("label").to_numpy()
    return Trials(
        arrays[layout.SIGNALS], labels, recording.info, table, arrays.get(layout.IMAGES), extras, about["tmin"]
    )


class _Rows:
    """A .npy file that is read from its start on: the pages of a memory map would stay in the process."""

    def __init__(self, path: Path) -> None:
        mapped = np.load(path, mmap_mode="r")
        self._shape, self._type = mapped.shape[1:], mapped.dtype
        self._file = path.open("rb")
        self._file.seek(mapped.offset)

    def __enter__(self) -> _Rows:
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def next(self, count: int) -> np.ndarray:
        """Return so many rows."""
        values = np.fromfile(self._file, self._type, count * math.prod(self._shape))
        return values.reshape(count, *self._shape)
