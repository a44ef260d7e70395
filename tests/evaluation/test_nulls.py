"""Whether scores and verdict find nothing where there is nothing, over many recordings, and how often what is there."""

import numpy as np
import pandas as pd
import pytest
from scipy.signal import lfilter
from scipy.stats import binom, kstest

from mindglyph.evaluation import BlockedSplit, score_decoding, verdict
from mindglyph.evaluation.statistics import detectable_accuracy
from tests.evaluation.guesses import guesses

HOW_MANY = [60, pytest.param(400, marks=pytest.mark.slow)]


def most_found(n_nulls: int) -> int:
    """Return what a test that finds 5% of the nulls exceeds once in a hundred times."""
    return int(binom.ppf(0.99, n_nulls, 0.05))


def test_a_planted_signal_is_found_though_less_often_than_by_the_binomial_test() -> None:
    accuracy = detectable_accuracy(900, 0.1)
    share = (accuracy - 0.1) / 0.9
    scores = [score_decoding(guesses(share, 900, n_folds=5, seed=seed), None, 200, seed) for seed in range(100)]
    by_binomial = np.mean([score.accuracy > score.chance_bound + 1e-12 for score in scores])
    by_p = np.mean([score.p_value < 0.05 for score in scores])
    assert by_binomial == pytest.approx(0.8, abs=0.12)
    assert 0.35 < by_p < by_binomial


@pytest.mark.parametrize("n_nulls", HOW_MANY)
def test_combined_p_values_are_not_too_small(n_nulls: int) -> None:
    p_values = [
        score_decoding(guesses(0.0, 500, n_folds=5, seed=seed), None, 200, seed).p_value for seed in range(n_nulls)
    ]
    assert kstest(p_values, "uniform", alternative="greater").pvalue > 0.01
    assert np.count_nonzero(np.array(p_values) < 0.05) <= most_found(n_nulls)


def _drifting(run: int, rng: np.random.Generator, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Return features that wander over about sixty trials, and labels that come in runs and know nothing of them."""
    steps = rng.standard_normal((n + 300, 10))
    drift = lfilter([1.0], [1.0, -np.exp(-1 / 60)], steps, axis=0)[300:]
    labels = np.repeat(rng.permutation(np.arange(n // run) % 4), run)
    return 0.3 * drift + rng.standard_normal((n, 10)), labels


def _nearest_mean(
    features: np.ndarray, labels: np.ndarray, splits: list[tuple[np.ndarray, np.ndarray]]
) -> pd.DataFrame:
    table = pd.DataFrame({"fold": 0, "label": labels, "predicted": -1, "majority": 0})
    for number, (train, test) in enumerate(splits):
        means = np.stack([features[train][labels[train] == label].mean(axis=0) for label in range(4)])
        distances = ((features[test][:, None] - means) ** 2).sum(axis=2)
        table.loc[test, ["fold", "predicted"]] = np.stack(
            [np.full(len(test), number), distances.argmin(axis=1)], axis=1
        )
    return table


@pytest.mark.parametrize("n_nulls", HOW_MANY)
@pytest.mark.parametrize("run", [1, 20])
def test_the_verdict_finds_nothing_in_drift(run: int, n_nulls: int) -> None:
    found = 0
    for seed in range(n_nulls):
        features, labels = _drifting(run, np.random.default_rng(seed))
        table = _nearest_mean(features, labels, list(BlockedSplit(5).split(features)))
        sentence = verdict(score_decoding(table, None, 200, seed).as_metrics(), simulated=True)
        found += not sentence.startswith("No evidence")
    assert found <= most_found(n_nulls)


def test_a_random_split_of_the_same_drift_would_find_something() -> None:
    features, labels = _drifting(20, np.random.default_rng(0))
    order = np.random.default_rng(1).permutation(400)
    splits = [(np.setdiff1d(order, test), np.sort(test)) for test in np.array_split(order, 5)]
    score = score_decoding(_nearest_mean(features, labels, splits), None, 200, seed=0)
    assert score.accuracy > score.chance_bound + 0.05


@pytest.mark.parametrize("n_nulls", HOW_MANY)
def test_p_holds_although_folds_share_training_trials(n_nulls: int) -> None:
    # The labels of one fold are learned from in the others: the mean of the training labels
    # leans away from those of the fold, and a decoder of noise leans with it.
    false_positives = 0
    for seed in range(n_nulls):
        rng = np.random.default_rng(seed)
        labels, signals = rng.integers(2, size=100), rng.standard_normal((100, 20))
        folds = np.repeat(np.arange(5), 20)
        predicted = np.empty_like(labels)
        for fold in range(5):
            weights = signals[folds != fold].T @ (2 * labels[folds != fold] - 1)
            predicted[folds == fold] = signals[folds == fold] @ weights > 0
        table = pd.DataFrame({"fold": folds, "label": labels, "predicted": predicted, "majority": 0})
        false_positives += score_decoding(table, None, 200, seed).p_value < 0.05
    assert false_positives <= most_found(n_nulls)
