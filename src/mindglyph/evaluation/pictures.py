"""Scores of pictures, each beside its controls: label only, shuffled EEG, class mean.

Any generator draws a good 7 from the label "7" alone, so a score of a picture says nothing
until the same score of the controls stands beside it. The headline is the gain beyond the
digit: the score less what it becomes when the pictures drawn are exchanged among trials of
the same digit. A plain difference to label only would also count how well either control
happens to be drawn.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.special import gammaln
from scipy.stats import rankdata

from mindglyph.evaluation.statistics import block_length, block_permutations, interval, permutation_p_value
from mindglyph.images.judge import Judge
from mindglyph.images.metrics import similarities
from mindglyph.reconstruction import Reconstructions

N_WAY = 10
"""Pictures among which the one seen is to be found."""


def winning_chances(similarity: np.ndarray, n_way: int = N_WAY) -> np.ndarray:
    """Return how often each candidate would be picked as the picture seen.

    Parameters
    ----------
    similarity : ndarray, shape (n_drawn, n_candidates)
        Of each drawn picture with each candidate.
    n_way : int
        The candidate stands beside `n_way` - 1 others drawn at random; the most similar wins.

    Returns
    -------
    ndarray, shape (n_drawn, n_candidates)
        Exact expectation over all choices of the others; ties are shared. The mean of each
        row is 1 / n_way.
    """
    n_candidates = similarity.shape[1]
    n_way = min(n_way, n_candidates)

    def wins(below: np.ndarray) -> np.ndarray:
        # Choices of n_way - 1 others, all among those below, over all choices.
        possible = below >= n_way - 1
        below = np.where(possible, below, n_way - 1)
        logarithm = gammaln(below + 1) - gammaln(below - n_way + 2)
        everything = gammaln(n_candidates) - gammaln(n_candidates - n_way + 1)
        return np.where(possible, np.exp(logarithm - everything), 0.0)

    lowest = rankdata(similarity, method="min", axis=1) - 1
    highest = rankdata(similarity, method="max", axis=1) - 1
    if (lowest == highest).all():
        return wins(lowest)
    # Candidates of equal similarity share what the whole group of them wins.
    result = np.empty_like(lowest, dtype=np.float64)
    orders = wins(np.arange(n_candidates, dtype=np.float64))
    cumulated = np.concatenate([[0.0], np.cumsum(orders)])
    low, high = lowest.astype(int), highest.astype(int)
    result[:] = (cumulated[high + 1] - cumulated[low]) / (high + 1 - low)
    return result


def score_pictures(pictures: Reconstructions, judge: Judge, n_permutations: int, seed: int) -> dict[str, Any]:
    """Score reconstructions and their controls.

    Parameters
    ----------
    pictures : Reconstructions
        Of all tested trials.
    judge : Judge
        Says which digit a picture shows.
    n_permutations : int
        For the p-values and the shuffled control.
    seed : int
        Of the permutations.

    Returns
    -------
    dict
        `identification` (10-way, by pixel correlation, among the pictures of the same fold)
        with `identification_chance`, `identification_p_value`; the same score of the controls
        as `label_only`, `shuffled`, `class_mean`; `gain_beyond_digit` with its p-value;
        `within_digit` and its control, among pictures of the same digit, None where no digit
        has enough; `correlation`; `judge_accuracy` with its interval and controls. What needs the picture seen is None
        where that is not known.
    """
    rng = np.random.default_rng(seed)
    length = block_length(pictures.labels)
    permutations = np.concatenate(list(block_permutations(pictures.fold, length, n_permutations, rng)))
    scores: dict[str, Any] = {"n_test": len(pictures.labels), "n_way": N_WAY, **_judged(pictures, judge, permutations)}
    if pictures.seen is None:
        unknown = ("identification", "identification_chance", "label_only", "shuffled", "class_mean")
        return {**scores, **dict.fromkeys(unknown), "seen_known": False}
    return {**scores, **_identified(pictures, permutations, rng), "seen_known": True}


def _judged(pictures: Reconstructions, judge: Judge, permutations: np.ndarray) -> dict[str, Any]:
    read = {name: judge.predict(getattr(pictures, name)) for name in ("drawn", "label_only", "class_mean")}
    right = {name: float(np.mean(digits == pictures.labels)) for name, digits in read.items()}
    shuffled = np.array([np.mean(read["drawn"] == pictures.labels[places]) for places in permutations])
    n_right = round(right["drawn"] * len(pictures.labels))
    return {
        "judge_accuracy": right["drawn"],
        "judge_chance": 1 / len(np.unique(pictures.labels)),
        "judge_ci95": interval(n_right, len(pictures.labels)),
        "judge_p_value": permutation_p_value(right["drawn"], shuffled),
        "judge_controls": {
            "label_only": right["label_only"],
            "shuffled": float(shuffled.mean()),
            "class_mean": right["class_mean"],
        },
    }


def _identified(pictures: Reconstructions, permutations: np.ndarray, rng: np.random.Generator) -> dict[str, Any]:
    assert pictures.seen is not None
    n_trials = len(pictures.labels)
    own = {name: np.zeros(n_trials) for name in ("drawn", "label_only", "class_mean")}
    within = {name: np.full(n_trials, np.nan) for name in own}
    correlation = np.zeros(n_trials)
    shuffled, same_digit = np.zeros(len(permutations)), np.zeros(len(permutations))
    for fold in np.unique(pictures.fold):
        places = np.flatnonzero(pictures.fold == fold)
        local = np.zeros(n_trials, dtype=np.int64)
        local[places] = np.arange(len(places))
        for name in own:
            similarity = similarities(getattr(pictures, name)[places], pictures.seen[places])
            chances = winning_chances(similarity)
            own[name][places] = chances.diagonal()
            within[name][places] = _within_digit(similarity, pictures.labels[places])
            if name == "drawn":
                correlation[places] = similarity.diagonal()
                # Shuffled EEG: the picture drawn from another trial's recording.
                candidates = np.arange(len(places))
                shuffled += np.array([chances[local[order[places]], candidates].sum() for order in permutations])
                same_digit += _shuffled_within_digit(chances, pictures.labels[places], len(permutations), rng)
    shuffled, same_digit = shuffled / n_trials, same_digit / n_trials
    identification = float(own["drawn"].mean())
    return {
        "identification": identification,
        "identification_ci95": _mean_interval(own["drawn"], rng),
        "identification_chance": 1 / N_WAY,
        "identification_p_value": permutation_p_value(identification, shuffled),
        "label_only": float(own["label_only"].mean()),
        "shuffled": float(shuffled.mean()),
        "class_mean": float(own["class_mean"].mean()),
        "shuffled_within_digit": float(same_digit.mean()),
        "gain_beyond_digit": identification - float(same_digit.mean()),
        "gain_p_value": permutation_p_value(identification, same_digit),
        "within_digit": _mean_or_none(within["drawn"]),
        "within_digit_label_only": _mean_or_none(within["label_only"]),
        "within_digit_n": int(np.isfinite(within["drawn"]).sum()),
        "correlation": float(correlation.mean()),
    }


def _shuffled_within_digit(
    chances: np.ndarray, labels: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> np.ndarray:
    """Return the summed winning chances when pictures drawn are exchanged among trials of the same digit.

    Whatever the recording tells of the digit stays in place; what it tells of the very
    picture is lost.
    """
    total = np.zeros(n_permutations)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        orders = rng.random((n_permutations, len(places))).argsort(axis=1)
        total += chances[places[orders], places].sum(axis=1)
    return total


def _within_digit(similarity: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return the winning chance of the picture seen among those of its own digit, NaN where there are too few."""
    result = np.full(len(labels), np.nan)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        if len(places) >= N_WAY:
            result[places] = winning_chances(similarity[np.ix_(places, places)]).diagonal()
    return result


def _mean_or_none(values: np.ndarray) -> float | None:
    """Return the mean of the finite values, None where there are none."""
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else None


def _mean_interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Return the 95% bootstrap interval of a mean over trials."""
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
