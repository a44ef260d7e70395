import numpy as np
import pytest

from mindglyph.decoders.calibration import HIGHEST_TEMPERATURE, best_temperature, last_block, softmax


def _drawn(scores: np.ndarray, temperature: float, rng: np.random.Generator) -> np.ndarray:
    cumulated = softmax(scores / temperature).cumsum(axis=1)
    return (rng.random((len(scores), 1)) > cumulated).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 4.0])
def test_the_temperature_is_found_again(temperature: float) -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(20_000, 5)) * 2
    assert best_temperature(scores, _drawn(scores, temperature, rng)) == pytest.approx(temperature, rel=0.1)


def test_scores_without_worth_come_out_nearly_equal() -> None:
    rng = np.random.default_rng(0)
    scores, codes = 5 * rng.normal(size=(5000, 10)), rng.integers(10, size=5000)
    probabilities = softmax(scores / best_temperature(scores, codes))
    assert probabilities.max() < 0.2


def test_scores_that_nothing_vouches_for_are_worth_nothing() -> None:
    assert best_temperature(np.empty((0, 3)), np.empty(0, dtype=int)) == HIGHEST_TEMPERATURE


def test_the_last_block_is_a_stretch_of_its_own() -> None:
    learning, held_out = last_block(100, 0.2, gap=2)
    assert learning.tolist() == list(range(78))
    assert held_out.tolist() == list(range(80, 100))
