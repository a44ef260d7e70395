import numpy as np
import pytest

from mindglyph.decoders.confidence import NEVER, least_confidence


def _believed(confidence: np.ndarray, decoded: np.ndarray, n_classes: int = 4) -> np.ndarray:
    rest = (1 - confidence) / (n_classes - 1)
    probabilities = np.repeat(rest[:, None], n_classes, axis=1)
    probabilities[np.arange(len(decoded)), decoded] = confidence
    return probabilities


def test_what_is_guessed_is_never_confident_enough() -> None:
    never = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        codes, decoded = rng.integers(4, size=(2, 400))
        never += least_confidence(_believed(rng.uniform(0.3, 0.9, 400), decoded), codes) == NEVER
    # One in twenty is found by chance.
    assert never >= 34


def test_the_threshold_stands_where_trials_begin_to_be_right() -> None:
    rng = np.random.default_rng(0)
    codes, guesses = rng.integers(4, size=(2, 4000))
    confidence = rng.uniform(0.3, 0.9, 4000)
    decoded = np.where(confidence > 0.6, codes, guesses)
    assert least_confidence(_believed(confidence, decoded), codes) == pytest.approx(0.6, abs=0.06)


def test_a_decoder_that_is_always_right_draws_nearly_everything() -> None:
    rng = np.random.default_rng(0)
    codes = rng.integers(4, size=400)
    confidence = rng.uniform(0.3, 0.9, 400)
    assert np.mean(confidence >= least_confidence(_believed(confidence, codes), codes)) > 0.9


def test_a_rare_label_is_no_merit() -> None:
    # Always the frequent one: nine in ten are right, and nothing is known.
    codes = np.repeat([0, 1], [360, 40])
    confidence = np.random.default_rng(0).uniform(0.5, 0.9, 400)
    assert least_confidence(_believed(confidence, np.zeros(400, dtype=int), 2), codes) == NEVER


def test_too_few_trials_tell_nothing() -> None:
    assert least_confidence(np.full((19, 2), 0.5), np.zeros(19, dtype=int)) is None
