"""Scores of decoding, never alone: n, chance, interval, p, and what a guess would get."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from mindglyph.evaluation.statistics import (
    block_length,
    block_permutations,
    chance_bound,
    combined_p_value,
    interval,
    permutation_p_value,
)

SIGNIFICANT = 0.05


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
        Wilson's interval.
    chance : float
        1 / number of classes.
    chance_bound : float
        What guessing exceeds in 1 of 20 recordings of this length.
    p_value : float
        One-sided, by block permutation of the labels: one a fold, combined so that it holds
        although the folds share what they were trained on.
    n_test : int
        Trials tested.
    ceiling : float or None
        Accuracy of the ideal observer, where the recording is simulated.
    majority : float
        What always naming the training folds' most frequent label gets.
    block : int
        Trials permuted together.
    permutations : int
        How many.
    folds : list of float
        Accuracy of each fold.
    classes : list
        Labels in the order of the confusion.
    confusion : list of list of int
        Trials by label shown (rows) and decoded (columns).
    null : list of float
        Accuracies of the permutations.
    """

    accuracy: float
    balanced_accuracy: float
    ci95: tuple[float, float]
    chance: float
    chance_bound: float
    p_value: float
    n_test: int
    ceiling: float | None
    majority: float
    block: int
    permutations: int
    folds: list[float]
    classes: list[Any]
    confusion: list[list[int]]
    null: list[float] = field(repr=False)

    def as_metrics(self) -> dict[str, Any]:
        """Return everything but the permutations' own accuracies, for `metrics.json`."""
        return {name: value for name, value in asdict(self).items() if name != "null"}


def score_decoding(predictions: pd.DataFrame, ceiling: float | None, n_permutations: int, seed: int) -> DecodingScore:
    """Score the predictions of all folds together.

    Parameters
    ----------
    predictions : DataFrame
        One row a tested trial in the order of recording: `fold`, `label`, `predicted`, `majority`.
    ceiling : float or None
        Accuracy of the ideal observer.
    n_permutations : int
        Permutations of the labels.
    seed : int
        Of the permutations.

    Returns
    -------
    DecodingScore
        The score with all that belongs to it.
    """
    labels, predicted = predictions["label"].to_numpy(), predictions["predicted"].to_numpy()
    classes = np.unique(labels)
    right = labels == predicted
    length = block_length(labels)
    folds = predictions["fold"].to_numpy()
    permutations = block_permutations(folds, length, n_permutations, np.random.default_rng(seed))
    null, fold_p_values = _null_and_p_values(labels, predicted, folds, permutations)
    return DecodingScore(
        accuracy=float(right.mean()),
        balanced_accuracy=float(np.mean([right[labels == label].mean() for label in classes])),
        ci95=interval(int(right.sum()), len(right)),
        chance=1 / len(classes),
        chance_bound=chance_bound(len(right), 1 / len(classes)),
        p_value=combined_p_value(fold_p_values),
        n_test=len(right),
        ceiling=ceiling,
        majority=float(np.mean(predictions["majority"].to_numpy() == labels)),
        block=length,
        permutations=n_permutations,
        folds=[float(part.mean()) for _, part in pd.Series(right).groupby(folds)],
        classes=classes.tolist(),
        confusion=confusion_matrix(labels, predicted, labels=classes).tolist(),
        null=null.tolist(),
    )


def _null_and_p_values(
    labels: np.ndarray, predicted: np.ndarray, folds: np.ndarray, permutations: Iterable[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the accuracies under permutation, (n_permutations,), and the p-value of each fold."""
    by_fold = (np.unique(folds)[:, None] == folds).astype(np.float32)
    right = np.concatenate([(labels[places] == predicted) @ by_fold.T for places in permutations])
    observed = by_fold @ (labels == predicted)
    p_values = [permutation_p_value(one, null) for one, null in zip(observed, right.T, strict=True)]
    return right.sum(axis=1) / len(labels), np.array(p_values)


def verdict(decoding: dict[str, Any], simulated: bool, ordered: bool = True) -> str:
    """Say in one sentence what a score means.

    Parameters
    ----------
    decoding : dict
        As `DecodingScore.as_metrics` gives it.
    simulated : bool
        Whether the recording is simulated, which the sentence then says.
    ordered : bool
        Whether the order of recording is known; where it is not, a second sentence says what
        a score above chance may be.

    Returns
    -------
    str
        A sentence with accuracy, chance, p and number of trials.
    """
    n_classes = len(decoding["classes"])
    what = "digit" if n_classes > 2 and set(decoding["classes"]) <= set(range(10)) else "label"
    recording = "simulated recording" if simulated else "recording"
    smallest = 1 / (decoding["permutations"] + 1)
    sign = "≤" if decoding["p_value"] <= 1.001 * smallest else "="
    p = f"p {sign} {decoding['p_value']:.3g}"
    figures = f"{decoding['accuracy']:.1%}, chance {decoding['chance']:.0%}, {p}, {decoding['n_test']:,} trials"
    guess = max(decoding["chance"], decoding["majority"])
    above_guess = decoding["accuracy"] > guess
    # Who weighs rare labels higher gives up frequent ones: fewer are right in all, and yet they are told apart.
    above_chance = decoding["balanced_accuracy"] > decoding["chance"]
    if decoding["p_value"] >= SIGNIFICANT or not (above_guess or above_chance):
        return f"No evidence that the {what} can be read from this {recording} ({figures})."
    low, high = decoding["ci95"]
    if above_guess:
        sentence = (
            f"The {what}, one of {n_classes}, can be read from this {recording} better than by guessing: "
            f"{figures}; 95% interval {low:.1%} to {high:.1%}"
        )
    else:
        sentence = (
            f"The {what}, one of {n_classes}, can be told from others in this {recording}, but not so well that "
            f"it is right more often than always naming the most frequent, {decoding['majority']:.1%}: {figures}; "
            f"{decoding['balanced_accuracy']:.1%} if all were as frequent"
        )
    if decoding["ceiling"] is not None and decoding["accuracy"] < decoding["ceiling"]:
        sentence += f"; the most that any decoder could reach here is {decoding['ceiling']:.1%}"
    if not ordered:
        sentence += (
            ". But the order of recording is not known, so that neighbours stand on both sides of every split: "
            "the score may come from the moment of recording alone"
        )
    return f"{sentence}."
