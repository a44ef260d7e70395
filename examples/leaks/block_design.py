"""Trap: digits come in runs, as in a block design, and trials of one run stand on both sides of a random split.

uv run python examples/leaks/block_design.py
"""

from __future__ import annotations

from common import Trap, blocked_folds, filtered, main, recording, scored, shuffled_folds, tested
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def measure(events: int, seed: int) -> Trap:
    """Decode with one nearest neighbour; the recording holds slow drift and no digit."""
    trials = recording(events=events, confound="drift", seed=seed)
    labels = trials.labels
    decoder = make_pipeline(StandardScaler(), KNeighborsClassifier(1))
    leaky = tested(trials.signals, labels, shuffled_folds(labels, seed), decoder)
    without_offset = tested(filtered(trials), labels, shuffled_folds(labels, seed), decoder)
    honest = tested(trials.signals, labels, blocked_folds(labels), decoder)
    return Trap(
        "block design",
        scored("raw values, shuffled", leaky, seed),
        scored("raw values, blocked", honest, seed),
        (scored("offset and drift under 0.5 Hz removed, shuffled", without_offset, seed),),
    )


if __name__ == "__main__":
    main(measure, events=1000, about=__doc__)
