import numpy as np
import pandas as pd
import pytest
from scipy import stats

from mindglyph.evaluation.benchmark.tables import compared, efficiency, scalars


def test_single_numbers_are_taken_whatever_they_are_called() -> None:
    metrics = {
        "accuracy": 0.5,
        "n_test": 7,
        "ci95": [0.4, 0.6],
        "ci95_independent": (0.45, 0.55),
        "folds": [0.4, 0.6],
        "classes": ["a", "b"],
        "kappa": None,
        "reliability": {"brier": 0.2, "bins": [{"n": 3}], "deeper": {"ece": 0.1}},
    }
    assert scalars(metrics) == {
        "accuracy": 0.5,
        "n_test": 7,
        "ci_low": 0.4,
        "ci_high": 0.6,
        "ci_independent_low": 0.45,
        "ci_independent_high": 0.55,
        "reliability_brier": 0.2,
        "reliability_deeper_ece": 0.1,
    }


def test_efficiency_is_of_ceilings_that_can_be_told_from_chance() -> None:
    assert efficiency(0.35, 0.1, 0.12, 0.6) == pytest.approx(0.5)
    assert efficiency(0.35, 0.1, 0.12, 0.1003) is None
    assert efficiency(0.35, 0.1, 0.12, None) is None


def _folds(
    scores: dict[tuple[str, str, str], list[float]], areas: dict[str, list[float | None]] | None = None
) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "store": store,
                "split": split,
                "decoder": decoder,
                "fold": fold,
                "n_train": 80,
                "n_test": 20,
                "accuracy": one,
                "auc": None if areas is None else areas[decoder][fold],
                "statistic": "accuracy" if areas is None else "auc",
            }
            for (store, split, decoder), values in scores.items()
            for fold, one in enumerate(values)
        ]
    )


def test_pairs_are_compared_as_by_hand_within_a_store_and_a_split() -> None:
    a, b, c = [0.5, 0.6, 0.55, 0.5, 0.65], [0.4, 0.45, 0.5, 0.35, 0.5], [0.5, 0.55, 0.6, 0.5, 0.6]
    found = compared(
        _folds(
            {
                ("one", "blocked", "a"): a,
                ("one", "blocked", "b"): b,
                ("one", "blocked", "c"): c,
                ("one", "random", "a"): b,
                ("one", "random", "b"): a,
                ("two", "blocked", "a"): a,
            }
        )
    )
    assert set(found["statistic"]) == {"accuracy"}
    assert list(found["store"] + found["split"]) == ["oneblocked"] * 3 + ["onerandom"]
    assert list(found["decoder_a"] + found["decoder_b"]) == ["ab", "ac", "bc", "ab"]
    differences = np.subtract(a, b)
    error = np.sqrt((1 / 5 + 20 / 80) * differences.var(ddof=1))
    t = differences.mean() / error
    first = found.iloc[0]
    assert first["difference"] == pytest.approx(0.12)
    assert first["t"] == pytest.approx(t)
    assert first["df"] == 4
    assert first["p"] == pytest.approx(2 * stats.t.sf(t, 4))
    half = stats.t.ppf(0.975, 4) * error
    assert (first["ci_low"], first["ci_high"]) == pytest.approx((0.12 - half, 0.12 + half))
    smallest = found["p"][:3].min()
    assert found["p_holm"][:3].min() == pytest.approx(3 * smallest), "three pairs are a family"
    assert found["p_holm"][3] == pytest.approx(found["p"][3]), "one pair is a family of its own"


def test_unequal_labels_are_compared_by_the_area_of_the_folds_that_have_one() -> None:
    same = [0.85, 0.85, 0.85, 0.85]
    areas = {"a": [0.7, 0.8, None, 0.6], "b": [0.5, 0.5, None, 0.5]}
    found = compared(_folds({("one", "session", "a"): same, ("one", "session", "b"): same}, areas)).iloc[0]
    assert found["statistic"] == "auc"
    assert found["difference"] == pytest.approx(0.2)
    assert found["df"] == 2
    few = {"a": [0.7, None, None, None], "b": [0.5, None, None, None]}
    found = compared(_folds({("one", "session", "a"): same, ("one", "session", "b"): same}, few)).iloc[0]
    assert (found["statistic"], found["difference"]) == ("accuracy", 0), "one fold cannot be compared"


def test_one_decoder_alone_is_compared_with_none() -> None:
    found = compared(_folds({("one", "blocked", "a"): [0.1, 0.2]}))
    assert len(found) == 0
    assert {"store", "split", "decoder_a", "decoder_b", "difference", "p_holm"} <= set(found)
