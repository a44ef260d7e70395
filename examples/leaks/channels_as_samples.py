"""Trap: each channel of a trial is a sample of its own, and samples are drawn into training and test at random.

uv run python examples/leaks/channels_as_samples.py
"""

from __future__ import annotations

import numpy as np
from common import Trap, blocked_folds, filtered, main, recording, scored, shuffled_folds, tested, voted
from sklearn.neighbors import KNeighborsClassifier


def measure(events: int, seed: int) -> Trap:
    """Decode single channels with one nearest neighbour; no digit is in the recording."""
    trials = recording(events=events, seed=seed)
    signals = filtered(trials)
    n_channels = signals.shape[1]
    samples, labels = signals.reshape(-1, signals.shape[2]), np.repeat(trials.labels, n_channels)
    leaky = tested(samples, labels, shuffled_folds(labels, seed), KNeighborsClassifier(1))
    honest = voted(signals, trials.labels, blocked_folds(trials.labels))
    at_random = voted(signals, trials.labels, shuffled_folds(trials.labels, seed))
    return Trap(
        "channels as samples",
        scored("channels, shuffled", leaky, seed),
        scored("the channels of a trial vote, blocked", honest, seed),
        (scored("the channels of a trial vote, trials shuffled", at_random, seed),),
    )


if __name__ == "__main__":
    main(measure, events=1000, about=__doc__)
