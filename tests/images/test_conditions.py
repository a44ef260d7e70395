import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.images.conditions import Condition


def test_probabilities_alone_are_a_condition() -> None:
    condition = Condition.of(np.full((3, 10), 0.1))
    assert len(condition) == 3
    assert condition.features().shape == (3, 10)
    assert Condition.of(condition) is condition


def test_an_embedding_stands_beside_the_digits() -> None:
    condition = Condition(np.eye(10)[:2], np.arange(6).reshape(2, 3))
    np.testing.assert_array_equal(condition.features()[1], [0, 1, *[0] * 8, 3, 4, 5])
    np.testing.assert_array_equal(condition.drawn(np.random.default_rng(0)).features(), condition.features())


def test_a_digit_is_drawn_as_often_as_it_is_probable() -> None:
    shares = np.array([0.6, 0.0, 0.3, 0.1])
    drawn = Condition(np.repeat(shares[None], 4000, axis=0)).drawn(np.random.default_rng(0)).probabilities
    assert set(drawn.sum(axis=1)) == {1.0}
    np.testing.assert_allclose(drawn.mean(axis=0), shares, atol=0.03)
    assert drawn[:, 1].max() == 0


@pytest.mark.parametrize(
    ("probabilities", "embedding", "message"),
    [
        (np.ones(10) / 10, None, "give a row for each picture"),
        (np.ones((2, 10)), None, "no distribution over the digits"),
        (np.array([[1.5, -0.5]]), None, "no distribution over the digits"),
        (np.full((1, 2), np.nan), None, "no distribution over the digits"),
        (np.eye(2), np.zeros((3, 4)), "does not fit 2 pictures"),
        (np.eye(2), np.full((2, 1), np.inf), "not finite"),
    ],
)
def test_what_is_no_condition_is_refused(probabilities: np.ndarray, embedding: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Condition(probabilities, embedding)
