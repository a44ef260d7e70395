"""How far a score can be chance: intervals and block permutation.

References
----------
Wilson (1927), https://doi.org/10.1080/01621459.1927.10502953;
Phipson & Smyth (2010), "Permutation p-values should never be zero",
https://doi.org/10.2202/1544-6115.1585;
Liu & Xie (2020), "Cauchy combination test", https://doi.org/10.1080/01621459.2018.1554485;
Winkler et al. (2015), "Multi-level block permutation", https://doi.org/10.1016/j.neuroimage.2015.05.092.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binom, binomtest

_AT_ONCE = 250  # permutations held in memory


def interval(n_right: int, n_trials: int) -> tuple[float, float]:
    """Return Wilson's 95% interval of an accuracy.

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


def chance_bound(n_trials: int, chance: float) -> float:
    """Return the accuracy that pure guessing exceeds in 1 of 20 recordings of this length."""
    return float(binom.ppf(0.95, n_trials, chance)) / n_trials


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


def block_permutations(
    folds: np.ndarray, length: int, n_permutations: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield permutations that keep trials of a block together and every trial in its fold.

    Parameters
    ----------
    folds : ndarray, shape (n_trials,)
        Fold of each trial; trials of a fold stand in the order of recording.
    length : int
        Trials a block.
    n_permutations : int
        How many.
    rng : Generator
        For the order and for where the blocks begin.

    Yields
    ------
    ndarray, shape (n, n_trials)
        Places, for some of the permutations at a time.
    """
    places = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    for start in range(0, n_permutations, _AT_ONCE):
        n = min(_AT_ONCE, n_permutations - start)
        permuted = np.empty((n, len(folds)), dtype=np.int64)
        for own in places:
            # Blocks begin anywhere on the circle of the fold's trials, so no two trials are always together.
            shift = rng.integers(len(own), size=(n, 1))
            n_blocks = -(-len(own) // length)
            ranks = rng.random((n, n_blocks)).argsort(axis=1).astype(np.int16)
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
    """Return the share of permutations that do at least as well, the observed one counted in."""
    return float((1 + np.count_nonzero(null >= observed - 1e-12)) / (1 + len(null)))
