"""Writes the tables of MindBigData2022 on the Hugging Face hub: a label and all values of a trial, in no order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindglyph.simulation.decimals import Decimals
from mindglyph.simulation.recording import SimulatedRecording


def write(path: Path, recording: SimulatedRecording, report: Callable[[int, int], None]) -> np.ndarray:
    """Write a table of one headset; it has no room to say that it is simulated, so only its truth does.

    Parameters
    ----------
    path : Path
        The file.
    recording : SimulatedRecording
        Of one of the four headsets.
    report : callable
        Called with the trials written so far and in all.

    Returns
    -------
    ndarray, shape (n_trials,)
        Number of each trial's row.
    """
    headset, plan = recording.headset, recording.plan
    decimals = Decimals(headset.resolution, headset.decimals)
    columns = [f"{channel}-{sample}" for channel in headset.channels for sample in range(headset.n_times)]
    done = 0
    with path.open("wb") as file:
        file.write(",".join(["label", *columns]).encode() + b"\n")
        for trials, chunk in recording.chunks():
            for trial, steps in zip(trials.tolist(), chunk, strict=True):
                file.write(b"%d,%b\n" % (plan.digits[trial], decimals.joined(steps.ravel())))
            done += len(trials)
            report(done, len(plan))
    events = np.empty(len(plan), dtype=np.int64)
    events[recording.order] = np.arange(len(plan))
    return events
