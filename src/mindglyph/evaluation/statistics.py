"""How far a score can be chance: intervals, block permutation, and what could have been found.

References
----------
Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953;
Nadeau & Bengio (2003), "Inference for the generalization error",
https://doi.org/10.1023/A:1024068626366;
Bates, Hastie & Tibshirani (2024), "Cross-validation: what does it estimate and how well does it do it?",
https://doi.org/10.1080/01621459.2023.2197686;
Combrisson & Jerbi (2015), "Exceeding chance level by chance", https://doi.org/10.1016/j.jneumeth.2015.01.010;
Phipson & Smyth (2010), "Permutation p-values should never be zero",
https://doi.org/10.2202/1544-6115.1585;
Liu & Xie (2020), "Cauchy combination test", https://doi.org/10.1080/01621459.2018.1554485;
Winkler et al. (2015), "Multi-level block permutation", https://doi.org/10.1016/j.neuroimage.2015.05.092.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import beta, binom, binomtest
from scipy.stats import t as student

SIGNIFICANT = 0.05
"""Probability of finding something where there is nothing."""

POWER = 0.8
"""Share of the recordings in which what is called detectable would be found."""

_AT_ONCE = 250  # permutations held in memory
_PLACES_AT_ONCE = 4_000_000  # and their trials, 8 bytes each


def interval(n_right: int, n_trials: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of an accuracy, for answers that are independent of one another.

    Parameters
    ----------
    n_right, n_trials : int
        Right answers, and all answers.

    Returns
    -------
    low, high : float
        Between 0 and 1.
    """
    found = binomtest(n_right, n_trials).proportion_ci(confidence_level=0.95, method="wilson")
    return float(found.low), float(found.high)


def mean_variance(fold_variance: float, n_folds: int, test_to_train: float) -> float:
    """Return the variance of a mean over folds, by Nadeau and Bengio's correction.

    Parameters
    ----------
    fold_variance : float
        Of the folds' values, with `n_folds` - 1 in the denominator.
    n_folds : int
        How many.
    test_to_train : float
        Tested trials a fold over those it learned from. Folds learn from one another's
        trials, so that their values are correlated, which dividing by `n_folds` alone would
        leave out.

    Returns
    -------
    float
        (1 / n_folds + test_to_train) x `fold_variance`.
    """
    return (1 / n_folds + test_to_train) * fold_variance


def fold_interval(right: np.ndarray, folds: np.ndarray) -> tuple[float, float]:
    """Return the 95% interval of an accuracy by cross-validation.

    It is an interval of the accuracy that this kind of decoder reaches on average over
    recordings like this one: of the same person and headset, as long, and as much drift in
    them. It is not one of other persons, unless every fold is a person.

    Wilson's interval is too narrow for that, for two reasons. Folds learn from one another's
    trials: what makes two trials look alike by chance helps or hurts when the one is learned
    from and the other tested, and once more when they change places. And neighbours share
    the brain's state: where attention waxes and wanes, right answers come in clusters, so that
    there are fewer independent ones than trials. So the spread between folds is taken as it
    is, with Nadeau and Bengio's correction for what the folds share and Student's t for how few
    they are. It is put into Wilson's form, as the number of independent trials that would spread
    as much, and is never narrower than Wilson's own.

    By `benchmarks/intervals.py` (1,000 recordings in each of 17 worlds) Wilson's interval covers
    88 to 94% where neither state nor runs of equal labels join neighbours, and 41 to 75% where
    they do; this one covers 94 to 99%. Where trials are nearly independent, it covers 98 to 99%
    and is with five folds twice as wide as Wilson's: it errs on the side of doubt. A state that
    lasts for a good part of a fold brings it down to 94%.

    Parameters
    ----------
    right : ndarray of bool, shape (n_trials,)
        Whether each trial was decoded rightly.
    folds : ndarray, shape (n_trials,)
        Fold in which each was tested.

    Returns
    -------
    low, high : float
        Between 0 and 1. Two folds say so little of their spread that the interval swings from one
        recording to the next between Wilson's and nearly everything; a single fold says none, and
        Wilson's is returned.
    """
    n_trials, accuracy = len(right), float(np.mean(right))
    independent = interval(int(np.sum(right)), n_trials)
    _, places, sizes = np.unique(folds, return_inverse=True, return_counts=True)
    n_folds = len(sizes)
    if n_folds == 1:
        return independent
    by_fold = np.bincount(places, weights=right) / sizes
    # Folds of unequal size weigh as they do in the accuracy.
    fold_variance = float(np.sum(sizes * (by_fold - accuracy) ** 2) / n_trials) * n_folds / (n_folds - 1)
    variance = mean_variance(fold_variance, n_folds, test_to_train=1 / (n_folds - 1))
    if variance == 0:
        return independent
    quantile = float(student.ppf(0.975, n_folds - 1))
    effective = accuracy * (1 - accuracy) / variance
    scale = 1 + quantile**2 / effective
    centre = (accuracy + quantile**2 / (2 * effective)) / scale
    half = quantile * np.sqrt(variance + (quantile / (2 * effective)) ** 2) / scale
    return min(independent[0], float(centre - half)), max(independent[1], float(centre + half))


def chance_bound(n_trials: int, chance: float) -> float:
    """Return the accuracy that pure guessing exceeds in 1 of 20 recordings of this length (Combrisson & Jerbi)."""
    return float(binom.ppf(1 - SIGNIFICANT, n_trials, chance)) / n_trials


def detectable_accuracy(n_trials: int, chance: float) -> float | None:
    """Return the smallest accuracy that would be told from guessing in 4 of 5 recordings.

    By the exact one-sided binomial test at 5%, for independent trials: no test of as many could
    do better. The p of a `DecodingScore` is by permutation within each fold, combined by Cauchy's
    test so that it holds whatever folds share, and has less power. By `benchmarks/power.py` (300
    recordings, 10 labels, 5 folds) it finds this accuracy in 51% of recordings of 900 trials, where
    the binomial test finds it in 79%, and in 35% of those of 200.

    Parameters
    ----------
    n_trials : int
        Tested.
    chance : float
        Accuracy of guessing.

    Returns
    -------
    float or None
        None where so few trials could never tell anything, however many are right.
    """
    fewest = int(binom.isf(SIGNIFICANT, n_trials, chance)) + 1
    if fewest > n_trials:
        return None
    # P(at least `fewest` right) at an accuracy a is the distribution function of this beta at a.
    return float(beta.ppf(POWER, fewest, n_trials - fewest + 1))


def block_length(labels: np.ndarray, fewest: int = 10) -> int:
    """Return how many trials are to be permuted together.

    Parameters
    ----------
    labels : ndarray, shape (n_trials,)
        In the order of recording.
    fewest : int
        Length for labels in random order.

    Returns
    -------
    int
        Twice the mean run of equal labels, where that is longer: trials of one run are no
        independent evidence.
    """
    n_runs = 1 + np.count_nonzero(labels[1:] != labels[:-1])
    return max(fewest, int(np.ceil(2 * len(labels) / n_runs)))


def strata_of(folds: np.ndarray, groups: np.ndarray | None = None) -> np.ndarray:
    """Return which trials may be exchanged for one another: those of one fold and one stretch of recording.

    Parameters
    ----------
    folds : ndarray, shape (n_trials,)
        Fold of each trial.
    groups : ndarray, shape (n_trials,), optional
        Stretch of recording (subject, session) of each; None means a single one. A label of
        one person's recording says nothing about what another's could have been.

    Returns
    -------
    ndarray of int, shape (n_trials,)
        Equal for trials that may be exchanged.
    """
    if groups is None:
        return np.unique(folds, return_inverse=True)[1]
    pairs = np.stack([np.unique(part, return_inverse=True)[1] for part in (folds, groups)], axis=1)
    return np.unique(pairs, axis=0, return_inverse=True)[1].reshape(-1)


def block_permutations(
    strata: np.ndarray, length: int, n_permutations: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield permutations that keep trials of a block together and every trial in its stratum.

    Parameters
    ----------
    strata : ndarray, shape (n_trials,)
        Stratum of each trial, such as its fold; trials of a stratum stand in the order of recording.
    length : int
        Trials a block.
    n_permutations : int
        How many.
    rng : Generator
        For the order and for where the blocks begin.

    Yields
    ------
    ndarray, shape (n, n_trials)
        Places, for some of the permutations at a time, so that memory is bounded.
    """
    places = [np.flatnonzero(strata == stratum) for stratum in np.unique(strata)]
    at_once = max(1, min(_AT_ONCE, _PLACES_AT_ONCE // len(strata)))
    for start in range(0, n_permutations, at_once):
        n = min(at_once, n_permutations - start)
        permuted = np.empty((n, len(strata)), dtype=np.int64)
        for own in places:
            # Blocks begin anywhere on the circle of the stratum's trials, so no two trials are always together.
            shift = rng.integers(len(own), size=(n, 1))
            n_blocks = -(-len(own) // length)
            # The smallest type that holds them is sorted the fastest.
            ranks = rng.random((n, n_blocks)).argsort(axis=1).astype(np.min_scalar_type(n_blocks))
            order = np.repeat(ranks, length, axis=1)[:, : len(own)].argsort(axis=1, kind="stable")
            permuted[:, own] = own[(order + shift) % len(own)]
        yield permuted


def combined_p_value(p_values: np.ndarray) -> float:
    """Combine the p-values of folds that share training trials, by Cauchy's combination.

    Permuting the labels of one fold is exact, since its decoder never saw them. But the
    labels tested in one fold were learned from in the others, so that fold scores are not
    independent and their sum spreads wider than permutations within folds show. Cauchy's
    combination holds whatever the dependence, at the price of some power.

    Parameters
    ----------
    p_values : ndarray, shape (n_folds,)
        Each valid by itself.

    Returns
    -------
    float
        Between 0 and 1.
    """
    # A p of exactly 1, which few permutations can give, would outweigh everything else.
    statistic = np.mean(np.tan((0.5 - np.minimum(p_values, 0.99)) * np.pi))
    return float(0.5 - np.arctan(statistic) / np.pi)


def permutation_p_value(observed: float, null: np.ndarray) -> float:
    """Return the share of permutations that do at least as well, the observed one counted in.

    Parameters
    ----------
    observed : float
        The score.
    null : ndarray, shape (n_permutations,)
        Scores of the permutations.

    Returns
    -------
    float
        Above 0, at most 1.
    """
    return float((1 + np.count_nonzero(null >= observed - 1e-12)) / (1 + len(null)))
