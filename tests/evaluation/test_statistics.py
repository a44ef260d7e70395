import numpy as np
import pandas as pd
import pytest
from scipy.stats import kstest

from mindglyph.evaluation import score_decoding
from mindglyph.evaluation.statistics import (
    block_length,
    block_permutations,
    chance_bound,
    combined_p_value,
    interval,
    permutation_p_value,
)


def test_the_interval_is_wilsons() -> None:
    # Newcombe (1998), table I, method 3: 81 of 263.
    low, high = interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert interval(0, 20)[0] == 0
    assert interval(20, 20)[1] == 1


def test_guessing_exceeds_the_bound_in_one_of_twenty() -> None:
    draws = np.random.default_rng(0).binomial(500, 0.1, size=20_000) / 500
    exceeding = np.mean(draws > chance_bound(500, 0.1))
    assert 0.03 < exceeding <= 0.05


def test_runs_lengthen_the_blocks() -> None:
    rng = np.random.default_rng(0)
    assert block_length(rng.integers(10, size=1000)) == 10
    assert 40 <= block_length(np.repeat(rng.permutation(50) % 10, 20)) <= 50


def test_permutations_stay_in_their_fold_and_keep_neighbours_together() -> None:
    folds = np.repeat([0, 1, 2], [50, 37, 20])
    batches = list(block_permutations(folds, 10, 600, np.random.default_rng(0)))
    permuted = np.concatenate(batches)
    assert permuted.shape == (600, 107)
    np.testing.assert_array_equal(np.sort(permuted, axis=1), np.tile(np.arange(107), (600, 1)))
    np.testing.assert_array_equal(folds[permuted], np.tile(folds, (600, 1)))
    together = np.mean(permuted[:, 1:50] - permuted[:, :49] == 1)
    assert together > 0.85
    # Every trial comes to every place of its fold.
    assert len(np.unique(permuted[:, 0])) == 50


def test_p_is_uniform_where_nothing_can_be_decoded() -> None:
    rng = np.random.default_rng(0)
    p_values = []
    for _ in range(300):
        labels, predicted = rng.integers(10, size=(2, 200))
        folds = np.repeat([0, 1], 100)
        null = np.concatenate(
            [(labels[places] == predicted).mean(axis=1) for places in block_permutations(folds, 10, 200, rng)]
        )
        # Accuracies come in steps: half of the ties are given away at random.
        observed = np.mean(labels == predicted)
        ties = np.mean(null == observed)
        p_values.append(permutation_p_value(observed, null) - rng.random() * ties)
    assert kstest(p_values, "uniform").pvalue > 0.01


def test_p_holds_where_labels_and_predictions_come_in_runs() -> None:
    rng = np.random.default_rng(1)
    false_positives = 0
    for _ in range(200):
        labels = np.repeat(rng.permutation(np.arange(20) % 10), 20)
        predicted = np.repeat(rng.integers(10, size=8), 50)
        length = block_length(labels)
        null = np.concatenate(
            [
                (labels[places] == predicted).mean(axis=1)
                for places in block_permutations(np.zeros(400, dtype=int), length, 200, rng)
            ]
        )
        false_positives += permutation_p_value(np.mean(labels == predicted), null) < 0.05
    assert false_positives <= 20


def test_p_holds_although_folds_share_training_trials() -> None:
    # The labels of one fold are learned from in the others: the mean of the training labels
    # leans away from those of the fold, and a decoder of noise leans with it.
    false_positives = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels, signals = rng.integers(2, size=100), rng.standard_normal((100, 20))
        folds = np.repeat(np.arange(5), 20)
        predicted = np.empty_like(labels)
        for fold in range(5):
            weights = signals[folds != fold].T @ (2 * labels[folds != fold] - 1)
            predicted[folds == fold] = signals[folds == fold] @ weights > 0
        table = pd.DataFrame({"fold": folds, "label": labels, "predicted": predicted, "majority": 0})
        false_positives += score_decoding(table, None, 200, seed).p_value < 0.05
    assert false_positives <= 18


def test_the_combination_follows_its_parts() -> None:
    assert combined_p_value(np.full(5, 0.03)) == pytest.approx(0.03)
    assert combined_p_value(np.array([1e-4, 1e-4, 0.5])) < 2e-4
    assert combined_p_value(np.ones(5)) > 0.9


def test_p_is_never_zero() -> None:
    assert permutation_p_value(1.0, np.zeros(99)) == pytest.approx(0.01)
    assert permutation_p_value(0.0, np.zeros(99)) == 1.0
