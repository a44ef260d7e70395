"""Trap: the test set says after which epoch, and with which start and learning rate, a network was best.

uv run python examples/leaks/best_epoch.py
"""

from __future__ import annotations

from itertools import product

import numpy as np
from common import Figure, Trap, blocked_folds, main, recording, scored, tested_trials
from scipy.stats import binomtest

from mindglyph.decoders.settings import DecodingSettings
from mindglyph.evaluation.statistics import chance_bound, interval

N_TEST, N_STARTS, MAX_EPOCHS = 50, 20, 30
LEARNING_RATES = (1e-3, 3e-3, 1e-2)
CHANCE = 0.1


def measure(events: int, seed: int) -> Trap:
    """Train a small network sixty times and look at the test set after every epoch; there is no digit to find."""
    trials = recording(events=events, seed=seed)
    # What is held out of the training to choose the epoch is here the test set itself, the last trials.
    share = N_TEST / events
    curves = []
    for start, rate in product(range(N_STARTS), LEARNING_RATES):
        pipeline = settings(seed * N_STARTS + start, share, MAX_EPOCHS, rate).pipeline(trials.sfreq).fit(trials)
        curves.append([epoch["valid_acc"] for epoch in pipeline.decoder.history_])
    honest = tested_trials(trials, blocked_folds(trials.labels), settings(seed * N_STARTS, 0.15, 6, LEARNING_RATES[0]))
    return Trap(
        "best epoch on test",
        counted("best epoch of sixty trainings, by the test set", max(map(max, curves))),
        scored("one training, its epoch chosen inside the training fold, blocked", honest, seed),
        (
            counted("best epoch of the first training, by the test set", max(curves[0])),
            counted("mean over the sixty of the last epoch", float(np.mean([curve[-1] for curve in curves]))),
        ),
    )


def settings(seed: int, held_out: float, patience: int, learning_rate: float) -> DecodingSettings:
    """Return a small dense network."""
    training = {
        "max_epochs": MAX_EPOCHS,
        "patience": patience,
        "held_out": held_out,
        "learning_rate": learning_rate,
    }
    return DecodingSettings(decoder="mlp", decoder_settings={"dense": (64,), "training": training}, seed=seed)


def counted(what: str, accuracy: float) -> Figure:
    """Score as one would who does not know how often the test set was looked at."""
    n_right = int(np.rint(accuracy * N_TEST))
    p_value = float(binomtest(n_right, N_TEST, CHANCE, "greater").pvalue)
    bounds = chance_bound(N_TEST, CHANCE), interval(n_right, N_TEST)
    return Figure(what, accuracy, CHANCE, *bounds, p_value, N_TEST)


if __name__ == "__main__":
    main(measure, events=300, about=__doc__)
