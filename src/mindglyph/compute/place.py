"""A place where tasks run, to be handed down to whoever has some."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from mindglyph.compute.tasks import run_tasks

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Place:
    """Where tasks run.

    Attributes
    ----------
    workers : int
        Processes of this machine; 1 stays in this one.
    cluster : str or None
        A Dask scheduler whose workers do it instead.
    """

    workers: int = 1
    cluster: str | None = None

    @property
    def is_here(self) -> bool:
        """Whether it is this process, so that tasks and results need not travel."""
        return self.workers == 1 and self.cluster is None

    def run(
        self, function: Callable[[Task], Result], tasks: Iterable[Task], shared: Sequence[Path] = ()
    ) -> Generator[Result, None, None]:
        """Run a function on each task there, as `run_tasks` does."""
        return run_tasks(function, tasks, self.workers, self.cluster, shared)
