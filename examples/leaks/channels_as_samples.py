"""Trap: each channel of a trial is a sample of its own, and samples are drawn into training and test at random.

    uv run python examples/leaks/channels_as_samples.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from common import Folds, Trap, blocked_folds, filtered, main, predictions, recording, scored, shuffled_folds, tested
from sklearn.neighbors import KNeighborsClassifier


def measure(events: int, seed: int) -> Trap:
    """Decode single channels with one nearest neighbour; no digit is in the recording."""
    trials = recording(events=events, seed=seed)
    signals = filtered(trials)
    n_channels = signals.shape[1]
    samples, labels = signals.reshape(-1, signals.shape[2]), np.repeat(trials.labels, n_channels)
    leaky = tested(samples, labels, shuffled_folds(labels, seed), KNeighborsClassifier(1))
    honest = votes(signals, trials.labels, blocked_folds(trials.labels))
    at_random = votes(signals, trials.labels, shuffled_folds(trials.labels, seed))
    return Trap(
        "channels as samples",
        scored("channels, shuffled", leaky, seed),
        scored("the channels of a trial vote, blocked", honest, seed),
        (scored("the channels of a trial vote, trials shuffled", at_random, seed),),
    )


def votes(signals: np.ndarray, labels: np.ndarray, folds: Folds) -> pd.DataFrame:
    """Let the same decoder say a digit for each channel, all channels of a trial on one side of the split."""
    n_channels, n_times = signals.shape[1:]
    tables = []
    for fold, (train, test) in enumerate(folds):
        decoder = KNeighborsClassifier(1)
        decoder.fit(signals[train].reshape(-1, n_times), np.repeat(labels[train], n_channels))
        said = decoder.predict(signals[test].reshape(-1, n_times)).reshape(-1, n_channels)
        counts = (said[:, :, None] == decoder.classes_).sum(axis=1)
        tables.append(predictions(fold, test, labels, train, decoder.classes_[counts.argmax(axis=1)]))
    return pd.concat(tables).sort_index()


if __name__ == "__main__":
    main(measure, events=1000, about=__doc__)
