"""What else is said of a decoding beside its accuracy: kappa, area under the curve, bits, what a cheat would get.

References
----------
Cohen (1960), https://doi.org/10.1177/001316446002000104;
Forman & Scholz (2010), "Apples-to-apples in cross-validation studies",
https://doi.org/10.1145/1882471.1882479;
Hanley & McNeil (1982), on the area under the curve as a sum of ranks,
https://doi.org/10.1148/radiology.143.1.7063747;
Wolpaw et al. (2002), "Brain-computer interfaces for communication and control",
https://doi.org/10.1016/S1388-2457(02)00057-3.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata
from sklearn.metrics import cohen_kappa_score, roc_auc_score, top_k_accuracy_score


@dataclass(frozen=True)
class TopAccuracy:
    """How often the label shown is among the likeliest few.

    Attributes
    ----------
    k : int
        How many are looked at.
    accuracy : float
        Share of trials whose label is among them.
    chance : float
        k / number of classes.
    """

    k: int
    accuracy: float
    chance: float


@dataclass(frozen=True)
class InformationRate:
    """What a speller with this decoder would transmit (Wolpaw).

    Attributes
    ----------
    bits_per_trial : float
        0 at chance and below.
    bits_per_minute : float or None
        None where the time from one trial to the next is not known.
    """

    bits_per_trial: float
    bits_per_minute: float | None


def kappa(labels: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return Cohen's kappa: agreement beyond that of guessing as often; None where all is one label.

    Parameters
    ----------
    labels : ndarray, shape (n_trials,)
        True ones.
    predicted : ndarray, shape (n_trials,)
        Those decoded.

    Returns
    -------
    float or None
        1 is agreement, 0 that of guessing.
    """
    if len(np.union1d(labels, predicted)) < 2:
        return None
    return float(cohen_kappa_score(labels, predicted))


def top_accuracies(probabilities: np.ndarray, codes: np.ndarray, counts: tuple[int, ...] = (2, 3)) -> list[TopAccuracy]:
    """Return how often the label shown is among the likeliest few.

    Parameters
    ----------
    probabilities : ndarray, shape (n_trials, n_classes)
        Of each label.
    codes : ndarray of int, shape (n_trials,)
        Column of the label that was shown.
    counts : tuple of int
        How many labels are looked at; left out where there are no more labels than that.

    Returns
    -------
    list of TopAccuracy
        One a count.
    """
    n_classes = probabilities.shape[1]
    columns = np.arange(n_classes)
    return [
        TopAccuracy(k, float(top_k_accuracy_score(codes, probabilities, k=k, labels=columns)), k / n_classes)
        for k in counts
        if k < n_classes
    ]


def area_under_curve(probabilities: np.ndarray, codes: np.ndarray, folds: np.ndarray) -> float | None:
    """Return the macro one-vs-rest area under the ROC curve, as a mean over folds.

    Each fold's decoder has its own scale of probabilities, so that trials are ranked within
    their fold only: pooled over folds, guessing would not be at 0.5.

    Parameters
    ----------
    probabilities : ndarray, shape (n_trials, n_classes)
        Of each label.
    codes : ndarray of int, shape (n_trials,)
        Column of the label that was shown.
    folds : ndarray, shape (n_trials,)
        Fold of each trial.

    Returns
    -------
    float or None
        Weighed by the folds' trials; None where no fold has trials of every label.
    """
    n_classes = probabilities.shape[1]
    areas, weights = [], []
    for fold in np.unique(folds):
        own = folds == fold
        if len(np.unique(codes[own])) < n_classes:
            continue
        believed = probabilities[own, 1] if n_classes == 2 else probabilities[own]
        areas.append(roc_auc_score(codes[own], believed, multi_class="ovr", average="macro"))
        weights.append(own.sum())
    return float(np.average(areas, weights=weights)) if areas else None


def rank_worth(probabilities: np.ndarray, codes: np.ndarray, folds: np.ndarray) -> np.ndarray:
    """Return what each trial adds to the macro area under the curve if it is of each class.

    With the labels permuted within folds the area is the sum of what the trials add by their
    new labels (Mann and Whitney), so that thousands of permutations are as many sums.

    Parameters
    ----------
    probabilities : ndarray, shape (n_trials, n_classes)
        Of each label.
    codes : ndarray of int, shape (n_trials,)
        Column of the label that was shown: how often each occurs in a fold is what counts.
    folds : ndarray, shape (n_trials,)
        Fold of each trial.

    Returns
    -------
    ndarray, shape (n_trials, n_classes)
        Summed over the trials at their own labels it is the mean of the folds' areas, weighed by
        their trials: in each fold that of the labels that it has, and of the folds those that have
        two labels at least. Trials of the other folds add nothing.
    """
    worth, n_counted = np.zeros(probabilities.shape), 0
    for fold in np.unique(folds):
        own = np.flatnonzero(folds == fold)
        counts = np.bincount(codes[own], minlength=probabilities.shape[1])
        told = np.flatnonzero((counts > 0) & (counts < len(own)))
        if not len(told):
            continue
        n_counted += len(own)
        ranks = rankdata(probabilities[own][:, told], axis=0) - (counts[told] + 1) / 2
        areas = ranks / (counts[told] * (len(own) - counts[told]))
        worth[np.ix_(own, told)] = areas * len(own) / len(told)
    return worth / max(1, n_counted)


def information_rate(accuracy: float, n_classes: int, seconds: float | None = None) -> InformationRate:
    """Return the bits that a decoder transmits, by Wolpaw's formula.

    It holds where all labels are as frequent and all errors as likely.

    Parameters
    ----------
    accuracy : float
        Where labels are not as frequent, the balanced one: always naming the most frequent
        transmits nothing.
    n_classes : int
        Labels to choose from, at least 2.
    seconds : float, optional
        From the beginning of a trial to that of the next.

    Returns
    -------
    InformationRate
        Bits a trial and a minute.
    """
    bits = 0.0
    if accuracy > 1 / n_classes:
        wrong = 1 - accuracy
        bits = np.log2(n_classes) + accuracy * np.log2(accuracy)
        bits += wrong * np.log2(wrong / (n_classes - 1)) if wrong > 0 else 0.0
    return InformationRate(float(bits), None if seconds is None else float(bits * 60 / seconds))


def rest_baseline(n_shown: int, n_rest: int, n_classes: int) -> float | None:
    """Return the accuracy of telling rest perfectly and guessing the digit, were rest counted as a class.

    Parameters
    ----------
    n_shown : int
        Trials with a digit.
    n_rest : int
        Trials without, of code -1.
    n_classes : int
        Digits.

    Returns
    -------
    float or None
        None where there is no rest. An accuracy with rest among the classes says something of
        digits only above this one.
    """
    if n_rest == 0:
        return None
    return (n_rest + n_shown / n_classes) / (n_rest + n_shown)
