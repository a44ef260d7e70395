"""Writes the folder of the ImageNet of the Brain: a CSV file a trial, five rows in each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindglyph.simulation.decimals import Decimals
from mindglyph.simulation.recording import SimulatedRecording
from mindglyph.sources.recording import SIMULATED_IDS_FROM


def write(path: Path, recording: SimulatedRecording, report: Callable[[int, int], None]) -> np.ndarray:
    """Write the files; event numbers from `SIMULATED_IDS_FROM` on say that they are simulated.

    Parameters
    ----------
    path : Path
        The folder, which is there and empty.
    recording : SimulatedRecording
        Of an Insight.
    report : callable
        Called with the trials written so far and in all.

    Returns
    -------
    ndarray, shape (n_trials,)
        Event numbers.
    """
    headset, plan = recording.headset, recording.plan
    events = SIMULATED_IDS_FROM + np.arange(len(plan))
    words, decimals = recording.labels, Decimals(headset.resolution, headset.decimals)
    for trials, chunk in recording.chunks():
        for trial, steps in zip(trials.tolist(), chunk, strict=True):
            image, session = recording.mnist_index(trial), plan.sessions[trial]
            name = f"MindBigData_Imagenet_Insight_{words[trial]}_{image}_{session}_{events[trial]}.csv"
            rows = [
                channel.encode() + b"," + decimals.joined(values[:size])
                for channel, values, size in zip(headset.channels, steps, recording.lengths[trial], strict=True)
            ]
            (path / name).write_bytes(b"\n".join(rows) + b"\n")
        report(int(trials[-1]) + 1, len(plan))
    return events
