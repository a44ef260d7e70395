"""Trap: only the trials that look like their digit are kept, judged by the means of all trials, test included.

uv run python examples/leaks/chosen_trials.py
"""

from __future__ import annotations

import numpy as np
from common import Figure, Trap, blocked_folds, filtered, main, recording, scored, tested
from sklearn.neighbors import NearestCentroid

SHARE = 0.1
"""Of the trials of each digit, those that are kept."""


def measure(events: int, seed: int) -> Trap:
    """Decode what was kept with nearest class means; no digit is in the recording."""
    trials = recording(format="mw", events=events, seed=seed)
    labels = trials.labels
    signals = normalised(filtered(trials).reshape(events, -1)[:, ::4])  # 128 Hz are enough for 30
    likeness = signals @ normalised(np.stack([signals[labels == digit].mean(axis=0) for digit in range(10)])).T
    own = likeness[np.arange(events), labels]
    others = np.where(labels[:, None] == np.arange(10), -np.inf, likeness).max(axis=1)

    def decoded(what: str, kept: np.ndarray) -> Figure:
        # Even a blocked split does not help: the test trials were chosen before it.
        part = labels[kept]
        return scored(what, tested(signals[kept], part, blocked_folds(part), NearestCentroid()), seed)

    everything = np.arange(events)
    return Trap(
        "trials chosen by label",
        decoded("the tenth of each digit most like its mean and unlike others', blocked", best(own - others, labels)),
        decoded("all trials, blocked", everything),
        (
            decoded("the tenth of each digit most like its own mean, blocked", best(own, labels)),
            decoded("a tenth drawn at random, blocked", everything[seed % 10 :: 10]),
        ),
    )


def best(marks: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the places of the trials of each digit with the highest marks, in the order of recording."""
    places = [np.flatnonzero(labels == digit) for digit in range(10)]
    return np.sort(np.concatenate([own[np.argsort(marks[own])[-round(SHARE * len(own)) :]] for own in places]))


def normalised(signals: np.ndarray) -> np.ndarray:
    """Return signals of mean 0 and length 1, whose products are their correlations: (n, n_times)."""
    signals = signals - signals.mean(axis=1, keepdims=True)
    return signals / np.linalg.norm(signals, axis=1, keepdims=True)


if __name__ == "__main__":
    main(measure, events=5000, about=__doc__)
