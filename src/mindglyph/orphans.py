"""Workers that end with the process they work for, even where that one is killed without a word."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_EVERY = 0.2
"""Seconds from one look at the parent to the next."""


@dataclass(frozen=True)
class EndingWithParent:
    """A function for other processes of this machine, each of which ends when this process does.

    A worker whose parent was killed would otherwise work on, and write beside the process that was
    started in the parent's place.

    Attributes
    ----------
    function : callable
        What is run there.
    parent : int
        Process that they work for; the one that made this.
    """

    function: Callable[..., Any]
    parent: int = field(default_factory=os.getpid)

    def __call__(self, *arguments: Any) -> Any:
        """Run the function, watching the parent meanwhile and from then on."""
        _watch(self.parent)
        return self.function(*arguments)


def _watch(parent: int) -> None:
    name = f"parent {parent}"
    # Windows goes on naming a parent that is gone; a function that runs in its own process needs no watch.
    if sys.platform == "win32" or os.getpid() == parent or any(one.name == name for one in threading.enumerate()):
        return
    threading.Thread(target=_end_with, args=(parent,), name=name, daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_EVERY)
    # Nothing is tidied up: what is half written has a temporary name, which the next process sweeps away.
    os._exit(1)
