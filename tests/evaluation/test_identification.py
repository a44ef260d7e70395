import numpy as np
import pytest

from mindglyph.evaluation import identification
from mindglyph.evaluation.identification import (
    Identification,
    exchanged,
    exchanged_within,
    stretches_of,
    winning_chances,
)


def _by_brute_force(similarity: np.ndarray, candidate: int, n_way: int, rng: np.random.Generator) -> float:
    others = np.delete(similarity, candidate)
    wins = 0.0
    for _ in range(20_000):
        chosen = rng.choice(others, n_way - 1, replace=False)
        equal = np.count_nonzero(chosen == similarity[candidate])
        wins += 0.0 if chosen.max() > similarity[candidate] else 1 / (1 + equal)
    return wins / 20_000


@pytest.mark.parametrize("ties", [False, True])
def test_winning_chances_are_exact(ties: bool) -> None:
    rng = np.random.default_rng(0)
    similarity = rng.integers(5, size=(3, 12)).astype(float) if ties else rng.random((3, 12))
    chances = winning_chances(similarity, n_way=4)
    np.testing.assert_allclose(chances.mean(axis=1), 1 / 4)
    for candidate in (0, 5):
        assert chances[1, candidate] == pytest.approx(_by_brute_force(similarity[1], candidate, 4, rng), abs=0.015)


def test_own_pictures_are_counted_and_exchanged_ones_beside_them() -> None:
    rng = np.random.default_rng(0)
    counted = Identification(200, (2, 10, 50))
    for n_trials in (30, 20):
        counted.add(np.eye(n_trials) + 1e-3 * rng.random((n_trials, n_trials)), exchanged(5, n_trials, 200, rng))
    # Too few trials for fifty candidates.
    assert set(counted.own) == {2, 10}
    assert counted.values(10).shape == (50,)
    np.testing.assert_allclose(counted.values(10), 1)
    assert counted.null(10).mean() == pytest.approx(0.1, abs=0.03)
    assert counted.null(2).mean() == pytest.approx(0.5, abs=0.03)


def test_long_folds_are_cut_into_stretches_of_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identification, "MOST_CANDIDATES", 10)
    stretches = list(stretches_of(np.repeat([0, 1], [25, 8])))
    assert [len(places) for places in stretches] == [9, 8, 8, 8]
    np.testing.assert_array_equal(np.concatenate(stretches), np.arange(33))


def test_exchanged_within_a_label_every_trial_keeps_its_label() -> None:
    labels = np.random.default_rng(0).integers(3, size=40)
    orders = exchanged_within(labels, 50, np.random.default_rng(1))
    np.testing.assert_array_equal(labels[orders], np.tile(labels, (50, 1)))
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(40), (50, 1)))
    assert (orders != np.arange(40)).mean() > 0.8
