"""Trap: trials are multiplied before the split, so that a test trial's copy or near copy is learned from.

uv run python examples/leaks/copies_before_split.py
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from common import Trap, blocked_folds, filtered, main, recording, scored, shuffled_folds, tested
from imblearn.over_sampling import SMOTE, RandomOverSampler
from sklearn.neighbors import KNeighborsClassifier

COPIES, NOISE = 4, 0.5
"""Copies of a trial, and the noise added to each in standard deviations of the signals."""


def measure(events: int, seed: int) -> Trap:
    """Decode with one nearest neighbour; no digit is in the recording."""
    trials = recording(events=events, seed=seed)
    signals, labels = filtered(trials).reshape(events, -1), trials.labels
    rng = np.random.default_rng(seed)

    def shuffled(samples: np.ndarray, of: np.ndarray) -> pd.DataFrame:
        return tested(samples, of, shuffled_folds(of, seed), KNeighborsClassifier(1))

    # One digit is kept whole and the others are made rare, as code -1 stands beside the digits in the real files.
    rare = np.flatnonzero((labels == 0) | (rng.random(events) < 0.3))
    repeated = RandomOverSampler(random_state=seed).fit_resample(signals[rare], labels[rare])
    made = SMOTE(random_state=seed).fit_resample(signals[rare], labels[rare])
    tables = []
    for fold, (train, test) in enumerate(blocked_folds(labels)):
        # The copies of the training trials, and the trials that are tested as they were recorded.
        samples = np.concatenate([noisy(signals[train], rng), signals[test]])
        of = np.concatenate([np.tile(labels[train], COPIES), labels[test]])
        places = np.arange(len(of))
        split = (places[: -len(test)], places[-len(test) :])
        tables.append(tested(samples, of, [split], KNeighborsClassifier(1)).assign(fold=fold))
    return Trap(
        "copies before the split",
        scored(
            "four noisy copies of each trial, shuffled", shuffled(noisy(signals, rng), np.tile(labels, COPIES)), seed
        ),
        scored("copies of the training trials only, blocked", pd.concat(tables, ignore_index=True), seed),
        (
            scored("rare digits repeated until all are as frequent, shuffled", shuffled(*repeated), seed),
            scored("rare digits filled up by SMOTE, shuffled", shuffled(*made), seed),
        ),
    )


def noisy(signals: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return copies of all trials with noise on each: (COPIES * n_trials, n_features)."""
    copies = np.tile(signals, (COPIES, 1))
    return copies + NOISE * signals.std() * rng.standard_normal(copies.shape).astype(np.float32)


if __name__ == "__main__":
    main(measure, events=600, about=__doc__)
