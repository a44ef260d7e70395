"""Tasks on a Dask cluster, through its futures; what Dask says of trouble becomes what the user can do.

Dask's scheduler hands the tasks out, gives those of a worker that died to another, and keeps a
result until it is fetched; here they are only submitted, fetched as they come and put in order.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

from mindglyph.compute.threads import run_bounded
from mindglyph.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

Task = TypeVar("Task")
Result = TypeVar("Result")

ANSWER_SECONDS = 10.0
"""How long a scheduler may take to answer."""

_LOOK_EVERY = 0.02
"""Seconds from one look at what is ready to the next."""

_ONE_AT_A_TIME = threading.Lock()
"""Held while a worker's process is at a task: torch's random state and thread counts are a process's."""


@contextmanager
def connected(cluster: str) -> Iterator[Client]:
    """Connect to a scheduler while the block runs.

    Parameters
    ----------
    cluster : str
        Address of the scheduler, or path of its scheduler file.

    Raises
    ------
    UserError
        If Dask is not installed, or the scheduler does not answer.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise UserError(
            "--cluster needs Dask, which is not installed: pip install 'mindglyph[cluster]', or in a clone "
            "'uv run --extra cluster mindglyph …', here and for all workers"
        ) from error
    address = _address(cluster)
    try:
        client = Client(address, timeout=ANSWER_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise UserError(
            f"cluster {cluster}: no scheduler answers there: start one with 'dask scheduler' and give the address that "
            "it prints"
        ) from error
    try:
        yield client
    finally:
        client.close(timeout=2)


def _address(cluster: str) -> str:
    """Return a scheduler's address, which it may have written to a file."""
    if "://" in cluster:
        return cluster
    try:
        about = json.loads(Path(cluster).read_text(encoding="utf-8"))
        return str(about["address"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"cluster {cluster}: is neither an address such as tcp://HOST:8786 nor a file that "
            "'dask scheduler --scheduler-file FILE' wrote: give one of the two"
        ) from error


def run_on_cluster(
    function: Callable[[Task], Result], tasks: Iterable[Task], cluster: str, shared: Sequence[Path], threads: int
) -> Iterator[Result]:
    """Run a function on each task on a cluster's workers; give the results in the order of the tasks.

    Parameters
    ----------
    function : callable
        As `mindglyph.compute.run_tasks` takes it, and what follows too.
    tasks : iterable
        What to do.
    cluster : str
        Address of the scheduler, or path of its file.
    shared : sequence of Path
        What every worker must see under the same absolute path.
    threads : int
        Of each task.

    Yields
    ------
    object
        Results, each as soon as those before it are there.

    Raises
    ------
    UserError
        If the cluster cannot be used or is lost, or a worker does not see what is shared; and
        whatever a task raises.
    """
    paths = tuple(str(path.absolute()) for path in shared)
    with connected(cluster) as client:
        _remark_on(client, cluster)
        name = getattr(function, "__name__", "task").strip("_<>")
        places = {
            # A name of its own for each: Dask would take two of one name for the same.
            client.submit(_on_worker, function, task, paths, threads, key=f"{name}-{uuid4().hex}"): place
            for place, task in enumerate(tasks)
        }
        yield from _in_order(client, places, cluster)


def _in_order(client: Client, places: dict[Any, int], cluster: str) -> Iterator[Any]:
    """Fetch each result as soon as it is there, lest it die with its worker, and give them in order."""
    from distributed.comm.core import CommClosedError
    from distributed.scheduler import KilledWorker

    ready: dict[int, Any] = {}
    given = 0
    try:
        for future, result in _fetched(client, places):
            if isinstance(result, CancelledError):
                raise result
            ready[places.pop(future)] = result
            # Nothing is kept on the cluster once it is here.
            future.release()
            while given in ready:
                yield ready.pop(given)
                given += 1
    except (CancelledError, CommClosedError) as error:
        raise UserError(
            f"cluster {cluster}: the scheduler was lost: start it and its workers again and repeat the command "
            "(what is finished is kept)"
        ) from error
    except KilledWorker as error:
        raise UserError(
            f"cluster {cluster}: {error.allowed_failures + 1} workers died of the same task, perhaps for want of "
            "memory: give workers more of it and repeat the command (what is finished is kept)"
        ) from error
    except ModuleNotFoundError as error:
        raise UserError(
            f"cluster {cluster}: a worker has no module {error.name}: start workers in an environment that holds the "
            "same packages as this one"
        ) from error


def _fetched(client: Client, futures: dict[Any, int]) -> Iterator[tuple[Any, Any]]:
    """Give each future with its result as soon as it is here; whoever takes one takes it out of `futures` too."""
    from distributed import as_completed

    completed = as_completed(list(futures), loop=client.loop, with_results=True)
    while not completed.is_empty():
        if completed.has_ready():
            yield next(completed)
        elif any(future.cancelled() for future in futures):
            # Where the scheduler is lost while a result is fetched, that one never becomes ready.
            raise CancelledError
        else:
            time.sleep(_LOOK_EVERY)


def _remark_on(client: Client, cluster: str) -> None:
    """Tell what slows a cluster down or keeps it from working, and yet is no error."""
    workers = client.scheduler_info(n_workers=-1)["workers"].values()
    logger = logging.getLogger(__name__)
    if not workers:
        logger.warning("cluster %s: has no workers yet: waiting for the first", cluster)
    if any(worker["nthreads"] > 1 for worker in workers):
        logger.warning(
            "cluster %s: a worker's process does one task at a time, whatever its threads: start more of them with "
            "'dask worker --nworkers N --nthreads 1'",
            cluster,
        )


def _on_worker(function: Callable[[Task], Result], task: Task, shared: Sequence[str], threads: int) -> Result:
    for path in shared:
        if not Path(path).exists():
            raise UserError(
                f"{path}: a worker on {_host()} does not see it: put what is read and what is written on paths that "
                "all workers see"
            )
    with _ONE_AT_A_TIME:
        return run_bounded(function, task, threads)


def _host() -> str:
    import socket

    return socket.gethostname()
