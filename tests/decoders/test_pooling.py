import numpy as np
import pytest
from scipy.special import log_softmax

from mindglyph.decoders.pooling import LogLinearPool

CODES = np.random.default_rng(0).integers(0, 3, 2000)


def _log_probabilities(skill: float, seed: int, codes: np.ndarray = CODES) -> np.ndarray:
    """Return what a calibrated decoder says: scores of variance `skill` squared, right by as much."""
    noise = skill * np.random.default_rng(seed).standard_normal((len(codes), 3))
    return log_softmax(noise + skill**2 * np.eye(3)[codes], axis=1)


def test_a_member_that_knows_nothing_is_not_heard() -> None:
    says = np.stack([_log_probabilities(1.0, 1), log_softmax(np.random.default_rng(2).normal(size=(2000, 3)), axis=1)])
    pool = LogLinearPool.fit(says, CODES, evenness=0.0)
    assert pool.weights[0] == pytest.approx(1, abs=0.15)
    heard, alone = pool.heard()
    assert pool.weights[1] < 0.05
    assert alone.weights[0] == pool.weights[0]
    assert 0 in heard


def test_two_that_err_apart_are_better_together() -> None:
    says = np.stack([_log_probabilities(0.8, 1), _log_probabilities(0.8, 2)])
    pool = LogLinearPool.fit(says, CODES, evenness=0.01)
    right = (pool.scores(says).argmax(axis=1) == CODES).mean()
    assert right > max((one.argmax(axis=1) == CODES).mean() for one in says) + 0.03
    np.testing.assert_allclose(pool.weights, 1, atol=0.15)


def test_few_trials_hear_both_alike() -> None:
    says = np.stack([_log_probabilities(0.8, 1), _log_probabilities(0.8, 2)])[:, :15]
    apart = np.ptp(LogLinearPool.fit(says, CODES[:15], evenness=0.0).weights)
    assert np.ptp(LogLinearPool.fit(says, CODES[:15], evenness=10.0).weights) < 0.2 * apart


def test_weights_do_not_pile_up_how_often_a_class_occurs() -> None:
    """Two members that know the frequencies alone must leave them as they are, and not square them."""
    codes = np.repeat([0, 1, 2], [800, 150, 50])
    frequencies = np.log(np.bincount(codes) / len(codes))
    says = np.tile(frequencies, (2, len(codes), 1))
    np.testing.assert_allclose(LogLinearPool.fit(says, codes, 0.01).scores(says), np.tile(frequencies, (len(codes), 1)))


def test_weighted_classes_count_the_same() -> None:
    codes = np.repeat([0, 1, 2], [800, 150, 50])
    weights = 1000 / (3 * np.bincount(codes))
    pool = LogLinearPool.fit(np.zeros((1, 1000, 3)), codes, 0.01, weights)
    np.testing.assert_allclose(pool.log_frequencies, np.log(1 / 3))


def test_where_nothing_is_held_out_all_are_heard() -> None:
    pool = LogLinearPool.even(2, np.array([0, 0, 1]), 3)
    np.testing.assert_array_equal(pool.weights, [0.5, 0.5])
    assert np.isfinite(pool.log_frequencies).all()
    assert pool.heard()[0].tolist() == [0, 1]
