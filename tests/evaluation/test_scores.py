import json

import numpy as np
import pandas as pd
import pytest

from mindglyph.errors import UserError
from mindglyph.evaluation import score_decoding
from mindglyph.evaluation.scores import fold_areas
from tests.evaluation.guesses import guesses


def test_a_score_is_never_alone() -> None:
    predictions = guesses(0.3)
    score = score_decoding(predictions, 0.6, 500, seed=0)
    right = predictions["label"] == predictions["predicted"]
    assert score.accuracy == pytest.approx(right.mean())
    assert score.ci95[0] <= score.ci95_independent[0] < score.accuracy < score.ci95_independent[1] <= score.ci95[1]
    assert (score.chance, score.ceiling, score.n_test) == (0.1, 0.6, 600)
    assert score.p_value == pytest.approx(1 / 501)
    assert score.majority == pytest.approx((predictions["label"] == 0).mean())
    assert score.chance < score.chance_bound < score.detectable < score.accuracy
    np.testing.assert_allclose(np.mean(score.folds), score.accuracy)
    assert np.trace(score.confusion) == right.sum()
    assert np.sum(score.confusion) == 600
    assert len(score.null) == 500
    assert "null" not in score.as_metrics()
    json.dumps(score.as_metrics(), allow_nan=False)


def test_probabilities_are_judged_where_there_are_some() -> None:
    predictions = guesses(0.3)
    without = score_decoding(predictions, None, 200, seed=0)
    assert (without.auc, without.top, without.reliability) == (None, [], None)
    # As sure of each of its answers as it is right.
    believed = np.full((600, 10), (1 - without.accuracy) / 9)
    believed[np.arange(600), predictions["predicted"]] = without.accuracy
    # In whatever order the columns stand.
    columns = {f"p_{digit}": believed[:, digit].astype(np.float32) for digit in (3, 1, 2, 0, 4, 5, 9, 8, 7, 6)}
    score = score_decoding(predictions.assign(**columns), None, 200, seed=0)
    assert score.reliability.ece == pytest.approx(0, abs=1e-6)
    assert score.reliability.brier < score.reliability.brier_frequencies
    assert score.reliability.log_loss < score.reliability.log_loss_frequencies
    assert score.auc > 0.6
    assert [one.chance for one in score.top] == [0.2, 0.3]
    assert score.accuracy < score.top[0].accuracy < score.top[1].accuracy
    metrics = score.as_metrics()
    assert sum(one["n"] for one in metrics["reliability"]["bins"]) == 600
    json.dumps(metrics, allow_nan=False)


def test_a_label_that_some_fold_did_not_learn_is_not_believed_there() -> None:
    predictions = guesses(0.5, n_classes=3)
    believed = np.full((600, 3), 1 / 3)
    columns = {f"p_{digit}": believed[:, digit] for digit in range(3)}
    table = predictions.assign(**columns)
    table.loc[table["fold"] == 0, "p_2"] = np.nan
    score = score_decoding(table, None, 200, seed=0)
    assert np.isfinite(score.reliability.brier)
    assert score.reliability.log_loss > np.log(3)


def test_rest_and_time_are_counted_in_where_they_are_known() -> None:
    predictions = guesses(0.5)
    plain = score_decoding(predictions, None, 200, seed=0)
    assert (plain.rest_baseline, plain.information.bits_per_minute) == (None, None)
    assert 0 < plain.information.bits_per_trial < np.log2(10)
    score = score_decoding(predictions, None, 200, seed=0, seconds=3.0, rest=150)
    assert score.rest_baseline == pytest.approx((150 + 60) / 750)
    assert score.information.bits_per_minute == pytest.approx(20 * plain.information.bits_per_trial)


def test_always_naming_the_most_frequent_transmits_nothing() -> None:
    labels = (np.random.default_rng(0).random(400) < 0.1).astype(int)
    table = pd.DataFrame({"fold": np.arange(400) // 200, "label": labels, "predicted": 0, "majority": 0})
    score = score_decoding(table, None, 200, seed=0)
    assert score.accuracy > 0.85
    assert score.information.bits_per_trial == 0
    assert score.kappa == pytest.approx(0)


def test_labels_are_exchanged_within_their_stretch_of_recording_only() -> None:
    # Two people saw digits of their own in every fold, and a decoder that knows only who it is tells no digit.
    rng = np.random.default_rng(0)
    person = np.arange(600) // 50 % 2
    labels = rng.integers(5, size=600) + 5 * person
    predicted = rng.integers(5, size=600) + 5 * person
    table = pd.DataFrame({"fold": np.arange(600) // 200, "label": labels, "predicted": predicted, "majority": 0})
    assert score_decoding(table, None, 500, seed=0).p_value < 0.01
    within = score_decoding(table.assign(group=[f"person {number}" for number in person]), None, 500, seed=0)
    assert within.p_value > 0.05
    assert np.mean(within.null) == pytest.approx(0.2, abs=0.02)


@pytest.mark.parametrize("n_trials", [450, 900, 1230])
def test_a_permutation_that_does_as_well_counts_against_the_score(n_trials: int) -> None:
    # With one fold the null is the accuracy itself, of which each value is a whole number of trials.
    predictions = guesses(0.0, n=n_trials, n_folds=1)
    score = score_decoding(predictions, None, 1000, seed=0)
    right = np.round(np.array(score.null) * n_trials)
    np.testing.assert_allclose(score.null, right / n_trials, atol=1e-6)
    as_well = np.count_nonzero(right >= round(score.accuracy * n_trials))
    assert np.count_nonzero(right == round(score.accuracy * n_trials)) > 10
    assert score.p_value == pytest.approx((1 + as_well) / 1001)


def test_an_area_is_compared_with_areas_of_the_same_folds() -> None:
    # The last fold has none of the rare label: a guess is at 0.5 all the same, observed and permuted.
    rng = np.random.default_rng(0)
    labels, folds = (rng.random(300) < 0.1).astype(int), np.arange(300) // 100
    labels[folds == 2] = 0
    believed = rng.random(300)
    table = pd.DataFrame({"fold": folds, "label": labels, "predicted": 0, "majority": 0})
    table = table.assign(p_0=1 - believed, p_1=believed)
    score = score_decoding(table, None, 500, seed=0)
    assert score.statistic == "auc"
    assert score.observed == pytest.approx(score.auc)
    areas = fold_areas(table)
    assert areas[2] is None
    assert np.mean(areas[:2]) == pytest.approx(score.auc)
    assert np.mean(score.null) == pytest.approx(0.5, abs=0.02)
    assert "observed" not in score.as_metrics()


def test_words_are_scored_like_numbers() -> None:
    predictions = guesses(0.2)
    words = np.array([f"word {digit}" for digit in range(10)], dtype=object)
    named = predictions.assign(**{name: words[predictions[name]] for name in ("label", "predicted", "majority")})
    one, other = (score_decoding(table, None, 300, seed=0) for table in (predictions, named))
    assert one.null == other.null
    assert one.p_value == other.p_value
    assert other.classes == words.tolist()


def test_a_label_that_is_decoded_and_never_shown_is_wrong() -> None:
    predictions = guesses(0.5).assign(predicted=lambda table: table["predicted"].where(table.index % 2 == 0, 77))
    score = score_decoding(predictions, None, 200, seed=0)
    right = predictions["label"] == predictions["predicted"]
    assert score.accuracy == pytest.approx(right.mean())
    assert max(score.null) < 0.2


def test_a_single_fold_is_scored() -> None:
    score = score_decoding(guesses(0.3).assign(fold=0), None, 200, seed=0)
    assert score.ci95 == score.ci95_independent
    assert score.folds == [pytest.approx(score.accuracy)]


def test_what_permuted_labels_get_is_less_than_chance_where_a_fold_has_what_training_lacks() -> None:
    # Each stretch has more of one label, and training on the other prefers the other label.
    labels = np.repeat([0, 1, 0, 1], [60, 40, 40, 60])
    fold = np.repeat([0, 1], 100)
    predictions = pd.DataFrame({"fold": fold, "label": labels, "predicted": 1 - fold, "majority": 1 - fold})
    score = score_decoding(predictions, None, 200, seed=0)
    assert score.null_mean == pytest.approx(0.4) == score.accuracy
    assert score.p_value > 0.9
    assert score_decoding(guesses(0.5), None, 2000, seed=0).null_mean == pytest.approx(0.1, abs=0.005)


def test_predictions_without_a_column_are_refused_with_its_name() -> None:
    with pytest.raises(UserError, match="have no column majority: give fold, label, predicted, majority"):
        score_decoding(guesses(0.5).drop(columns="majority"), None, 200, seed=0)
