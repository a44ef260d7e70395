import numpy as np
import pytest

from mindglyph.reconstruction import HandReader
from mindglyph.reconstruction.hands import _Regression, _regressor


def _world(noise: float, n: int = 1200, seed: int = 0, bent: bool = False) -> tuple[np.ndarray, ...]:
    """Return embeddings that hold the digit and, under noise, the hand."""
    rng = np.random.default_rng(seed)
    labels, hands = rng.integers(10, size=n), rng.normal(size=(n, 4)) * np.array([3.0, 1.0, 1.0, 0.5])
    told = np.abs(hands) - 1 if bent else hands
    embedding = told @ rng.normal(size=(4, 12)) + noise * rng.normal(size=(n, 12)) + np.eye(12)[labels]
    return embedding, labels, hands


def _found(reader: HandReader, embedding: np.ndarray, hands: np.ndarray) -> float:
    """Return how often a trial finds its own hand among ten."""
    likelihoods = reader.log_likelihoods(embedding, hands)
    assert likelihoods is not None
    others = np.random.default_rng(9).permuted(np.tile(np.arange(len(hands)), (len(hands), 1)), axis=1)[:, :9]
    own = likelihoods.diagonal()[:, None]
    return float(np.mean(own[:, 0] > np.take_along_axis(likelihoods, others, axis=1).max(axis=1)))


@pytest.mark.parametrize("way", ["ridge", "network", "contrastive"])
def test_every_way_finds_the_hand_where_it_is_told(way: str) -> None:
    embedding, labels, hands = _world(noise=2.0)
    reader = HandReader((way,)).fit(embedding[:900], labels[:900], hands[:900])
    assert reader.way_ == way
    assert reader.gains_[way] > 0.2
    assert _found(reader, embedding[900:], hands[900:]) > 0.3


def test_nothing_is_read_where_nothing_is_told() -> None:
    rng = np.random.default_rng(0)
    ways = []
    for seed in range(5):
        embedding, labels, hands = _world(noise=2.0, n=600, seed=seed)
        reader = HandReader(("ridge", "network", "contrastive")).fit(embedding, labels, rng.permuted(hands, axis=0))
        ways.append(reader.way_)
        if reader.way_ != "none":
            # What is left of chance is small: no picture is much likelier than another.
            likelihoods = reader.log_likelihoods(embedding[:50], hands[:50])
            assert np.abs(likelihoods - likelihoods.mean(axis=1, keepdims=True)).mean() < 0.3
    assert ways.count("none") >= 2


def test_what_is_bent_is_read_by_a_network() -> None:
    embedding, labels, hands = _world(noise=0.3, n=3000, bent=True)
    reader = HandReader(("ridge", "network")).fit(embedding, labels, np.abs(hands))
    straight = HandReader(("ridge",)).fit(embedding, labels, hands)
    assert max(straight.gains_.values()) < max(reader.gains_.values())


def test_few_trials_are_not_learned_from() -> None:
    embedding, labels, hands = _world(noise=0.1, n=30)
    reader = HandReader().fit(embedding, labels, hands)
    assert (reader.way_, reader.gains_) == ("none", {})
    assert reader.log_likelihoods(embedding, hands) is None


def test_a_regression_weighs_by_how_far_it_errs() -> None:
    # One hand of one variable, told with noise as large as itself: the best guess is half of what is told.
    rng = np.random.default_rng(0)
    hands = rng.normal(size=(4000, 1))
    told = hands + rng.normal(size=hands.shape)
    regression = _Regression(_regressor("ridge", 0)).fit(told, hands)
    grid = np.linspace(-3, 3, 61)[:, None]
    likelihoods = regression.log_likelihoods(np.array([[1.0]]), grid)[0]
    expected = -((1.0 - grid[:, 0]) ** 2) / 2
    np.testing.assert_allclose(likelihoods - likelihoods[30], expected - expected[30], rtol=0.15, atol=0.1)


def test_the_same_seed_reads_the_same() -> None:
    embedding, labels, hands = _world(noise=2.0, n=500)
    one, other = (HandReader(("network", "contrastive"), seed=3).fit(embedding, labels, hands) for _ in range(2))
    assert one.gains_ == other.gains_
    np.testing.assert_array_equal(
        one.log_likelihoods(embedding[:5], hands), other.log_likelihoods(embedding[:5], hands)
    )
