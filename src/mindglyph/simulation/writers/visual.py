"""Writes the CSV files of the Visual MNIST (2021-22): no header, the shown picture in every row."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindglyph.headsets import MUSE2_SENSORS
from mindglyph.simulation.decimals import Decimals
from mindglyph.simulation.recording import SimulatedRecording
from mindglyph.simulation.sensors import STEPS, Sensors
from mindglyph.sources.recording import SIMULATED_SECONDS_FROM


def write(path: Path, recording: SimulatedRecording, report: Callable[[int, int], None]) -> np.ndarray:
    """Write a CSV file; its clock shows years that have not come, which says that it is simulated.

    Parameters
    ----------
    path : Path
        The file.
    recording : SimulatedRecording
        Of a Muse 2, a cut of it, or the cap of 64 channels.
    report : callable
        Called with the trials written so far and in all.

    Returns
    -------
    ndarray, shape (n_trials,)
        Number of each trial's row.
    """
    headset, plan = recording.headset, recording.plan
    decimals, pixels = Decimals(headset.resolution, headset.decimals), Decimals(1, 0)
    beside = {name: Decimals(*STEPS[name]) for name in MUSE2_SENSORS if recording.settings.format == "muse2"}
    sensors, rng = Sensors(headset.sfreq, headset.n_times), np.random.default_rng(recording.sensors)
    with path.open("wb") as file:
        for trials, chunk in recording.chunks():
            shown = sensors.record(plan.seconds[trials], rng) if beside else {}
            for place, trial in enumerate(trials.tolist()):
                index, digit = recording.mnist_index(trial), plan.digits[trial]
                second = SIMULATED_SECONDS_FROM + plan.seconds[trial]
                parts = [
                    f"TRAIN,{index},{digit}".encode(),
                    pixels.joined(recording.picture(trial).astype(np.int64)),
                    f"{second:.3f}".encode(),
                    decimals.joined(chunk[place].ravel()),
                    *(texts.joined(shown[name][place].ravel()) for name, texts in beside.items()),
                ]
                file.write(b",".join(parts) + b"\n")
            report(int(trials[-1]) + 1, len(plan))
    return np.arange(len(plan))
