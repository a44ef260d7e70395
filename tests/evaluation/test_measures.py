import numpy as np
import pytest
from sklearn.metrics import cohen_kappa_score, roc_auc_score

from mindglyph.evaluation.measures import (
    area_under_curve,
    information_rate,
    kappa,
    rank_worth,
    rest_baseline,
    top_accuracies,
)


def _beliefs(n: int = 600, n_classes: int = 4, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    codes = rng.integers(n_classes, size=n)
    scores = np.exp(rng.standard_normal((n, n_classes)) + np.eye(n_classes)[codes])
    return scores / scores.sum(axis=1, keepdims=True), codes


# Wolpaw's formula worked by hand, as for four targets: 2 + 0.9 log2(0.9) + 0.1 log2(0.1 / 3) = 1.37.
@pytest.mark.parametrize(
    ("accuracy", "n_classes", "bits"),
    [(0.9, 4, 1.37), (0.8, 2, 0.28), (0.9, 2, 0.53), (1.0, 2, 1.0), (1.0, 10, 3.32), (0.5, 2, 0.0), (0.25, 4, 0.0)],
)
def test_bits_are_wolpaws(accuracy: float, n_classes: int, bits: float) -> None:
    assert information_rate(accuracy, n_classes).bits_per_trial == pytest.approx(bits, abs=0.005)


def test_below_chance_nothing_is_transmitted() -> None:
    assert information_rate(0.02, 10, seconds=2.0).bits_per_trial == 0
    assert information_rate(0.02, 10, seconds=2.0).bits_per_minute == 0
    assert information_rate(0.1 + 1e-9, 10).bits_per_trial == pytest.approx(0, abs=1e-9)


def test_a_minute_has_as_many_trials_as_fit() -> None:
    found = information_rate(0.9, 4, seconds=3.0)
    assert found.bits_per_minute == pytest.approx(20 * found.bits_per_trial)
    assert information_rate(0.9, 4).bits_per_minute is None


def test_who_only_tells_rest_is_named() -> None:
    assert rest_baseline(100, 0, 10) is None
    # Half rest: all of it right, and a tenth of the digits.
    assert rest_baseline(100, 100, 10) == pytest.approx(0.55)
    # The MindWave's published rows: 54,934 of digits, 12,701 of -1.
    assert rest_baseline(54_934, 12_701, 10) == pytest.approx((12_701 + 5_493.4) / 67_635)


def test_kappa_is_cohens() -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=200)
    predicted = np.where(rng.random(200) < 0.5, labels, 0)
    observed, chance = (
        np.mean(labels == predicted),
        sum(np.mean(labels == k) * np.mean(predicted == k) for k in (0, 1, 2)),
    )
    assert kappa(labels, predicted) == pytest.approx((observed - chance) / (1 - chance))
    assert kappa(labels, predicted) == pytest.approx(cohen_kappa_score(labels, predicted))
    assert kappa(labels, np.zeros(200, dtype=int)) == pytest.approx(0)
    assert kappa(np.zeros(5), np.zeros(5)) is None


def test_the_likeliest_few_hold_the_label_more_often() -> None:
    probabilities, codes = _beliefs()
    two, three = top_accuracies(probabilities, codes)
    ranks = (probabilities > probabilities[np.arange(len(codes)), codes][:, None]).sum(axis=1)
    assert (two.k, two.accuracy, two.chance) == (2, pytest.approx(np.mean(ranks < 2)), 0.5)
    assert (three.k, three.accuracy, three.chance) == (3, pytest.approx(np.mean(ranks < 3)), 0.75)
    # Among as many as there are the label always is.
    assert [one.k for one in top_accuracies(*_beliefs(n_classes=3))] == [2]
    assert top_accuracies(*_beliefs(n_classes=2)) == []


def test_the_area_is_scikit_learns_within_folds() -> None:
    probabilities, codes = _beliefs()
    folds = np.repeat([0, 1], [400, 200])
    one, other = (roc_auc_score(codes[own], probabilities[own], multi_class="ovr") for own in (folds == 0, folds == 1))
    assert area_under_curve(probabilities, codes, folds) == pytest.approx((2 * one + other) / 3)
    probabilities, codes = _beliefs(n_classes=2)
    alone = area_under_curve(probabilities, codes, np.zeros(600))
    assert alone == pytest.approx(roc_auc_score(codes, probabilities[:, 1]))


def test_a_fold_without_some_label_has_no_area() -> None:
    probabilities, codes = _beliefs()
    codes[:300] %= 2
    folds = np.repeat([0, 1], 300)
    assert area_under_curve(probabilities, codes, folds) == pytest.approx(
        roc_auc_score(codes[300:], probabilities[300:], multi_class="ovr")
    )
    assert area_under_curve(probabilities[:300], codes[:300], folds[:300]) is None


def test_guessing_has_an_area_of_a_half_although_folds_have_scales_of_their_own() -> None:
    # Each fold believes in the label that was rarer in it, as decoders do that saw the rest of the recording.
    rng = np.random.default_rng(0)
    folds = np.repeat(np.arange(10), 40)
    share = rng.uniform(0.2, 0.8, size=10)
    codes = (rng.random(400) < share[folds]).astype(int)
    believed = np.clip(1 - share[folds] + 0.01 * rng.standard_normal(400), 0, 1)
    probabilities = np.stack([1 - believed, believed], axis=1)
    assert roc_auc_score(codes, believed) < 0.4
    assert area_under_curve(probabilities, codes, folds) == pytest.approx(0.5, abs=0.07)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_what_trials_add_to_the_area_is_the_area_for_any_labels(n_classes: int) -> None:
    rng = np.random.default_rng(0)
    codes, folds = rng.integers(n_classes, size=300), np.repeat([0, 1, 2], [80, 100, 120])
    # Ties as well: beliefs in steps.
    probabilities = np.round(rng.dirichlet(np.ones(n_classes), size=300), 1)
    probabilities[:, -1] = 1 - probabilities[:, :-1].sum(axis=1)
    worth = rank_worth(probabilities, codes, folds)
    for _ in range(5):
        assert worth[np.arange(300), codes].sum() == pytest.approx(area_under_curve(probabilities, codes, folds))
        codes = np.concatenate([rng.permutation(codes[folds == fold]) for fold in range(3)])


def test_a_fold_of_one_label_does_not_count() -> None:
    codes, folds = np.array([0, 1, 0, 1, 0, 0]), np.array([0, 0, 0, 0, 1, 1])
    worth = rank_worth(np.tile([0.5, 0.5], (6, 1)), codes, folds)
    assert (worth[4:] == 0).all()
    assert worth[np.arange(6), codes].sum() == pytest.approx(0.5)
