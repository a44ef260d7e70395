"""Trap: trials are cut into overlapping windows before the split, so that one trial stands on both sides of it.

uv run python examples/leaks/overlapping_windows.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from common import Trap, blocked_folds, filtered, main, recording, scored, shuffled_folds, tested, voted
from sklearn.neighbors import KNeighborsClassifier

LENGTH = 128
"""Samples of a window: 1 s."""


def measure(events: int, seed: int) -> Trap:
    """Decode the spectra of windows with one nearest neighbour; no digit is in the recording."""
    trials = recording(events=events, seed=seed)
    signals, digits = filtered(trials), trials.labels

    def shuffled(step: int) -> pd.DataFrame:
        windows = spectra(signals, step)
        labels = np.repeat(digits, windows.shape[1])
        samples = windows.reshape(len(labels), -1)
        return tested(samples, labels, shuffled_folds(labels, seed), KNeighborsClassifier(1))

    return Trap(
        "overlapping windows",
        scored("a window every 1/8 s, shuffled", shuffled(16), seed),
        scored(
            "the windows of a trial vote, blocked", voted(spectra(signals, 16), digits, blocked_folds(digits)), seed
        ),
        (
            scored("a window every 1/4 s, shuffled", shuffled(32), seed),
            scored("a window every 1/2 s, shuffled", shuffled(64), seed),
        ),
    )


def spectra(signals: np.ndarray, step: int) -> np.ndarray:
    """Return the logarithm of each channel's spectrum, 1 to 30 Hz: (n_trials, n_windows, n_channels * 30)."""
    windows = np.lib.stride_tricks.sliding_window_view(signals, LENGTH, axis=2)[:, :, ::step].swapaxes(1, 2)
    amplitudes = np.abs(np.fft.rfft(windows * np.hanning(LENGTH), axis=3))[..., 1:31]
    return np.log(amplitudes).reshape(*windows.shape[:2], -1)


if __name__ == "__main__":
    main(measure, events=500, about=__doc__)
