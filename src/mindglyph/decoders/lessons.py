"""Lessons of the experts: each is a task, for this process, for several, or for a cluster.

What a lesson gives depends on its network's seed and on the trials, and neither on the place nor on
the order.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from mindglyph.decoders.experts import ExpertTrunk
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.files import replaced_file

_SIGNALS = "signals.npy"


@dataclass(frozen=True)
class Lesson:
    """What a network of experts learns from.

    Attributes
    ----------
    trunk : ExpertTrunk
        The network; it is fitted when the lesson is over.
    learning, held_out : ndarray of int
        Places of the trials to learn from, and of those that decide when to stop.
    monitor : Monitor
        Told of each epoch if the lesson takes place in this process; its folder keeps the state
        wherever that is.
    """

    trunk: ExpertTrunk
    learning: np.ndarray
    held_out: np.ndarray
    monitor: Monitor


def teach(lessons: Sequence[Lesson], signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> None:
    """Give all lessons, where the monitor says.

    Parameters
    ----------
    lessons : sequence of Lesson
        In any order.
    signals : ndarray, shape (n_trials, n_channels, n_times)
        All trials there are. Other processes read them from a file in the monitor's folder, which
        is there as long as the lessons last.
    codes : ndarray, shape (n_trials,)
        Place of each trial's class.
    monitor : Monitor
        Told of each lesson that is over elsewhere.

    Raises
    ------
    UserError
        If a network diverged, a folder holds the state of another training, or the place cannot
        be used.
    """
    place = monitor.place
    if place.is_here:
        for _ in place.run(partial(_learned, signals, codes), lessons):
            pass
        return
    with _on_disk(signals, monitor.folder) as path:
        tasks = [replace(lesson, monitor=_sent(lesson.monitor)) for lesson in lessons]
        with closing(place.run(partial(_learned_elsewhere, path, codes), tasks, [path])) as results:
            for number, (lesson, (arrays, history)) in enumerate(zip(lessons, results, strict=True), start=1):
                lesson.trunk.take_shape(signals.shape[1:])
                lesson.trunk._restore(arrays)
                lesson.trunk.history_ = history
                nothing = float("nan")
                monitor.report(Progress(monitor.part, number, len(lessons), *3 * (nothing,), unit="network"))


def _learned(signals: np.ndarray, codes: np.ndarray, lesson: Lesson) -> None:
    lesson.trunk.train_on(signals, codes, lesson.learning, lesson.held_out, lesson.monitor)


def _learned_elsewhere(
    path: Path, codes: np.ndarray, lesson: Lesson
) -> tuple[dict[str, np.ndarray], list[dict[str, float]]]:
    _learned(np.load(path, mmap_mode="r"), codes, lesson)
    return lesson.trunk._arrays(), lesson.trunk.history_


def _sent(monitor: Monitor) -> Monitor:
    """Return a monitor that can travel: the same folder, which is there from now on, and nobody who is told."""
    if monitor.folder is None:
        return Monitor(part=monitor.part)
    monitor.make_folder()
    return Monitor(folder=monitor.folder.absolute(), made=True, part=monitor.part)


@contextmanager
def _on_disk(signals: np.ndarray, folder: Path | None) -> Iterator[Path]:
    """Give a file of the signals under a name, by which other processes find it, while the block runs."""
    with tempfile.TemporaryDirectory() as own:
        path = Path(own if folder is None else folder).absolute() / _SIGNALS
        try:
            with replaced_file(path) as temporary, temporary.open("wb") as file:
                np.save(file, signals)
            yield path
        finally:
            path.unlink(missing_ok=True)
