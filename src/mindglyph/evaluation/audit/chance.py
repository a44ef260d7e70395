"""How far what was counted can be chance: runs of labels, labels against groups, counts against labels.

References
----------
Wald & Wolfowitz (1940), https://doi.org/10.1214/aoms/1177731909, and for more than two labels
Barton & David (1957), "Multiple runs", Biometrika 44;
Knijnenburg et al. (2009), "Fewer permutations, more accurate p-values", https://doi.org/10.1093/bioinformatics/btp211.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import gamma, norm

ALPHA = 1e-4
"""Below it, something is no chance. An audit makes some twenty tests and is made of every recording: at the usual 0.05
nearly all would be accused of something, at 0.0001 one in five hundred. What is wrong with a recording shows in
hundreds of trials, and is far below it; what it must reach beside it is a size that matters to a score."""

_PERMUTATIONS = 400


@dataclass(frozen=True)
class Runs:
    """Runs of equal labels.

    Attributes
    ----------
    found, expected : float
        How many there are, and how many labels in random order would have.
    repeated, repeated_expected : float
        Share of the trials with the label of the one before, and what it would be in random order.
    p_value : float
        Of as few runs by chance; labels that are balanced in blocks have more, and a p near 1.
    """

    found: int
    expected: float
    repeated: float
    repeated_expected: float
    p_value: float


def count_runs(codes: np.ndarray) -> Runs:
    """Compare the runs of labels with those of labels in random order.

    Parameters
    ----------
    codes : ndarray of int, shape (n_trials,)
        Number of each trial's label, in the order of recording.

    Returns
    -------
    Runs
        How many there are, and how many there would be.
    """
    n = float(len(codes))
    counts = np.bincount(codes).astype(np.float64)
    squares, cubes = (counts**2).sum(), (counts**3).sum()
    found = 1 + int(np.count_nonzero(codes[1:] != codes[:-1]))
    expected = (n * (n + 1) - squares) / n
    variance = (squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3) / (n**2 * (n - 1))
    p_value = float(norm.cdf((found + 0.5 - expected) / np.sqrt(variance))) if variance > 0 else 1.0
    return Runs(found, expected, (n - found) / (n - 1), (n - expected) / (n - 1), p_value)


@dataclass(frozen=True)
class Association:
    """How far groups of trials tell the label.

    Attributes
    ----------
    accuracy : float
        Share of the labels that is right by naming each group's most frequent one.
    by_chance : float
        The same where labels are permuted: small groups always have a most frequent label.
    p_value : float
        Of a chi-square as large by chance.
    """

    accuracy: float
    by_chance: float
    p_value: float

    @property
    def gain(self) -> float:
        """By how much groups tell more of the label than chance does."""
        return self.accuracy - self.by_chance


def associate(codes: np.ndarray, groups: np.ndarray, seed: int) -> Association:
    """Measure how far groups tell the label.

    Parameters
    ----------
    codes, groups : ndarray of int, shape (n_trials,)
        Number of each trial's label and of its group.
    seed : int
        For the permutations.

    Returns
    -------
    Association
        Its p-value is the tail of a gamma distribution with the mean and variance of the permutations,
        so it goes below what they can count, and holds for rare labels and small groups, for which the
        chi-square distribution does not.
    """
    rng = np.random.default_rng(seed)
    # Groups are numbered without a gap, lest an event number in the millions make a table of millions.
    _, places = np.unique(groups, return_inverse=True)
    shape = (int(places.max()) + 1, int(codes.max()) + 1)
    observed, accuracy = _chi_square(codes, places, shape)
    null = np.array([_chi_square(rng.permutation(codes), places, shape) for _ in range(_PERMUTATIONS)])
    return Association(accuracy, float(null[:, 1].mean()), upper_tail(observed, null[:, 0]))


def _chi_square(codes: np.ndarray, groups: np.ndarray, shape: tuple[int, int]) -> tuple[float, float]:
    counts = np.bincount(groups * shape[1] + codes, minlength=shape[0] * shape[1]).reshape(shape)
    rows, columns = counts.sum(axis=1, keepdims=True), counts.sum(axis=0, keepdims=True)
    expected = rows * columns / len(codes)
    terms = np.divide((counts - expected) ** 2, expected, out=np.zeros(shape), where=expected > 0)
    return float(terms.sum()), float(counts.max(axis=1).sum() / len(codes))


def upper_tail(observed: float, null: np.ndarray) -> float:
    """Return the p-value of a statistic that is positive.

    Parameters
    ----------
    observed : float
        The statistic.
    null : ndarray, shape (n_permutations,)
        What it is without an effect.

    Returns
    -------
    float
        The share of the permutations that reach it; where none does, the tail of a gamma distribution
        with their mean and variance.
    """
    reached = np.count_nonzero(null >= observed - 1e-12 * abs(observed))
    if reached:
        return float((1 + reached) / (1 + len(null)))
    mean, variance = float(null.mean()), float(null.var())
    if variance <= 1e-12 * max(1.0, mean**2):
        return 1.0
    return float(gamma.sf(observed, mean**2 / variance, scale=variance / mean))


def compare_shares(marked: np.ndarray, total: np.ndarray, seed: int) -> float:
    """Return the p-value of marked trials being spread over the labels as unevenly as they are.

    Parameters
    ----------
    marked, total : ndarray of int, shape (n_labels,)
        Trials of each label that are marked, such as rejected, and all of them.
    seed : int
        For the draws.

    Returns
    -------
    float
        Between 0 and 1.
    """
    n_marked = int(marked.sum())
    expected = total * n_marked / max(1, total.sum())
    if not 0 < n_marked < total.sum():
        return 1.0
    drawn = np.random.default_rng(seed).multivariate_hypergeometric(total, n_marked, size=10 * _PERMUTATIONS)

    def uneven(counts: np.ndarray) -> np.ndarray:
        return np.divide((counts - expected) ** 2, expected, where=expected > 0, out=np.zeros(counts.shape)).sum(-1)

    return upper_tail(float(uneven(marked.astype(np.float64))), uneven(drawn.astype(np.float64)))
