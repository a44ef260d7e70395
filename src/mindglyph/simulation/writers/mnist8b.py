"""Writes the tables of MNIST-8B and MNIST-2B (2023): raw values of 128 channels, the picture, and the block design."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindglyph.simulation.decimals import Decimals
from mindglyph.simulation.plan import NOTHING
from mindglyph.simulation.recording import SimulatedRecording
from mindglyph.sources.recording import SIMULATED_SECONDS_FROM

_TRAINING_FILE = 0


def write(path: Path, recording: SimulatedRecording, report: Callable[[int, int], None]) -> np.ndarray:
    """Write a table; its clock shows years that have not come, which says that it is simulated.

    Parameters
    ----------
    path : Path
        The file.
    recording : SimulatedRecording
        Of the cap of 128 channels.
    report : callable
        Called with the trials written so far and in all.

    Returns
    -------
    ndarray, shape (n_trials,)
        Number of each trial's row.
    """
    headset, plan = recording.headset, recording.plan
    numbers = Decimals(1, 0)
    columns = [f"{channel}_{sample}" for channel in headset.channels for sample in range(headset.n_times)]
    columns += ["label", "label_source", "label_pos", *(f"label_imgpix_{pixel}" for pixel in range(784))]
    columns += ["timestamp", "sessionnum", "blocknum", "blockpos"]
    with path.open("wb") as file:
        file.write(",".join(columns).encode() + b"\n")
        for trials, chunk in recording.chunks():
            for trial, steps in zip(trials.tolist(), chunk, strict=True):
                index, digit = recording.mnist_index(trial), plan.digits[trial]
                source = _TRAINING_FILE if plan.shown[trial] else NOTHING
                second = SIMULATED_SECONDS_FROM + plan.seconds[trial]
                parts = [
                    numbers.joined(steps.ravel()),
                    f"{digit},{source},{index}".encode(),
                    numbers.joined(recording.picture(trial).astype(np.int64)),
                    f"{second:.3f},{plan.sessions[trial]},{plan.blocks[trial]},{plan.positions[trial]}".encode(),
                ]
                file.write(b",".join(parts) + b"\n")
            report(int(trials[-1]) + 1, len(plan))
    return np.arange(len(plan))
