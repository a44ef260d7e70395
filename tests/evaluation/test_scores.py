import numpy as np
import pandas as pd
import pytest

from mindglyph.evaluation import score_decoding, verdict


def _predictions(share_right: float, n: int = 600, n_classes: int = 10) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    labels = rng.integers(n_classes, size=n)
    guesses = rng.integers(n_classes, size=n)
    predicted = np.where(rng.random(n) < share_right, labels, guesses)
    return pd.DataFrame({"fold": np.arange(n) * 3 // n, "label": labels, "predicted": predicted, "majority": 0})


def test_a_score_is_never_alone() -> None:
    predictions = _predictions(0.3)
    score = score_decoding(predictions, 0.6, 500, seed=0)
    right = predictions["label"] == predictions["predicted"]
    assert score.accuracy == pytest.approx(right.mean())
    assert score.ci95[0] < score.accuracy < score.ci95[1]
    assert (score.chance, score.ceiling, score.n_test) == (0.1, 0.6, 600)
    assert score.p_value == pytest.approx(1 / 501)
    assert score.majority == pytest.approx((predictions["label"] == 0).mean())
    np.testing.assert_allclose(np.mean(score.folds), score.accuracy)
    assert np.trace(score.confusion) == right.sum()
    assert np.sum(score.confusion) == 600
    assert len(score.null) == 500
    assert "null" not in score.as_metrics()


def test_guessing_is_no_evidence() -> None:
    score = score_decoding(_predictions(0.0), None, 500, seed=0)
    assert score.p_value > 0.05
    sentence = verdict(score.as_metrics(), simulated=False)
    assert sentence.startswith("No evidence that the digit can be read from this recording (")
    assert "chance 10%" in sentence
    assert "600 trials" in sentence


def test_a_signal_is_named_with_its_figures() -> None:
    score = score_decoding(_predictions(0.5), 0.8, 500, seed=0)
    sentence = verdict(score.as_metrics(), simulated=True)
    assert sentence.startswith("The digit, one of 10, can be read from this simulated recording")
    assert "p ≤ 0.002," in sentence
    assert "80.0%" in sentence


def test_labels_that_are_no_digits_are_not_called_so() -> None:
    predictions = _predictions(0.0, n_classes=2).replace(
        {"label": {0: "face", 1: "house"}, "predicted": {0: "face", 1: "house"}}
    )
    assert "the label can be read" in verdict(score_decoding(predictions, None, 200, seed=0).as_metrics(), False)


def test_without_an_order_a_high_score_is_called_what_it_may_be() -> None:
    high, low = (score_decoding(_predictions(share), None, 500, seed=0).as_metrics() for share in (0.5, 0.0))
    assert "the score may come from the moment of recording alone" in verdict(high, False, ordered=False)
    assert "moment of recording" not in verdict(low, False, ordered=False)


def test_rare_labels_that_are_told_apart_are_not_called_guessing() -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(1000) < 0.15).astype(int)
    predicted = np.where(rng.random(1000) < 0.75, labels, 1 - labels)
    table = pd.DataFrame({"fold": np.arange(1000) // 500, "label": labels, "predicted": predicted, "majority": 0})
    score = score_decoding(table, None, 500, seed=0)
    assert score.accuracy < score.majority == pytest.approx(np.mean(labels == 0))
    assert score.balanced_accuracy == pytest.approx(0.75, abs=0.05)
    sentence = verdict(score.as_metrics(), simulated=False)
    assert "can be told from others" in sentence
    assert f"the most frequent, {score.majority:.1%}" in sentence
    # Always naming the most frequent label is still no evidence of anything.
    always = score_decoding(table.assign(predicted=0), None, 500, seed=0)
    assert always.balanced_accuracy == 0.5
    assert verdict(always.as_metrics(), False).startswith("No evidence")
