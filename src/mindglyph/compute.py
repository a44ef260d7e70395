"""Where work runs: in this process, or in several processes of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from joblib import Parallel, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError

from mindglyph.errors import UserError
from mindglyph.orphans import EndingWithParent

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_tasks(function: Callable[[Task], Result], tasks: Iterable[Task], workers: int = 1) -> Iterator[Result]:
    """Run a function on each task and give the results in the order of the tasks.

    Parameters
    ----------
    function : callable
        Takes a task. With several workers it, the tasks and the results travel between processes.
    tasks : iterable
        What to do.
    workers : int
        Processes; 1 stays in this one. joblib shares the cores' threads among them.

    Yields
    ------
    object
        Results, each as soon as those before it are there.

    Raises
    ------
    UserError
        If the system ended a worker.
    """
    if workers == 1:
        yield from map(function, tasks)
    else:
        ending = EndingWithParent(function)
        try:
            yield from Parallel(n_jobs=workers, return_as="generator")(delayed(ending)(task) for task in tasks)
        except TerminatedWorkerError as error:
            raise UserError(
                f"one of {workers} workers was ended by the system, most often because memory was short: "
                "give the command again with fewer --workers; what is finished is kept"
            ) from error
