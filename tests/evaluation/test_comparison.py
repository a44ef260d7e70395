import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import t as student
from scipy.stats import ttest_rel
from statsmodels.stats.multitest import multipletests

from mindglyph.evaluation.comparison import compare_decoders, corrected_t, holm


def test_the_corrected_t_is_the_papers_worked_by_hand() -> None:
    # Nadeau & Bengio (2003): five folds of 100 tested and 400 learned from:
    # mean 0.03, variance 0.00025, so t = 0.03 / sqrt((1/5 + 1/4) 0.00025) = 2 sqrt(2).
    found = corrected_t([0.02, 0.04, 0.03, 0.05, 0.01], n_test=100, n_train=400)
    assert found.difference == pytest.approx(0.03)
    assert (found.t, found.df) == (pytest.approx(2 * np.sqrt(2)), 4)
    # The distribution function of t with 4 degrees of freedom has a closed form:
    # 1/2 + 3/8 (x - x^3/12), where x = t / sqrt(1 + t^2/4).
    x = np.sqrt(8 / 3)
    assert found.p_value == pytest.approx(2 * (0.5 - 3 / 8 * (x - x**3 / 12)))
    # 2.776 is the 97.5% quantile of any table.
    half = 2.776445 * np.sqrt(0.45 * 0.00025)
    assert found.ci95 == (pytest.approx(0.03 - half, abs=1e-7), pytest.approx(0.03 + half, abs=1e-7))


@given(st.integers(2, 20), st.integers(0, 1000))
def test_without_the_correction_it_is_scipys_paired_t(n_folds: int, seed: int) -> None:
    one, other = np.random.default_rng(seed).random((2, n_folds))
    plain = ttest_rel(one, other)
    found = corrected_t(one - other, n_test=0, n_train=1)
    assert found.t == pytest.approx(plain.statistic)
    assert found.p_value == pytest.approx(plain.pvalue)
    assert found.ci95 == pytest.approx(tuple(plain.confidence_interval()))
    # With it, the same difference is less of a finding.
    assert abs(corrected_t(one - other, 1, n_folds - 1).t) < abs(found.t)


def test_differences_that_do_not_spread() -> None:
    same = corrected_t([0.0, 0.0, 0.0], 1, 2)
    assert (same.t, same.p_value, same.ci95) == (0, 1, (0, 0))
    constant = corrected_t(np.subtract([0.3, 0.4, 0.5], [0.2, 0.3, 0.4]), 1, 2)
    assert (constant.t, constant.p_value) == (np.inf, 0)
    with pytest.raises(ValueError, match="at least two folds"):
        corrected_t([0.1], 1, 2)


def test_equal_decoders_are_told_apart_seldom() -> None:
    # The plain t takes the part that folds share for a difference; the corrected one does not. Folds
    # correlate by n_test / (n_test + n_train), as Nadeau and Bengio assume.
    rng = np.random.default_rng(0)
    shared, own = np.sqrt(0.2) * rng.standard_normal((2000, 1)), np.sqrt(0.8) * rng.standard_normal((2000, 5))
    corrected = np.mean([corrected_t(row, 1, 4).p_value < 0.05 for row in shared + own])
    plain = np.mean([corrected_t(row, 0, 1).p_value < 0.05 for row in shared + own])
    assert plain > 0.1
    assert corrected == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize("n_tests", [1, 2, 7, 30])
def test_holm_is_statsmodels(n_tests: int) -> None:
    # Ties among them, and some beyond 1 after correction.
    p_values = np.round(np.random.default_rng(n_tests).random(n_tests) ** 3, 2)
    np.testing.assert_allclose(holm(p_values), multipletests(p_values, method="holm")[1], atol=1e-12)


def test_all_pairs_are_compared_once() -> None:
    rng = np.random.default_rng(0)
    scores = {
        name: base + 0.02 * rng.standard_normal(5) for name, base in (("lda", 0.3), ("chance", 0.1), ("mlp", 0.3))
    }
    table = compare_decoders(scores, 100, 400)
    assert list(zip(table["decoder_a"], table["decoder_b"], strict=True)) == [
        ("lda", "chance"),
        ("lda", "mlp"),
        ("chance", "mlp"),
    ]
    first = corrected_t(scores["lda"] - scores["chance"], 100, 400)
    row = table.iloc[0]
    assert (row["difference"], row["ci_low"], row["ci_high"], row["t"], row["df"], row["p"]) == pytest.approx(
        (first.difference, *first.ci95, first.t, first.df, first.p_value)
    )
    assert row["p"] == pytest.approx(2 * student.sf(abs(row["t"]), 4))
    np.testing.assert_allclose(table["p_holm"], holm(table["p"].to_numpy()))
    assert (table["p_holm"] < 0.05).tolist() == [True, False, True]


def test_decoders_of_other_folds_are_not_compared() -> None:
    with pytest.raises(ValueError, match="same folds"):
        compare_decoders({"a": [0.1, 0.2], "b": [0.1, 0.2, 0.3]}, 1, 1)
    alone = compare_decoders({"a": [0.1, 0.2]}, 1, 1)
    assert len(alone) == 0
    assert alone.columns[-1] == "p_holm"
