import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, log_loss

from mindglyph.evaluation.reliability import expected_calibration_error, reliability, reliability_bins


def _beliefs(n: int, n_classes: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(n_classes), size=n)
    codes = np.array([rng.choice(n_classes, p=row) for row in probabilities])
    return probabilities, codes


@pytest.mark.parametrize("n_classes", [2, 10])
def test_brier_and_log_loss_are_scikit_learns_and_the_definitions(n_classes: int) -> None:
    probabilities, codes = _beliefs(500, n_classes)
    found = reliability(probabilities, codes)
    columns = np.arange(n_classes)
    expected = brier_score_loss(codes, probabilities, labels=columns, scale_by_half=False)
    assert found.brier == pytest.approx(expected)
    assert found.brier == pytest.approx(np.mean(np.sum((probabilities - np.eye(n_classes)[codes]) ** 2, axis=1)))
    assert found.log_loss == pytest.approx(log_loss(codes, probabilities, labels=columns))
    # What stands beside them is the score of the frequencies themselves.
    always = np.tile(np.bincount(codes, minlength=n_classes) / 500, (500, 1))
    frequencies = reliability(always, codes)
    assert found.brier_frequencies == pytest.approx(frequencies.brier)
    assert found.log_loss_frequencies == pytest.approx(frequencies.log_loss)


def test_a_label_that_is_never_shown_is_scored_too() -> None:
    probabilities, codes = _beliefs(200, 4)
    codes = np.where(codes == 3, 0, codes)
    found = reliability(probabilities, codes)
    assert found.brier == pytest.approx(np.mean(np.sum((probabilities - np.eye(4)[codes]) ** 2, axis=1)))


def test_one_certainty_of_the_wrong_is_no_infinite_surprise() -> None:
    found = reliability(np.eye(3)[[0, 1, 2]].astype(np.float32), np.array([0, 1, 1]))
    assert found.log_loss == pytest.approx(52 * np.log(2) / 3)
    assert found.brier == pytest.approx(2 / 3)


def test_a_known_miscalibration_is_found() -> None:
    # Believes with 0.9 and 0.6, and is right in 7 of 10 and 6 of 10: wrong by 0.2 and 0 on as many trials.
    confidence = np.repeat([0.9, 0.6], 1000)
    right = np.tile(np.arange(10) < 7, 100).tolist() + np.tile(np.arange(10) < 6, 100).tolist()
    bins = reliability_bins(confidence, np.array(right))
    assert expected_calibration_error(bins) == pytest.approx(0.1)
    assert sum(one.n for one in bins) == 2000
    filled = [one for one in bins if one.n]
    assert [(one.confidence, one.accuracy) for one in filled] == [
        (pytest.approx(0.6), pytest.approx(0.6)),
        (pytest.approx(0.9), pytest.approx(0.7)),
    ]


def test_overconfidence_costs_what_it_should() -> None:
    # Right with probability q, uniform between 0.5 and 1, and believed with its square root: the
    # calibration error tends to the integral of sqrt(q) - q.
    rng = np.random.default_rng(0)
    q = rng.uniform(0.5, 1, size=200_000)
    found = expected_calibration_error(reliability_bins(np.sqrt(q), rng.random(len(q)) < q))
    expected = (2 / 3 * (1 - 0.5**1.5) - 0.5 * (1 - 0.25)) / 0.5
    assert found == pytest.approx(expected, abs=0.003)


def test_who_means_what_he_says_has_hardly_any_error() -> None:
    probabilities, codes = _beliefs(50_000, 5)
    assert reliability(probabilities, codes).ece < 0.01


@given(st.integers(1, 40), st.integers(1, 20), st.integers(0, 1000))
def test_every_trial_is_in_one_bin_that_holds_its_belief(n: int, n_bins: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    confidence = rng.choice([0.0, 1.0, 0.2, rng.random()], size=n)
    bins = reliability_bins(confidence, rng.random(n) < 0.5, n_bins)
    assert len(bins) == n_bins
    assert sum(one.n for one in bins) == n
    for one in bins:
        if one.confidence is not None:
            assert one.low - 1e-9 <= one.confidence <= one.high + 1e-9
