"""Runs a function on tasks: in this process, in several of this machine, or on a Dask cluster."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed, parallel_config
from joblib.externals.loky.process_executor import TerminatedWorkerError

from mindglyph.compute.threads import run_bounded, threads_per_task
from mindglyph.errors import UserError
from mindglyph.orphans import EndingWithParent

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    workers: int = 1,
    cluster: str | None = None,
    shared: Sequence[Path] = (),
) -> Generator[Result, None, None]:
    """Run a function on each task and give the results in the order of the tasks.

    Parameters
    ----------
    function : callable
        Takes a task. Unless it runs in this process, it, the tasks and the results travel between
        processes, so tasks should name files rather than hold them: stores are memory-mapped, and
        processes of one machine share what they map. It may be called again with a task whose
        worker died, and must then give the same.
    tasks : iterable
        What to do.
    workers : int
        Processes of this machine; 1 stays in this one.
    cluster : str, optional
        Address of a Dask scheduler, such as tcp://HOST:8786, or path of its scheduler file. Its
        workers do the tasks, each one at a time.
    shared : sequence of Path
        What every worker of a cluster must see under the same absolute path.

    Yields
    ------
    object
        Results, each as soon as those before it are there.

    Raises
    ------
    UserError
        If the cluster cannot be used or is lost, a worker does not see what is shared or was
        killed; and whatever a task raises.
    """
    threads = threads_per_task()
    if cluster is not None:
        refuse_two_places(workers, cluster)
        from mindglyph.compute.cluster import run_on_cluster

        yield from run_on_cluster(function, tasks, cluster, shared, threads)
    elif workers == 1:
        for task in tasks:
            yield run_bounded(function, task, threads)
    else:
        yield from _on_this_machine(function, tasks, workers, threads)


def check_place(workers: int = 1, cluster: str | None = None) -> None:
    """Say at once, before long work, that a cluster cannot be used.

    Parameters
    ----------
    workers : int
        Processes of this machine.
    cluster : str, optional
        Address of a Dask scheduler.

    Raises
    ------
    UserError
        If it does not answer, Dask is not installed, or processes here are asked for beside it.
    """
    if cluster is None:
        return
    refuse_two_places(workers, cluster)
    from mindglyph.compute.cluster import connected

    with connected(cluster):
        pass


def refuse_two_places(workers: int, cluster: str) -> None:
    """Refuse processes of this machine beside a cluster, which has workers of its own."""
    if workers != 1:
        raise UserError(f"cluster {cluster}: brings its own workers: leave out --workers {workers}")


def _on_this_machine(
    function: Callable[[Task], Result], tasks: Iterable[Task], workers: int, threads: int
) -> Iterator[Result]:
    # What is loaded inside a worker reads its bound from the environment that loky gives it.
    with parallel_config(backend="loky", inner_max_num_threads=threads):
        pool = Parallel(n_jobs=workers, return_as="generator")
    ending = EndingWithParent(run_bounded)
    results = pool(delayed(ending)(function, task, threads) for task in tasks)
    try:
        # Not `yield from`, which would hand on that nobody wants more.
        for result in results:  # noqa: UP028
            yield result
    except GeneratorExit:
        with warnings.catch_warnings():
            # joblib advises whoever stops early to ask for less.
            warnings.simplefilter("ignore")
            results.close()
        raise
    except TerminatedWorkerError as error:
        raise UserError(
            f"one of {workers} processes was killed, perhaps for want of memory: repeat the command with fewer "
            f"--workers (what is finished is kept); this machine has {cpu_count()} cores"
        ) from error
