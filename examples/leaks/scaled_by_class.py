"""Trap: the trials of each digit are scaled by themselves, as happens where each digit has a file of its own.

uv run python examples/leaks/scaled_by_class.py
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
from common import Trap, blocked_folds, main, recording, scored, tested
from sklearn.ensemble import RandomForestClassifier

N_TREES = 100

Scaling = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""From signals (n, n_channels, n_times), and those that scaling is learned from, to scaled signals."""


def measure(events: int, seed: int) -> Trap:
    """Decode mean and spread of each channel with a forest; no digit is in the recording, but blinks are."""
    trials = recording(events=events, artifacts=True, seed=seed)
    signals, labels = trials.signals.astype(np.float64), trials.labels

    def decoded(scaled: np.ndarray) -> pd.DataFrame:
        features = np.concatenate([scaled.mean(axis=2), scaled.std(axis=2)], axis=1)
        return tested(features, labels, blocked_folds(labels), RandomForestClassifier(N_TREES, random_state=seed))

    def by_class(scaling: Scaling) -> np.ndarray:
        scaled = np.empty_like(signals)
        for digit in np.unique(labels):
            scaled[labels == digit] = scaling(signals[labels == digit], signals[labels == digit])
        return scaled

    folds = [
        tested_in_fold(fold, train, test, signals, labels, seed)
        for fold, (train, test) in enumerate(blocked_folds(labels))
    ]
    return Trap(
        "scaled by class",
        scored("between 0 and 1 by digit, blocked", decoded(by_class(between_0_and_1)), seed),
        scored("between 0 and 1 by the training fold, blocked", pd.concat(folds), seed),
        (
            scored("mean 0, deviation 1 by digit, blocked", decoded(by_class(standard)), seed),
            scored("between 0 and 1 over all trials, blocked", decoded(between_0_and_1(signals, signals)), seed),
        ),
    )


def between_0_and_1(signals: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Scale each channel by its lowest and highest value."""
    low, high = learned.min(axis=(0, 2)), learned.max(axis=(0, 2))
    return (signals - low[:, None]) / (high - low)[:, None]


def standard(signals: np.ndarray, learned: np.ndarray) -> np.ndarray:
    """Scale each channel by its mean and standard deviation."""
    return (signals - learned.mean(axis=(0, 2))[:, None]) / learned.std(axis=(0, 2))[:, None]


def tested_in_fold(
    fold: int, train: np.ndarray, test: np.ndarray, signals: np.ndarray, labels: np.ndarray, seed: int
) -> pd.DataFrame:
    """Learn scaling and forest from the training trials alone."""
    scaled = between_0_and_1(signals, signals[train])
    features = np.concatenate([scaled.mean(axis=2), scaled.std(axis=2)], axis=1)
    table = tested(features, labels, [(train, test)], RandomForestClassifier(N_TREES, random_state=seed))
    return table.assign(fold=fold)


if __name__ == "__main__":
    main(measure, events=1500, about=__doc__)
