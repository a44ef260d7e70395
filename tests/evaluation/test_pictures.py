import numpy as np
import pytest

from mindglyph.evaluation.pictures import score_pictures, winning_chances
from mindglyph.images.judge import packaged_judge
from mindglyph.images.sets import load_digits
from mindglyph.reconstruction import Reconstructions


def _by_brute_force(similarity: np.ndarray, candidate: int, n_way: int, rng: np.random.Generator) -> float:
    others = np.delete(similarity, candidate)
    wins = 0.0
    for _ in range(20_000):
        chosen = rng.choice(others, n_way - 1, replace=False)
        equal = np.count_nonzero(chosen == similarity[candidate])
        wins += 0.0 if chosen.max() > similarity[candidate] else 1 / (1 + equal)
    return wins / 20_000


@pytest.mark.parametrize("ties", [False, True])
def test_winning_chances_are_exact(ties: bool) -> None:
    rng = np.random.default_rng(0)
    similarity = rng.integers(5, size=(3, 12)).astype(float) if ties else rng.random((3, 12))
    chances = winning_chances(similarity, n_way=4)
    np.testing.assert_allclose(chances.mean(axis=1), 1 / 4)
    for candidate in (0, 5):
        assert chances[1, candidate] == pytest.approx(_by_brute_force(similarity[1], candidate, 4, rng), abs=0.015)


def _pictures(drawn: np.ndarray, label_only: np.ndarray, n: int = 400, known: bool = True) -> Reconstructions:
    digits = load_digits("test")
    places = np.random.default_rng(0).permutation(len(digits))[:n]
    seen, labels = digits.images[places], digits.labels[places]
    make = {"seen": seen / 255, "mean": np.stack([seen[labels == digit].mean(axis=0) / 255 for digit in labels])}
    make["noise"] = np.random.default_rng(1).random((n, 28, 28))
    return Reconstructions(
        trial=np.arange(n),
        fold=np.arange(n) * 2 // n,
        labels=labels,
        probabilities=np.eye(10)[labels],
        drawn=make[drawn],
        deviation=np.zeros((n, 28, 28)),
        label_only=make[label_only],
        class_mean=make["mean"],
        seen=seen if known else None,
    )


def test_the_very_picture_is_found_and_gains_over_its_label() -> None:
    scores = score_pictures(_pictures("seen", "mean"), packaged_judge(), 200, seed=0)
    assert scores["identification"] == pytest.approx(1.0)
    assert scores["within_digit"] == pytest.approx(1.0)
    assert 0.2 < scores["label_only"] < 0.9
    assert scores["shuffled"] == pytest.approx(0.1, abs=0.02)
    assert scores["gain_beyond_digit"] == pytest.approx(1 - scores["shuffled_within_digit"])
    assert scores["gain_p_value"] < 0.01
    assert scores["judge_accuracy"] > 0.97


def test_a_picture_that_holds_its_label_alone_gains_nothing() -> None:
    scores = score_pictures(_pictures("mean", "mean"), packaged_judge(), 200, seed=0)
    assert scores["identification_p_value"] < 0.01
    assert scores["gain_beyond_digit"] == pytest.approx(0, abs=0.02)
    assert scores["gain_p_value"] > 0.01
    assert scores["within_digit"] == pytest.approx(scores["within_digit_label_only"])


def test_few_trials_of_each_digit_leave_that_score_out() -> None:
    scores = score_pictures(_pictures("seen", "mean", n=60), packaged_judge(), 200, seed=0)
    assert scores["within_digit"] is None
    assert scores["within_digit_n"] == 0
    assert scores["identification"] == pytest.approx(1.0)


def test_noise_is_at_chance() -> None:
    scores = score_pictures(_pictures("noise", "noise"), packaged_judge(), 200, seed=0)
    assert scores["identification"] == pytest.approx(0.1, abs=0.05)
    assert scores["identification_p_value"] > 0.01


def test_what_was_not_recorded_is_not_scored() -> None:
    scores = score_pictures(_pictures("mean", "mean", known=False), packaged_judge(), 200, seed=0)
    assert scores["seen_known"] is False
    assert scores["identification"] is None
    assert scores["judge_accuracy"] is not None
