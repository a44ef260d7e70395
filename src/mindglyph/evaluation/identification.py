"""How often the picture seen is found among others, and how often it would be by chance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln
from scipy.stats import rankdata

from mindglyph.evaluation.statistics import block_permutations

N_WAYS = (2, 10, 50)
"""Pictures among which the one seen is to be found, itself counted in."""

MOST_CANDIDATES = 1500
"""Trials of one fold whose pictures stand beside one another; a longer fold is cut into stretches."""


def winning_chances(similarity: np.ndarray, n_way: int) -> np.ndarray:
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


def stretches_of(folds: np.ndarray) -> Iterator[np.ndarray]:
    """Yield places of trials that are compared with one another: of one fold, and neighbours in time."""
    for fold in np.unique(folds):
        places = np.flatnonzero(folds == fold)
        yield from np.array_split(places, -(-len(places) // MOST_CANDIDATES))


@dataclass
class Identification:
    """Counts how often pictures are found, stretch by stretch.

    Attributes
    ----------
    own : dict of int to list of ndarray
        By the number of candidates: the chance of each trial to be found.
    shuffled : dict of int to ndarray, shape (n_permutations,)
        Sums of these chances with the pictures drawn exchanged among the trials.
    """

    n_permutations: int
    n_ways: Sequence[int] = N_WAYS
    own: dict[int, list[np.ndarray]] = field(default_factory=dict)
    shuffled: dict[int, np.ndarray] = field(default_factory=dict)

    def add(self, similarity: np.ndarray, orders: np.ndarray | None) -> None:
        """Count a stretch.

        Parameters
        ----------
        similarity : ndarray, shape (n, n)
            Of each picture drawn with each picture seen.
        orders : ndarray, shape (n_permutations, n), or None
            Permutations of the pictures drawn; None counts none.
        """
        shown = np.arange(len(similarity))
        for n_way in self.n_ways:
            if len(similarity) < n_way:
                continue
            chances = winning_chances(similarity, n_way)
            self.own.setdefault(n_way, []).append(chances.diagonal())
            if orders is not None:
                sums = self.shuffled.setdefault(n_way, np.zeros(self.n_permutations))
                sums += chances[orders, shown].sum(axis=1)

    def values(self, n_way: int) -> np.ndarray:
        """Return the chance of each trial counted, (n,)."""
        return np.concatenate(self.own[n_way])

    def null(self, n_way: int) -> np.ndarray:
        """Return the mean chances with pictures exchanged, (n_permutations,)."""
        return self.shuffled[n_way] / sum(map(len, self.own[n_way]))


def exchanged(length: int, n_trials: int, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Return permutations of the trials of a stretch in blocks: (n_permutations, n_trials).

    Parameters
    ----------
    length : int
        Trials of a block.
    n_trials : int
        Trials of the stretch.
    n_permutations : int
        How many.
    rng : Generator
        For the draws.

    Returns
    -------
    ndarray of int, shape (n_permutations, n_trials)
        Places in the stretch.
    """
    one_stretch = np.zeros(n_trials, dtype=np.int64)
    return np.concatenate(list(block_permutations(one_stretch, length, n_permutations, rng)))


def exchanged_within(labels: np.ndarray, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Return permutations among the trials of each label: (n_permutations, n_trials).

    Whatever the recording tells of the digit stays in place; what it tells of the very picture
    is lost.

    Parameters
    ----------
    labels : ndarray, shape (n_trials,)
        Of the stretch.
    n_permutations : int
        How many.
    rng : Generator
        For the draws.

    Returns
    -------
    ndarray of int, shape (n_permutations, n_trials)
        Places in the stretch.
    """
    orders = np.empty((n_permutations, len(labels)), dtype=np.int64)
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        orders[:, places] = places[rng.random((n_permutations, len(places))).argsort(axis=1)]
    return orders
