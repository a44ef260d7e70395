import numpy as np
import pytest

from mindglyph.evaluation.pictures import score_pictures
from mindglyph.images.judge import packaged_judge
from mindglyph.images.sets import load_digits
from mindglyph.reconstruction import Reconstructions

EACH = 10


def _pictures(drawn: str, label_only: str, n: int = 400, known: bool = True) -> Reconstructions:
    digits = load_digits("test")
    places = np.random.default_rng(0).permutation(len(digits))[:n]
    seen, labels = digits.images[places], digits.labels[places]
    make = {"seen": seen / 255, "mean": np.stack([seen[labels == digit].mean(axis=0) / 255 for digit in labels])}
    make["noise"] = np.random.default_rng(1).random((n, 28, 28))
    bank = np.concatenate([digits.images[digits.labels == digit][:EACH] for digit in range(10)])
    said = labels if drawn != "noise" else np.random.default_rng(2).integers(10, size=n)
    return Reconstructions(
        trial=np.arange(n),
        fold=np.arange(n) * 2 // n,
        labels=labels,
        probabilities=np.eye(10)[said],
        accepted=np.arange(n) % 4 > 0,
        drawn=make[drawn],
        deviation=np.zeros((n, 28, 28)),
        candidates=EACH * said[:, None],
        weights=np.ones((n, 1)),
        label_only=make[label_only],
        class_mean=make["mean"],
        bank=bank,
        alignments=np.array(["ridge", "none"]),
        seen=seen if known else None,
    )


def test_the_very_picture_is_found_and_gains_over_its_label() -> None:
    scores = score_pictures(_pictures("seen", "mean"), packaged_judge(), 200, seed=0)
    for n_way in ("2", "10"):
        assert scores["identification"][n_way]["drawn"] == pytest.approx(1.0)
        assert scores["within_digit"][n_way]["drawn"] == pytest.approx(1.0)
        assert scores["within_digit"][n_way]["p_value"] < 0.01
        assert scores["within_digit"][n_way]["label_only"] == pytest.approx(1 / int(n_way), abs=0.06)
    found = scores["identification"]["10"]
    assert 0.2 < found["label_only"] < 0.9
    assert found["shuffled"] == pytest.approx(0.1, abs=0.02)
    assert found["chance"] == 0.1
    gain = scores["gain"]
    assert gain["over_label_only"] == pytest.approx(1 - found["label_only"])
    assert gain["ci95"][0] < gain["over_label_only"] < gain["ci95"][1]
    assert gain["p_value"] < 0.01
    likeness = scores["similarity"]
    assert likeness["correlation"]["drawn"] == pytest.approx(1.0)
    assert likeness["ssim"]["drawn"] == pytest.approx(1.0)
    assert likeness["mse"]["drawn"] == pytest.approx(0.0, abs=1e-6)
    assert likeness["mse"]["p_value"] < 0.01
    assert likeness["mse"]["label_only"] > 0.01
    assert scores["judge"]["drawn"] > 0.97


def test_a_picture_that_holds_its_label_alone_gains_nothing() -> None:
    scores = score_pictures(_pictures("mean", "mean"), packaged_judge(), 200, seed=0)
    assert scores["identification"]["10"]["p_value"] < 0.01
    assert scores["gain"]["over_label_only"] == 0
    assert scores["gain"]["beyond_digit"] == pytest.approx(0, abs=0.02)
    assert scores["gain"]["p_value"] > 0.01
    within = scores["within_digit"]["10"]
    assert within["drawn"] == pytest.approx(within["label_only"])
    assert within["p_value"] > 0.01


def test_few_trials_of_each_digit_leave_that_score_out() -> None:
    scores = score_pictures(_pictures("seen", "mean", n=60), packaged_judge(), 200, seed=0)
    assert "10" not in scores["within_digit"]
    assert "50" not in scores["identification"]
    assert scores["identification"]["10"]["drawn"] == pytest.approx(1.0)


def test_noise_is_at_chance() -> None:
    scores = score_pictures(_pictures("noise", "noise"), packaged_judge(), 200, seed=0)
    assert scores["identification"]["10"]["drawn"] == pytest.approx(0.1, abs=0.05)
    for score in (scores["identification"]["10"], scores["judge"], scores["similarity"]["correlation"]):
        assert score["p_value"] > 0.01


def test_what_is_shown_is_counted_apart() -> None:
    accepted = score_pictures(_pictures("mean", "mean"), packaged_judge(), 200, seed=0)["accepted"]
    assert (accepted["n"], accepted["share"], accepted["accuracy"]) == (300, 0.75, 1.0)


def test_what_was_not_recorded_is_not_scored() -> None:
    scores = score_pictures(_pictures("mean", "mean", known=False), None, 200, seed=0)
    assert scores["seen_known"] is False
    assert "identification" not in scores
    assert scores["judge"] is None


def test_the_best_guess_of_a_simulation_stands_beside_the_correlation() -> None:
    scores = score_pictures(_pictures("mean", "mean"), None, 200, 0, {"picture_correlation": 0.7})
    assert scores["similarity"]["correlation"]["ceiling"] == 0.7
