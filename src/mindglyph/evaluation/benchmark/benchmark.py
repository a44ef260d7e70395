"""Fills the cells of a benchmark; what is finished is not done again, and what fails leaves the rest alone."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mindglyph.compute import check_place, run_tasks
from mindglyph.decoders.monitor import Progress
from mindglyph.errors import PlaceError, UserError
from mindglyph.evaluation.benchmark.cells import Cell, Question, cells_folder, cells_of
from mindglyph.evaluation.benchmark.tables import Benchmark, Filled, gather
from mindglyph.evaluation.evaluate import Watching, evaluate
from mindglyph.files import read_json, write_json
from mindglyph.runs import MARKER, Run
from mindglyph.store import Store


def run_benchmark(
    question: Question,
    folder: Path,
    workers: int = 1,
    watch: Watching | None = None,
    cluster: str | None = None,
) -> tuple[Benchmark, list[Cell]]:
    """Evaluate every decoder on every store under every split, and write the tables.

    Parameters
    ----------
    question : Question
        What is asked.
    folder : Path
        Holds the runs of all cells, those of earlier questions among them, and the tables of this one.
    workers : int
        Processes that fill cells side by side.
    watch : Watching, optional
        Told the cells filled and in all, and, where one process works, the epochs of a training.
    cluster : str, optional
        A Dask scheduler whose workers fill the cells instead; they must see the stores and the folder.

    Returns
    -------
    benchmark : Benchmark
        The tables, as they were written.
    failed : list of Cell
        Those that could not be filled; the table says why.

    Raises
    ------
    UserError
        If a store is none or is damaged, there is no such decoder or setting, or the folder holds
        something else, or the cluster cannot be used.
    PlaceError
        If the folder is in use or cannot be written, such as on a full disk; what is filled is kept.
    """
    check_place(workers, cluster)
    cells = cells_of(question)
    place = Run.start(folder, {"kind": "benchmark"})
    with place.held():
        errors = _fill(cells, folder, workers, watch, cluster)
        filled = [
            Filled(cell, cell.run(folder), seconds_of(cell, folder), errors.get(at)) for at, cell in enumerate(cells)
        ]
        benchmark = gather(filled, others=_others(cells, folder))
        benchmark.write(folder)
    return benchmark, [cells[at] for at in sorted(errors)]


def _fill(
    cells: Sequence[Cell], folder: Path, workers: int, watch: Watching | None, cluster: str | None
) -> dict[int, str]:
    """Fill the cells that are not filled; return why some could not be, by their place."""
    errors: dict[int, str] = {}
    for cell in cells:
        _point_at_store(cell, cell.run(folder))
    todo = [at for at, cell in enumerate(cells) if not is_filled(cell, folder)]
    done = len(cells) - len(todo)
    if watch is not None:
        watch.step(done, len(cells))
    heard = watch if workers == 1 and cluster is None else None
    # A leaky split goes into the run of the honest one beside it, which must stand by then.
    for wave in ([at for at in todo if not cells[at].leaky], [at for at in todo if cells[at].leaky]):
        tasks = [_Task(cells[at], folder.absolute(), heard) for at in wave]
        shared = (folder, *{cells[at].store for at in wave})
        for at, error in zip(wave, run_tasks(_fill_one, tasks, workers, cluster, shared), strict=True):
            done += 1
            if watch is not None:
                watch.step(done, len(cells))
            if error is not None:
                errors[at] = error
    return errors


@dataclass(frozen=True)
class _Task:
    """A cell to fill, as it travels to another process."""

    cell: Cell
    folder: Path
    watch: Watching | None

    @contextmanager
    def watcher(self, part: str) -> Iterator[Watching]:
        """Let epochs be heard, under the cell's name, and keep the steps inside a cell for itself."""
        yield _Epochs(self.watch, f"{self.cell.decoder} on {self.cell.name}, {part}")


@dataclass(frozen=True)
class _Epochs:
    watch: Watching | None
    part: str

    def step(self, done: int, total: int) -> None:
        pass

    def epoch(self, progress: Progress) -> None:
        if self.watch is not None:
            self.watch.epoch(replace(progress, part=f"{self.part}, {progress.part}"))

    def remark(self, text: str) -> None:
        if self.watch is not None:
            self.watch.remark(text)


def _fill_one(task: _Task) -> str | None:
    """Evaluate a cell and mark it as filled, or return why that cannot be.

    A full disk or a run in use says nothing of the cell: it stops the benchmark, which goes on afterwards.
    """
    cell = task.cell
    run = cell.run(task.folder)
    if cell.leaky and not _is_scored(cell, run, cell.settings.split):
        return f"is shown only beside the split '{cell.settings.split}', which failed"
    # What was begun before was not timed from its beginning.
    begun = run.folds(cell.split).path.exists() or run.unfinished.exists()
    start = time.perf_counter()
    try:
        evaluate(Store(cell.store), cell.settings, run.path, watcher=task.watcher)
    except PlaceError:
        raise
    except UserError as error:
        return " ".join(str(error).split())
    except Exception as error:  # a decoder that breaks on one recording must not take the others' scores with it
        return f"{type(error).__name__}: {' '.join(str(error).split())}"
    seconds = None if begun else time.perf_counter() - start
    write_json(_marker(run, cell), {"seconds": seconds, "depends": cell.depends})
    return None


def _point_at_store(cell: Cell, run: Run) -> None:
    """Tell a run where its store is now: by its content it is the same, wherever it was moved to."""
    if not Run.exists(run.path):
        return
    asked = run.asked
    place = os.path.relpath(cell.store.resolve(), run.path.resolve())
    if asked.get("store") != place:
        write_json(run.path / MARKER, {**asked, "store": place})


def is_filled(cell: Cell, folder: Path) -> bool:
    """Say whether a cell need not be evaluated again."""
    run = cell.run(folder)
    if not _marker(run, cell).is_file() or not _is_scored(cell, run, cell.split):
        return False
    folds, numbers = run.folds(cell.split), range(len(run.metrics["splits"][cell.split]["folds"]))
    return all(folds.finished(number) and folds.damage(number) is None for number in numbers)


def _is_scored(cell: Cell, run: Run, split: str) -> bool:
    # Someone may have asked the cell's run for other splits since, by `mindglyph evaluate`.
    scoring: dict[str, Any] = run.metrics.get("scoring", {})
    splits = scoring.get("splits", [])
    asked = scoring.get("permutations") == cell.settings.permutations
    return asked and splits[0] == cell.settings.split and split in splits


def seconds_of(cell: Cell, folder: Path) -> float | None:
    """Return how long a cell took, or None where it is not filled or was stopped in between."""
    marker = _marker(cell.run(folder), cell)
    seconds: float | None = read_json(marker)["seconds"] if marker.is_file() else None
    return seconds


def _marker(run: Run, cell: Cell) -> Path:
    return run.path / f"cell.{cell.split}.json"


def _others(cells: Sequence[Cell], folder: Path) -> int:
    """Count the runs of other settings, data or versions that the folder holds."""
    own = {cell.key for cell in cells}
    return sum(path.is_dir() and path.name not in own for path in cells_folder(folder).glob("*"))
