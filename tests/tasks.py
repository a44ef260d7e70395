"""Tasks for workers that are processes of their own: they load no more than they need."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from mindglyph.errors import UserError


def process(_: int) -> int:
    """Return the number of the process at work."""
    time.sleep(0.05)
    return os.getpid()


def square(number: int) -> int:
    """Return the square of a number."""
    return number * number


def mistaken(number: int) -> int:
    """Take 2 for a mistake of the user."""
    if number == 2:
        raise UserError("two.store: is damaged: import it again")
    return number


def missing(_: int) -> int:
    """Raise what a lost connection is told by, too."""
    raise ConnectionRefusedError("the licence server is gone")


def dying(_: int) -> None:
    """End at once."""
    os.kill(os.getpid(), signal.SIGKILL)


def slow(task: tuple[Path, int]) -> tuple[int, int]:
    """Leave a mark each time that it is done."""
    folder, number = task
    with (folder / str(number)).open("a") as marks:
        marks.write(f"{os.getpid()}\n")
    time.sleep(0.3)
    return number, os.getpid()


def threads(_: int) -> tuple[set[int], int]:
    """Return the threads of each library of linear algebra, and those of torch."""
    import torch
    from threadpoolctl import threadpool_info

    return {pool["num_threads"] for pool in threadpool_info()}, torch.get_num_threads()
