import numpy as np
import pytest

from mindglyph.images.metrics import diversity, frechet_distance, inception_score, similarities


def test_similarity_is_pearsons_correlation_whatever_the_scale() -> None:
    rng = np.random.default_rng(0)
    drawn, shown = rng.random((4, 28, 28)), rng.random((3, 28, 28))
    expected = np.corrcoef(drawn.reshape(4, -1), shown.reshape(3, -1))[:4, 4:]
    np.testing.assert_allclose(similarities(drawn, 7 + 200 * shown), expected, atol=1e-5)


def test_a_picture_without_contrast_is_like_none() -> None:
    shown = np.random.default_rng(0).random((3, 28, 28))
    assert np.all(similarities(np.full((2, 28, 28), 0.3), shown) == 0)


def test_the_frechet_distance_is_that_of_normal_distributions() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(20000, 3)), 2 * rng.normal(size=(20000, 3)) + [1, 0, 0]
    # Between the means 1; of each feature (2 - 1)².
    assert frechet_distance(first, second) == pytest.approx(4, rel=0.05)
    assert frechet_distance(first, first) == pytest.approx(0, abs=1e-6)
    # A feature that never varies is no harm.
    still = np.concatenate([first, np.zeros((20000, 1))], axis=1)
    assert frechet_distance(still, still) == pytest.approx(0, abs=1e-6)


def test_the_inception_score_counts_the_digits_that_are_drawn_clearly() -> None:
    assert inception_score(np.eye(10)) == pytest.approx(10)
    assert inception_score(np.eye(10)[[0, 1, 0, 1]]) == pytest.approx(2)
    assert inception_score(np.full((10, 10), 0.1)) == pytest.approx(1)


def test_diversity_is_the_distance_within_a_digit() -> None:
    pictures = np.zeros((4, 28, 28))
    pictures[1, 0, :4] = 1
    pictures[3, 0, 0] = 1
    # 2 apart in the first digit, 1 in the second; what lies between digits does not count.
    pictures[2:, 20] = 1
    assert diversity(pictures, np.array([0, 0, 1, 1])) == pytest.approx(1.5)
