"""What a Muse 2 records beside the EEG: pulse, acceleration, rotation; none of it knows the digit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindglyph.headsets import MUSE2_SENSORS

STEPS = {"PPG": (1.0, 0), "ACC": (1 / 16384, 7), "GYRO": (245 / 32768, 7)}
"""What a step is worth (counts of light, g, degrees a second) and with how many decimals it is written."""

_BEATS = 1.1  # a second
_LIGHT = np.array([9_000.0, 60_000.0, 30_000.0])  # ambient, infrared and red
_PULSE = np.array([20.0, 600.0, 200.0])
_GRAVITY = np.array([0.05, 0.1, 0.99])
_SLOWER = {"PPG": 4, "ACC": 5, "GYRO": 5}  # samples of the EEG for which a value stands


@dataclass(frozen=True)
class Sensors:
    """Sensors of a recording.

    Attributes
    ----------
    sfreq : float
        Rate at which the file writes them, in Hz.
    n_times : int
        Samples of a trial.
    """

    sfreq: float
    n_times: int

    def record(self, seconds: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Return what the sensors show.

        Parameters
        ----------
        seconds : ndarray, shape (n,)
            When the trials begin.
        rng : Generator
            For noise and movement.

        Returns
        -------
        dict of str to ndarray, shape (n, 3, n_times)
            Whole steps of each of `MUSE2_SENSORS`.
        """
        shape = (len(seconds), len(MUSE2_SENSORS["ACC"]), self.n_times)
        times = seconds[:, None] + np.arange(self.n_times) / self.sfreq
        # A heart beats a little faster and slower in turn, which a minute hides.
        phase = 2 * np.pi * _BEATS * times + 2 * np.sin(2 * np.pi * times / 61)
        pulse = np.cos(phase) + 0.3 * np.cos(2 * phase - 1)
        posture = _GRAVITY[:, None] + 0.03 * np.sin(2 * np.pi * times / 97)[:, None, :]
        values = {
            "PPG": _LIGHT[:, None] + _PULSE[:, None] * pulse[:, None, :] + 15 * rng.standard_normal(shape),
            "ACC": posture + 0.004 * rng.standard_normal(shape),
            "GYRO": 1.5 * rng.standard_normal(shape),
        }
        return {name: self._steps(name, values[name]) for name in MUSE2_SENSORS}

    def _steps(self, name: str, values: np.ndarray) -> np.ndarray:
        # The sensors are slower than the EEG, so each of their values stands for several of its samples.
        held = np.arange(self.n_times) // _SLOWER[name] * _SLOWER[name]
        return np.rint(values[..., held] / STEPS[name][0]).astype(np.int64)
