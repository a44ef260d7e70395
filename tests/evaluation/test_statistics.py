import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import binom, kstest
from statsmodels.stats.proportion import binom_test, proportion_confint

from mindglyph.evaluation.statistics import (
    block_length,
    block_permutations,
    chance_bound,
    combined_p_value,
    detectable_accuracy,
    fold_interval,
    interval,
    mean_variance,
    permutation_p_value,
    strata_of,
)


def test_the_interval_is_wilsons() -> None:
    # Newcombe (1998), table I, method 3: 81 of 263.
    low, high = interval(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert interval(0, 20)[0] == 0
    assert interval(20, 20)[1] == 1


@pytest.mark.parametrize(("n_right", "n_trials"), [(0, 20), (3, 20), (95, 900), (899, 900), (500, 500)])
def test_the_interval_is_statsmodels(n_right: int, n_trials: int) -> None:
    assert interval(n_right, n_trials) == pytest.approx(
        proportion_confint(n_right, n_trials, method="wilson"), abs=1e-12
    )


def test_the_interval_over_folds_is_nadeaus_and_bengios_in_wilsons_form() -> None:
    # Folds of 100 with 20, 30, 40, 30 and 30 right: the variance is that of 0.3 over 0.00225 = 93.3 trials.
    folds = np.repeat(np.arange(5), 100)
    right = np.concatenate([np.arange(100) < count for count in (20, 30, 40, 30, 30)])
    assert mean_variance(0.005, 5, 0.25) == pytest.approx(0.00225)
    low, high = fold_interval(right, folds)
    # The bounds are where the observed accuracy is Student's quantile (2.776, 4 degrees of freedom) away.
    for bound in (low, high):
        assert abs(0.3 - bound) == pytest.approx(2.776445 * np.sqrt(bound * (1 - bound) * 0.00225 / 0.21), rel=1e-5)
    # Neither the order of trials within folds nor the folds' names matter.
    order = np.random.default_rng(0).permutation(500)
    assert fold_interval(right[order], np.array(list("bcade"))[folds[order]]) == pytest.approx((low, high))


def test_the_interval_over_folds_is_never_narrower_than_wilsons() -> None:
    folds = np.repeat(np.arange(5), 100)
    alike = np.tile(np.arange(100) < 30, 5)
    assert fold_interval(alike, folds) == interval(150, 500)
    nearly = alike.copy()
    nearly[0] = False
    assert fold_interval(nearly, folds) == interval(149, 500)
    assert fold_interval(np.ones(500, dtype=bool), folds) == interval(500, 500)
    assert fold_interval(alike, np.zeros(500)) == interval(150, 500)


def _coverage(right: np.ndarray, folds: np.ndarray, truth: float) -> tuple[float, float]:
    """Return the share of recordings, rows of `right`, whose intervals hold the truth: over folds, and Wilson's."""
    covered = [
        [low <= truth <= high for low, high in (fold_interval(row, folds), interval(int(row.sum()), len(row)))]
        for row in right
    ]
    return tuple(np.mean(covered, axis=0))


def test_the_interval_holds_the_truth_where_right_answers_come_in_clusters() -> None:
    # Attention waxes and wanes over about twenty trials: `benchmarks/intervals.py` has decoders, too.
    rng = np.random.default_rng(0)
    state = lfilter([np.sqrt(1 - 0.95**2)], [1, -0.95], rng.standard_normal((400, 1200)), axis=1)[:, 200:]
    right = rng.random(state.shape) < np.clip(0.3 + 0.15 * state, 0, 1)
    own, wilson = _coverage(right, np.arange(1000) // 200, right.mean())
    assert own > 0.93
    assert wilson < 0.85


def test_the_interval_holds_the_truth_where_trials_are_independent() -> None:
    right = np.random.default_rng(0).random((400, 300)) < 0.15
    own, wilson = _coverage(right, np.arange(300) // 60, 0.15)
    assert own > 0.95
    assert wilson == pytest.approx(0.95, abs=0.03)


def test_what_is_detectable_is_found_in_four_of_five_recordings() -> None:
    for n_trials, chance in ((100, 0.5), (900, 0.1), (5000, 0.1)):
        accuracy = detectable_accuracy(n_trials, chance)
        assert accuracy > chance_bound(n_trials, chance)
        # The fewest right answers that the exact test calls more than chance, and how often there are as many.
        counts = np.arange(n_trials + 1)
        fewest = next(count for count in counts if binom_test(count, n_trials, chance, "larger") <= 0.05)
        assert binom.sf(fewest - 1, n_trials, accuracy) == pytest.approx(0.8)
        draws = np.random.default_rng(0).binomial(n_trials, accuracy, size=4000)
        assert np.mean(draws >= fewest) == pytest.approx(0.8, abs=0.03)
    # Four coins that all fall right happen once in sixteen times: five are needed.
    assert detectable_accuracy(4, 0.5) is None
    assert detectable_accuracy(5, 0.5) == pytest.approx(0.8**0.2)


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


def test_only_trials_of_one_fold_and_one_stretch_are_exchanged() -> None:
    folds = np.array([1, 1, 1, 1, 0, 0, 0, 0])
    groups = np.array(["b", "a", "b", "a", "a", "a", "a", "b"], dtype=object)
    strata = strata_of(folds, groups)
    alike = strata[:, None] == strata
    np.testing.assert_array_equal(alike, (folds[:, None] == folds) & (groups[:, None] == groups))
    np.testing.assert_array_equal(strata_of(folds)[:, None] == strata_of(folds), folds[:, None] == folds)
    for places in np.concatenate(list(block_permutations(strata, 2, 50, np.random.default_rng(0)))):
        np.testing.assert_array_equal(strata[places], strata)


def test_any_two_of_many_blocks_may_change_their_order() -> None:
    n_blocks = 70_000
    (places,) = next(block_permutations(np.zeros(n_blocks, dtype=int), 1, 1, np.random.default_rng(0)))
    rising = np.count_nonzero(np.diff(places) > 0)
    # Half of the neighbours, give or take a standard deviation of 76.
    assert abs(rising - n_blocks / 2) < 500


def test_a_long_recording_is_permuted_in_parts_that_fit_into_memory() -> None:
    parts = list(block_permutations(np.zeros(100_000, dtype=int), 10, 50, np.random.default_rng(0)))
    assert max(part.nbytes for part in parts) <= 32e6
    assert sum(len(part) for part in parts) == 50


@pytest.mark.parametrize("n_folds", [1, 2])
def test_p_is_uniform_where_nothing_can_be_decoded(n_folds: int) -> None:
    rng = np.random.default_rng(0)
    p_values = []
    folds = np.arange(200) * n_folds // 200
    for _ in range(200):
        labels, predicted = rng.integers(10, size=(2, 200))
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


def test_the_combination_follows_its_parts() -> None:
    assert combined_p_value(np.full(5, 0.03)) == pytest.approx(0.03)
    assert combined_p_value(np.array([1e-4, 1e-4, 0.5])) < 2e-4
    assert combined_p_value(np.ones(5)) > 0.9


def test_p_is_never_zero() -> None:
    assert permutation_p_value(1.0, np.zeros(99)) == pytest.approx(0.01)
    assert permutation_p_value(0.0, np.zeros(99)) == 1.0
