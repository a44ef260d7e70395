"""Shows how far a training is: the epoch, its losses, and how long it may still take."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from mindglyph.cli.app import bar_of, remark

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from mindglyph.decoders.monitor import Progress

_SECONDS_BETWEEN_LINES = 5.0
"""A file is told no more often: quick epochs would fill it with lines that nobody reads."""


class Watch:
    """Takes what long work says of itself.

    Parameters
    ----------
    bar : rich.progress.Progress
        What it is shown by.
    what : str
        Name of the work.
    """

    def __init__(self, bar: Bar, what: str) -> None:
        self._bar = bar
        self._steps = bar.add_task(what, total=None)
        self._epochs = bar.add_task("", total=None, visible=False)
        self._clock = _Clock()
        self._told = -math.inf

    def step(self, done: int, total: int) -> None:
        """Show the steps done and in all."""
        self._bar.update(self._steps, completed=done, total=total)

    def epoch(self, progress: Progress) -> None:
        """Show an epoch: moving in a terminal, as a line now and then in a file."""
        text = ", ".join(text for text in (_described(progress), self._clock.left(progress)) if text)
        if sys.stderr.isatty():
            self._bar.update(
                self._epochs,
                description=text,
                completed=progress.epoch,
                total=progress.max_epochs,
                visible=True,
            )
            return
        now = time.monotonic()
        whole = not progress.part and progress.epoch == progress.max_epochs
        if whole or now - self._told >= _SECONDS_BETWEEN_LINES:
            self._told = now
            remark(text)

    def remark(self, text: str) -> None:
        """Say something beside the bars."""
        self._bar.console.print(text, markup=False, highlight=False, soft_wrap=True)


class _Clock:
    """Knows how long the epochs of a part take."""

    def __init__(self) -> None:
        self._part: str | None = None
        self._first = 0
        self._start = self._last = time.monotonic()

    def left(self, progress: Progress) -> str:
        """Return how long the part may still take, if it is not stopped before its last epoch.

        Nothing is said of a part's fits: they are of decoders that take long and of such that do not.
        """
        now = time.monotonic()
        if progress.part != self._part or progress.epoch <= self._first:
            # The first epoch seen of a part began when the last one before it ended.
            self._part, self._first, self._start = progress.part, progress.epoch - 1, self._last
        self._last = now
        if progress.part and progress.unit == "fit":
            return ""
        each = (now - self._start) / (progress.epoch - self._first)
        seconds = round(each * (progress.max_epochs - progress.epoch))
        hours, minutes = seconds // 3600, seconds // 60 % 60
        bound = "about" if progress.unit == "network" else "at most"
        return f"{bound} {hours}:{minutes:02d}:{seconds % 60:02d} left" + (" of this part" if progress.part else "")


def _described(progress: Progress) -> str:
    # Passes and fits may stop early; networks are counted.
    most = "" if progress.unit == "network" else "at most "
    parts = [f"{progress.unit} {progress.epoch} of {most}{progress.max_epochs}"]
    if progress.part:
        parts.insert(0, progress.part)
    if math.isfinite(progress.train_loss):
        parts.append(f"loss {progress.train_loss:.3f}")
    if math.isfinite(progress.valid_loss):
        parts.append(f"validation loss {progress.valid_loss:.3f}")
    if math.isfinite(progress.valid_acc):
        parts.append(f"validation accuracy {progress.valid_acc:.1%}")
    return ", ".join(parts)


@contextmanager
def watching(what: str) -> Iterator[Watch]:
    """Show steps and epochs on stderr while the block runs."""
    with bar_of() as bar:
        yield Watch(bar, what)
