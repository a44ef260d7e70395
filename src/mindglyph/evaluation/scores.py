"""Scores of decoding, never alone: n, chance, interval, p, and what a guess would get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix, recall_score

from mindglyph.errors import UserError
from mindglyph.evaluation.measures import (
    InformationRate,
    TopAccuracy,
    area_under_curve,
    information_rate,
    kappa,
    rank_worth,
    rest_baseline,
    top_accuracies,
)
from mindglyph.evaluation.reliability import Reliability, reliability
from mindglyph.evaluation.statistics import (
    block_length,
    block_permutations,
    chance_bound,
    combined_p_value,
    detectable_accuracy,
    fold_interval,
    interval,
    permutation_p_value,
    strata_of,
)

UNEQUAL = 1.5
"""Labels of which one has more than so many times the trials of another are not judged by the accuracy."""


_NEEDED = ("fold", "label", "predicted", "majority")


@dataclass(frozen=True)
class DecodingScore:
    """How well labels were decoded on trials that were not learned from.

    Attributes
    ----------
    accuracy : float
        Share of trials decoded rightly, over all folds.
    balanced_accuracy : float
        Mean over the labels of the share of their trials decoded rightly: what the accuracy
        would be if all labels were shown as often.
    ci95 : tuple of float
        Interval of the accuracy that this kind of decoder reaches on average over recordings
        like this one; see `statistics.fold_interval`.
    ci95_independent : tuple of float
        Wilson's interval, as if trials were independent of one another: too narrow.
    chance : float
        1 / number of classes.
    chance_bound : float
        What guessing exceeds in 1 of 20 recordings of this length.
    detectable : float or None
        Smallest accuracy that would have been told from guessing in 4 of 5 recordings of this
        length; see `statistics.detectable_accuracy`. None where no accuracy would.
    statistic : {"accuracy", "auc"}
        What the p-value is of. Where the most frequent label has more than 1.5 times the trials of
        the rarest, it is the area under the curve: who weighs belief against frequency may name
        the frequent label always, and so be right as often as a guess, although its beliefs tell
        the labels apart.
    p_value : float
        One-sided, of the `statistic`, by block permutation of the labels within each fold and stretch of
        recording: one p a fold, combined so that it holds although the folds share what they
        were trained on.
    n_test : int
        Trials tested.
    ceiling : float or None
        Accuracy of the ideal observer, where the recording is simulated.
    majority : float
        What always naming the training folds' most frequent label gets.
    rest_baseline : float or None
        What telling rest perfectly and guessing the digit would get, if the trials of code -1
        that were left out had been counted in as a class; None where there are none.
    kappa : float or None
        Cohen's: agreement beyond chance. None where all is one label.
    auc : float or None
        Macro one-vs-rest area under the ROC curve over the folds that have every label; None
        where none has or there are no probabilities. Chance is 0.5.
    top : list of TopAccuracy
        How often the label is among the two, the three likeliest, where there are more labels.
    information : InformationRate
        Bits a trial and a minute, of the balanced accuracy.
    reliability : Reliability or None
        How good the probabilities are; None where there are none.
    block : int
        Trials permuted together.
    permutations : int
        How many.
    null_mean : float
        Mean of the statistic with the labels permuted: what these very answers get where they tell
        nothing. Under a blocked split it may lie below chance, since a label that a stretch has
        more often than its share has been seen less often in training.
    folds : list of float
        Accuracy of each fold.
    classes : list
        Labels in the order of the confusion.
    confusion : list of list of int
        Trials by label shown (rows) and decoded (columns).
    observed : float
        The statistic as the permutations give it: an area counts the folds that lack labels too,
        by those that they have.
    null : list of float
        The same with the labels permuted.
    """

    accuracy: float
    balanced_accuracy: float
    ci95: tuple[float, float]
    ci95_independent: tuple[float, float]
    chance: float
    chance_bound: float
    detectable: float | None
    statistic: Literal["accuracy", "auc"]
    p_value: float
    n_test: int
    ceiling: float | None
    majority: float
    rest_baseline: float | None
    kappa: float | None
    auc: float | None
    top: list[TopAccuracy]
    information: InformationRate
    reliability: Reliability | None
    block: int
    permutations: int
    null_mean: float
    folds: list[float]
    classes: list[Any]
    confusion: list[list[int]]
    observed: float = field(repr=False)
    null: list[float] = field(repr=False)

    def as_metrics(self) -> dict[str, Any]:
        """Return everything but the permutations' own values, for `metrics.json`."""
        return {name: value for name, value in asdict(self).items() if name not in ("observed", "null")}


def score_decoding(
    predictions: pd.DataFrame,
    ceiling: float | None,
    n_permutations: int,
    seed: int,
    seconds: float | None = None,
    rest: int = 0,
) -> DecodingScore:
    """Score the predictions of all folds together.

    Parameters
    ----------
    predictions : DataFrame
        One row a tested trial in the order of recording: `fold`, `label`, `predicted`, and
        `majority`, the most frequent label that the fold learned from; `p_<label>` for each label,
        where there are probabilities; `group`, the stretch of recording (subject, session), where
        there are several.
    ceiling : float or None
        Accuracy of the ideal observer.
    n_permutations : int
        Permutations of the labels.
    seed : int
        Of the permutations.
    seconds : float, optional
        From the beginning of a trial to that of the next.
    rest : int
        Trials of code -1, which were left out.

    Returns
    -------
    DecodingScore
        The score with all that belongs to it.

    Raises
    ------
    UserError
        If a column is missing.
    """
    missing = [name for name in _NEEDED if name not in predictions]
    if missing:
        raise UserError(f"the predictions have no column {', '.join(missing)}: give {', '.join(_NEEDED)}")
    labels, predicted = predictions["label"].to_numpy(), predictions["predicted"].to_numpy()
    classes, codes = np.unique(labels, return_inverse=True)
    right = labels == predicted
    length = block_length(codes)
    folds = predictions["fold"].to_numpy()
    groups = predictions["group"].to_numpy() if "group" in predictions else None
    rng = np.random.default_rng(seed)
    permutations = block_permutations(strata_of(folds, groups), length, n_permutations, rng)
    # Numbers are compared faster than words; what was predicted and never shown is never right.
    numbers = {label: code for code, label in enumerate(classes.tolist())}
    decoded = np.array([numbers.get(label, -1) for label in predicted.tolist()])
    believed = _probabilities(predictions)
    auc = area_under_curve(*believed, folds) if believed else None
    statistic, worth = _statistic(codes, decoded, believed if auc is not None else None, folds)
    observed, null, fold_p_values = _null_and_p_values(codes, worth, folds, permutations)
    balanced = float(recall_score(labels, predicted, labels=classes, average="macro", zero_division=0))
    return DecodingScore(
        accuracy=float(right.mean()),
        balanced_accuracy=balanced,
        ci95=fold_interval(right, folds),
        ci95_independent=interval(int(right.sum()), len(right)),
        chance=1 / len(classes),
        chance_bound=chance_bound(len(right), 1 / len(classes)),
        detectable=detectable_accuracy(len(right), 1 / len(classes)),
        statistic=statistic,
        p_value=combined_p_value(fold_p_values),
        n_test=len(right),
        ceiling=ceiling,
        majority=float(np.mean(predictions["majority"].to_numpy() == labels)),
        rest_baseline=rest_baseline(len(right), rest, len(classes)),
        kappa=kappa(labels, predicted),
        auc=auc,
        top=top_accuracies(*believed) if believed else [],
        information=information_rate(balanced, len(classes), seconds),
        reliability=reliability(*believed) if believed else None,
        block=length,
        permutations=n_permutations,
        null_mean=float(null.mean()),
        folds=[float(part.mean()) for _, part in pd.Series(right).groupby(folds)],
        classes=classes.tolist(),
        confusion=confusion_matrix(labels, predicted, labels=classes).tolist(),
        observed=observed,
        null=null.tolist(),
    )


def fold_areas(predictions: pd.DataFrame) -> list[float | None]:
    """Return the area under the curve of each fold, ranked within it; None where it cannot be told.

    Parameters
    ----------
    predictions : DataFrame
        As `score_decoding` takes them.

    Returns
    -------
    list of float or None
        In the order of the folds: the mean over the labels that the fold has, each against the
        rest. None where a fold has one label only, or there are no probabilities.
    """
    folds = predictions["fold"].to_numpy()
    places = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    if (believed := _probabilities(predictions)) is None:
        return [None] * len(places)
    probabilities, codes = believed
    return [_area(probabilities[own], codes[own]) for own in places]


def _area(probabilities: np.ndarray, codes: np.ndarray) -> float | None:
    if len(np.unique(codes)) < 2:
        return None
    worth = rank_worth(probabilities, codes, np.zeros(len(codes)))
    return float(worth[np.arange(len(codes)), codes].sum())


def _probabilities(predictions: pd.DataFrame) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the probabilities, (n_trials, n_classes), and the column of each trial's label, or None."""
    names = {f"p_{label}": label for label in np.unique(predictions["label"]).tolist()}
    columns = [name for name in predictions if str(name).startswith("p_")]
    if not columns or not set(names) <= set(columns):
        return None
    # A fold that did not learn a label believes nothing of it.
    values = predictions[columns].fillna(0.0).to_numpy(np.float64)
    values = values / values.sum(axis=1, keepdims=True)
    places = {names[name]: place for place, name in enumerate(columns) if name in names}
    return values, np.array([places[label] for label in predictions["label"].tolist()])


def _statistic(
    codes: np.ndarray, decoded: np.ndarray, believed: tuple[np.ndarray, np.ndarray] | None, folds: np.ndarray
) -> tuple[Literal["accuracy", "auc"], np.ndarray]:
    """Return what p is of, and what a trial adds to it if it is of each class, (n_trials, n_classes)."""
    counts = np.bincount(codes)
    if believed is None or counts.max() <= UNEQUAL * counts.min():
        return "accuracy", (decoded[:, None] == np.arange(len(counts))) / len(codes)
    columns = np.empty(len(counts), dtype=np.int64)
    columns[codes] = believed[1]
    return "auc", rank_worth(believed[0][:, columns], codes, folds)


def _null_and_p_values(
    codes: np.ndarray, worth: np.ndarray, folds: np.ndarray, permutations: Iterable[np.ndarray]
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return the statistic, the same under permutation, (n_permutations,), and the p-value of each fold.

    `worth`, (n_trials, n_classes), is what a trial adds to the statistic if it is of each class.
    """
    # In double precision: sums of the same answers in another order must come out as the same.
    by_fold = (np.unique(folds)[:, None] == folds).astype(np.float64)
    flat, row = worth.ravel(), np.arange(len(codes)) * worth.shape[1]
    sums = np.concatenate([flat[row + codes[places]] @ by_fold.T for places in permutations])
    observed = by_fold @ flat[row + codes]
    p_values = [permutation_p_value(one, null) for one, null in zip(observed, sums.T, strict=True)]
    return float(observed.sum()), sums.sum(axis=1), np.array(p_values)
