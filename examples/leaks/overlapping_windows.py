"""Trap: trials are cut into overlapping windows before the split, so that one trial stands on both sides of it.

    uv run python examples/leaks/overlapping_windows.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from common import Trap, blocked_folds, filtered, main, predictions, recording, scored, shuffled_folds, tested
from sklearn.neighbors import KNeighborsClassifier

LENGTH, STEP = 128, 16
"""Samples of a window, 1 s, and from one to the next."""


def measure(events: int, seed: int) -> Trap:
    """Decode windows with one nearest neighbour; no digit is in the recording."""
    trials = recording(events=events, seed=seed)
    signals = filtered(trials)
    windows = np.lib.stride_tricks.sliding_window_view(signals, LENGTH, axis=2)[:, :, ::STEP].swapaxes(1, 2)
    n_windows = windows.shape[1]
    samples = windows.reshape(events * n_windows, -1)
    labels = np.repeat(trials.labels, n_windows)
    leaky = tested(samples, labels, shuffled_folds(labels, seed), KNeighborsClassifier(1))
    tables = []
    for fold, (train, test) in enumerate(blocked_folds(trials.labels)):
        decoder = KNeighborsClassifier(1)
        learned, asked = (windows[part].reshape(len(part) * n_windows, -1) for part in (train, test))
        said = decoder.fit(learned, np.repeat(trials.labels[train], n_windows)).predict(asked).reshape(-1, n_windows)
        counts = (said[:, :, None] == decoder.classes_).sum(axis=1)
        tables.append(predictions(fold, test, trials.labels, train, decoder.classes_[counts.argmax(axis=1)]))
    return Trap(
        "overlapping windows",
        scored("windows, shuffled", leaky, seed),
        scored("the windows of a trial vote, blocked", pd.concat(tables), seed),
    )


if __name__ == "__main__":
    main(measure, events=500, about=__doc__)
