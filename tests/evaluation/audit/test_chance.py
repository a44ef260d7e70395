import numpy as np
import pytest
from scipy.stats import chi2_contingency

from mindglyph.evaluation.audit.chance import ALPHA, associate, compare_shares, count_runs, upper_tail


def test_runs_in_random_order_have_their_expectation_and_variance() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    found = [count_runs(rng.permutation(labels)) for _ in range(2000)]
    assert np.mean([runs.found for runs in found]) == pytest.approx(found[0].expected, abs=0.4)
    assert np.mean([runs.p_value < 0.05 for runs in found]) == pytest.approx(0.05, abs=0.02)
    assert np.mean([runs.repeated for runs in found]) == pytest.approx(found[0].repeated_expected, abs=0.005)


def test_few_runs_are_no_chance_and_many_are_not_held_against_labels() -> None:
    assert count_runs(np.repeat(np.arange(10), 20)).p_value < 1e-12
    assert count_runs(np.arange(200) % 10).p_value > 0.999
    assert count_runs(np.zeros(50, dtype=int)).p_value == 1


def test_association_agrees_with_the_chi_square_distribution_where_that_holds() -> None:
    rng = np.random.default_rng(1)
    groups = np.repeat(np.arange(4), 250)
    codes = np.where(rng.random(1000) < 0.2, groups, rng.integers(4, size=1000))
    table = np.zeros((4, 4))
    np.add.at(table, (groups, codes), 1)
    expected = chi2_contingency(table).pvalue
    found = associate(codes, groups, seed=0)
    assert expected < 1e-3
    assert np.log10(found.p_value) == pytest.approx(np.log10(expected), abs=1.5)
    assert 0.03 < found.gain < 0.2


def test_what_holds_by_chance_alone_is_not_associated() -> None:
    rng = np.random.default_rng(2)
    p_values = [associate(rng.integers(10, size=200), np.arange(200) // 10, seed).p_value for seed in range(100)]
    assert min(p_values) > ALPHA
    # Each trial a group of its own tells every label, and so does every permutation.
    alone = associate(rng.integers(3, size=50), np.arange(50), 0)
    assert (alone.gain, alone.p_value) == (0, 1)


def test_event_numbers_in_the_millions_take_no_memory() -> None:
    assert associate(np.arange(100) % 2, 10**12 + np.arange(100) // 10, 0).p_value > 0.01


def test_shares_are_compared_and_rare_labels_are_not_accused_by_one_case() -> None:
    total = np.full(5, 400)
    assert compare_shares(np.array([80, 5, 5, 5, 5]), total, 0) < 1e-12
    assert compare_shares(np.array([22, 18, 20, 25, 15]), total, 0) > 0.05
    assert compare_shares(np.zeros(5, dtype=int), total, 0) == 1
    assert compare_shares(total, total, 0) == 1
    # One marked trial of 2,000 falls on the label of two trials once in a thousand recordings.
    assert compare_shares(np.array([0, 1]), np.array([1998, 2]), 0) > ALPHA


def test_a_p_value_goes_below_what_was_counted_only_where_nothing_was_counted() -> None:
    null = np.random.default_rng(0).chisquare(9, size=400)
    assert upper_tail(60.0, null) < 1e-6
    assert upper_tail(float(np.quantile(null, 0.9)), null) == pytest.approx(0.1, abs=0.01)
    assert upper_tail(3.0, np.full(10, 3.0)) == 1
