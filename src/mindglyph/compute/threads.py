"""How many threads a task has: as many wherever it runs, so that its numbers are the same.

Products of matrices are summed in another order by more threads, and rounded in another way. One
thread a task is also what shares a machine best: many small products wait for one another when
tasks and their threads are more than the cores.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from threadpoolctl import threadpool_limits

from mindglyph.errors import UserError

Task = TypeVar("Task")
Result = TypeVar("Result")


def threads_per_task() -> int:
    """Return how many threads a task has, wherever it runs: OMP_NUM_THREADS, or else one.

    Returns
    -------
    int
        At least 1.

    Raises
    ------
    UserError
        If OMP_NUM_THREADS is no count.
    """
    # OpenMP allows a list, of which the first counts outside of nested regions.
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip() or "1"
    if not asked.isdecimal() or int(asked) < 1:
        raise UserError(f"OMP_NUM_THREADS={asked}: is no number of threads: set it to 1 or more, or unset it")
    return int(asked)


def run_bounded(function: Callable[[Task], Result], task: Task, threads: int) -> Result:
    """Run a function on a task with so many threads in BLAS, OpenMP and torch."""
    with threadpool_limits(threads), _bounded_torch(threads):
        return function(task)


@contextmanager
def _bounded_torch(threads: int) -> Iterator[None]:
    # Who has not loaded it by now loads it inside, and finds the bound of OpenMP that was set before.
    torch = sys.modules.get("torch")
    if torch is None:
        yield
        return
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
