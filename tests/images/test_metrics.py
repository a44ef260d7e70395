import numpy as np

from mindglyph.images.metrics import similarities


def test_similarity_is_pearsons_correlation_whatever_the_scale() -> None:
    rng = np.random.default_rng(0)
    drawn, shown = rng.random((4, 28, 28)), rng.random((3, 28, 28))
    expected = np.corrcoef(drawn.reshape(4, -1), shown.reshape(3, -1))[:4, 4:]
    np.testing.assert_allclose(similarities(drawn, 7 + 200 * shown), expected, atol=1e-5)


def test_a_picture_without_contrast_is_like_none() -> None:
    shown = np.random.default_rng(0).random((3, 28, 28))
    assert np.all(similarities(np.full((2, 28, 28), 0.3), shown) == 0)
