import numpy as np
import pytest

from mindglyph.reconstruction import PictureBank


@pytest.fixture
def bank() -> PictureBank:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(12, 28, 28), dtype=np.uint8)
    return PictureBank(images, np.repeat(np.arange(3), 4), rng.normal(size=(12, 2)))


def test_pictures_of_a_digit_share_its_probability(bank: PictureBank) -> None:
    probabilities = np.array([[0.5, 0.3, 0.2], [1.0, 0.0, 0.0]])
    rng = np.random.default_rng(1)
    for log_likelihoods in (None, 500 * rng.normal(size=(2, 12))):
        shares = bank.shares(probabilities, log_likelihoods)
        np.testing.assert_allclose(shares.reshape(2, 3, 4).sum(axis=2), probabilities, atol=1e-12)
    # Without a likelihood all pictures of a digit count alike; with one, the likelier count more.
    np.testing.assert_allclose(bank.shares(probabilities)[0, :4], 0.125)
    log_likelihoods = np.zeros((2, 12))
    log_likelihoods[:, 2] = np.log(3)
    np.testing.assert_allclose(bank.shares(probabilities, log_likelihoods)[1, :4], [1 / 6, 1 / 6, 1 / 2, 1 / 6])


def test_mean_and_deviation_are_those_of_the_weighed_pictures(bank: PictureBank) -> None:
    shares = np.random.default_rng(2).dirichlet(np.ones(12), size=3)
    mean, deviation = bank.mixed(shares)
    pictures = bank.images / 255
    for trial in range(3):
        expected = np.average(pictures, axis=0, weights=shares[trial])
        variance = np.average((pictures - expected) ** 2, axis=0, weights=shares[trial])
        np.testing.assert_allclose(mean[trial], expected, atol=1e-5)
        np.testing.assert_allclose(deviation[trial], np.sqrt(variance), atol=1e-3)


def test_candidates_are_the_likeliest_picture_of_the_likeliest_digits(bank: PictureBank) -> None:
    log_likelihoods = np.zeros((1, 12))
    log_likelihoods[0, [1, 7, 8]] = 2.0
    shares = bank.shares(np.array([[0.2, 0.1, 0.7]]), log_likelihoods)
    places, weights = bank.candidates(shares, 2)
    np.testing.assert_array_equal(places, [[8, 1]])
    np.testing.assert_allclose(weights, [[0.7, 0.2]])
