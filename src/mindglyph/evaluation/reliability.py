"""Whether a decoder's probabilities mean what they say: Brier score, log loss, expected calibration error.

How the probabilities are made honest in the first place is the subject of `decoders.calibration`.

References
----------
Brier (1950), https://doi.org/10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2;
Guo et al. (2017), "On calibration of modern neural networks",
https://doi.org/10.48550/arXiv.1706.04599.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import entropy
from sklearn.metrics import brier_score_loss, log_loss

BINS = 15
"""As many as Guo et al. take."""


@dataclass(frozen=True)
class ReliabilityBin:
    """The trials whose most likely label was believed about as much.

    Attributes
    ----------
    low, high : float
        Bounds of the belief; `low` itself belongs to the bin below.
    n : int
        Trials.
    confidence : float or None
        Mean belief; None where there are no trials.
    accuracy : float or None
        Share of them that was decoded rightly.
    """

    low: float
    high: float
    n: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True)
class Reliability:
    """How good probabilities are, each figure beside that of who only knows how frequent labels are.

    Attributes
    ----------
    brier : float
        Mean over trials of the squared distance of the probabilities from what was shown,
        summed over labels: 0 is perfect, 2 is certain of the wrong.
    brier_frequencies : float
        That of always saying how frequent each label is among the tested trials.
    log_loss : float
        Mean surprise by the label shown, nats. A certainty of the wrong counts as
        surprise of one in 2^52, so that one trial does not make it infinite.
    log_loss_frequencies : float
        That of always saying how frequent each label is.
    ece : float
        Expected calibration error: mean distance, over trials, of the belief in the most
        likely label from how often it is right. It is never quite 0: with few trials a bin, chance alone
        sets the two apart.
    bins : list of ReliabilityBin
        What the error is made of, for a figure.
    """

    brier: float
    brier_frequencies: float
    log_loss: float
    log_loss_frequencies: float
    ece: float
    bins: list[ReliabilityBin]


def reliability(probabilities: np.ndarray, codes: np.ndarray, n_bins: int = BINS) -> Reliability:
    """Judge probabilities by what was shown.

    Parameters
    ----------
    probabilities : ndarray, shape (n_trials, n_classes)
        Rows sum to 1.
    codes : ndarray of int, shape (n_trials,)
        Column of the label that was shown.
    n_bins : int
        Bins of equal width for the calibration error.

    Returns
    -------
    Reliability
        All figures.
    """
    n_classes = probabilities.shape[1]
    frequencies = np.bincount(codes, minlength=n_classes) / len(codes)
    columns = np.arange(n_classes)
    confidence = probabilities.max(axis=1)
    bins = reliability_bins(confidence, probabilities.argmax(axis=1) == codes, n_bins)
    # Of double precision whatever came in, so that the surprise is bounded by the same.
    return Reliability(
        brier=float(brier_score_loss(codes, probabilities, labels=columns, scale_by_half=False)),
        brier_frequencies=float(1 - np.sum(frequencies**2)),
        log_loss=float(log_loss(codes, probabilities.astype(np.float64), labels=columns)),
        log_loss_frequencies=float(entropy(frequencies)),
        ece=expected_calibration_error(bins),
        bins=bins,
    )


def reliability_bins(confidence: np.ndarray, right: np.ndarray, n_bins: int = BINS) -> list[ReliabilityBin]:
    """Sort trials into bins of equal width by how much their most likely label was believed.

    Parameters
    ----------
    confidence : ndarray, shape (n_trials,)
        Probability of the most likely label.
    right : ndarray of bool, shape (n_trials,)
        Whether it was the one shown.
    n_bins : int
        Between 0 and 1.

    Returns
    -------
    list of ReliabilityBin
        From the lowest to the highest, empty ones among them.
    """
    edges = np.linspace(0, 1, n_bins + 1)
    places = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, n_bins - 1)
    found = []
    for number in range(n_bins):
        own = places == number
        n = int(own.sum())
        found.append(
            ReliabilityBin(
                low=float(edges[number]),
                high=float(edges[number + 1]),
                n=n,
                confidence=float(confidence[own].mean()) if n else None,
                accuracy=float(right[own].mean()) if n else None,
            )
        )
    return found


def expected_calibration_error(bins: list[ReliabilityBin]) -> float:
    """Return the mean distance of belief from accuracy, each bin weighed by its trials."""
    total = sum(one.n for one in bins)
    distances = (
        one.n * abs(one.confidence - one.accuracy)
        for one in bins
        if one.confidence is not None and one.accuracy is not None
    )
    return sum(distances) / total
