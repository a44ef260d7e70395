"""Where there is no signal, every decoder stays at chance: 20 recordings each, no more rejections than 5% allow."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from mindglyph.decoders import decoder_settings
from mindglyph.evaluation.scores import score_decoding
from tests.decoders.quick import QUICK

N_RECORDINGS = 20
NOMINAL = 0.05
# What 20 fair tests exceed in fewer than one of 1,000 runs: 5.
MOST_REJECTIONS = int(binom.ppf(0.999, N_RECORDINGS, NOMINAL))
N_LEARNING, GAP, N_TEST = 150, 10, 100
N_CLASSES = 4

FEW_EPOCHS = 3


def _asked() -> list[Any]:
    """Return every decoder, and again the networks with their whole training; what takes long is slow."""
    networks = [name for name in QUICK if "training" in QUICK[name]]
    quick = [(name, FEW_EPOCHS) for name in networks]
    whole = [pytest.param(name, None, marks=pytest.mark.slow) for name in [*networks, "riemann"]]
    return [*quick, *whole, *((name, None) for name in QUICK if name not in {*networks, "riemann"})]


def _recording(seed: int, size: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Return trials in the order of recording, which drift as real ones do, and labels that they do not know."""
    rng = np.random.default_rng(seed)
    n_trials = N_LEARNING + GAP + N_TEST
    labels = rng.integers(0, N_CLASSES, n_trials)
    drift = np.cumsum(rng.standard_normal((n_trials, 3, 1)), axis=0) / np.sqrt(n_trials)
    signals = rng.standard_normal((n_trials, 3, 64)) + drift
    signals[np.arange(n_trials), 0, 8 + 12 * labels] += size
    return signals.astype(np.float32), labels


def _p_value(name: str, seed: int, max_epochs: int | None = None, size: float = 0.0) -> float:
    """Return the p-value of a decoder on the last stretch of a recording, by permutation in blocks."""
    signals, labels = _recording(seed, size)
    values = dict(QUICK[name])
    if "training" in values and max_epochs:
        values["training"] = {**values["training"], "max_epochs": max_epochs, "batch_size": 64}
    decoder = decoder_settings(name, values).build(64.0, seed)
    decoder.fit(signals[:N_LEARNING], labels[:N_LEARNING])
    tested = slice(N_LEARNING + GAP, None)
    predictions = pd.DataFrame(
        {"fold": 0, "label": labels[tested], "predicted": decoder.predict(signals[tested]), "majority": 0}
    )
    return score_decoding(predictions, None, 199, seed).p_value


@pytest.mark.parametrize(("name", "max_epochs"), _asked())
def test_it_finds_nothing_where_there_is_nothing(name: str, max_epochs: int | None) -> None:
    rejections = sum(_p_value(name, seed, max_epochs) <= NOMINAL for seed in range(N_RECORDINGS))
    assert rejections <= MOST_REJECTIONS


def test_the_same_test_finds_a_signal_where_there_is_one() -> None:
    # So that it is known to be able to fail.
    assert sum(_p_value("lda", seed, size=4.0) <= NOMINAL for seed in range(N_RECORDINGS)) > MOST_REJECTIONS
