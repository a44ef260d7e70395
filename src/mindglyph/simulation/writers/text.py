"""Writes the text files of 2014-15: a row a channel, seven fields between tabs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindglyph.simulation.decimals import Decimals
from mindglyph.simulation.recording import SimulatedRecording
from mindglyph.sources.recording import SIMULATED_IDS_FROM

_FIRST_EVENT = {"EP": 67_636, "MW": 8, "MU": 100_000, "IN": 150_000}


def write(path: Path, recording: SimulatedRecording, report: Callable[[int, int], None]) -> np.ndarray:
    """Write a text file; row ids from `SIMULATED_IDS_FROM` on say that it is simulated.

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
        Event numbers.
    """
    headset, plan = recording.headset, recording.plan
    events = _FIRST_EVENT[headset.code] + np.cumsum(plan.skips)
    decimals = Decimals(headset.resolution, headset.decimals)
    row_id = SIMULATED_IDS_FROM
    with path.open("wb") as file:
        for trials, chunk in recording.chunks():
            for trial, steps in zip(trials.tolist(), chunk, strict=True):
                for channel, values, size in zip(headset.channels, steps, recording.lengths[trial], strict=True):
                    head = f"{row_id}\t{events[trial]}\t{headset.code}\t{channel}\t{plan.digits[trial]}\t{size}\t"
                    file.write(head.encode() + decimals.joined(values[:size]) + b"\n")
                    row_id += 1
            report(int(trials[-1]) + 1, len(plan))
    return events
