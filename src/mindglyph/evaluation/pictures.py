"""Scores of pictures, each beside its controls: label only, shuffled EEG, class mean.

Any generator draws a good 7 from the label "7" alone, so a score of a picture says nothing
until the same score of the controls stands beside it. The headline is the gain over label
only: by how much more often the picture seen is found than it is by a picture that holds what
was decoded of the digit and nothing else. Beside it stands another gain, beyond the digit: over the
pictures drawn exchanged among trials of the same digit, which leaves all that was decoded of the
digit in place. The interval is of the gain over label only, the p of that beyond the digit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mindglyph.evaluation.identification import (
    Identification,
    exchanged,
    exchanged_within,
    stretches_of,
)
from mindglyph.evaluation.statistics import block_length, interval, permutation_p_value
from mindglyph.images.judge import Judge
from mindglyph.images.metrics import similarities, squared_errors, structural_similarity
from mindglyph.reconstruction import Reconstructions

N_WAY = 10
"""Candidates of the score that is shown first."""

_KINDS = ("drawn", "label_only", "class_mean")


def score_pictures(
    pictures: Reconstructions,
    judge: Judge | None,
    n_permutations: int,
    seed: int,
    truth: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Score reconstructions and their controls.

    Parameters
    ----------
    pictures : Reconstructions
        Of all tested trials.
    judge : Judge or None
        Says which digit a picture shows; None where the pictures are of something else.
    n_permutations : int
        For the p-values and the shuffled control.
    seed : int
        Of the permutations.
    truth : mapping, optional
        `ceiling` of a simulated recording's truth: how like the best guess is.

    Returns
    -------
    dict
        `n_test`; `judge` (None without one) and, of the trials that were drawn with confidence, `accepted`; where the
        pictures seen are known (`seen_known`) also `identification` and `within_digit` (by the
        number of candidates; the latter among pictures of the same digit), `similarity`
        (`correlation`, `ssim`, `mse`) and `gain`: `over_label_only` with its `ci95`, and `beyond_digit`, over
        the pictures exchanged within the digit, which `p_value` is of. `permutations` says how many
        each p is by. Every score is a dictionary with
        `drawn`, its 95% interval over trials `ci95`, `n`, `p_value` where one is computed, `chance`
        where there is one, and the controls `label_only`, `class_mean`, `shuffled`.
    """
    rng = np.random.default_rng(seed)
    scores: dict[str, Any] = {"n_test": len(pictures), "n_way": N_WAY, "permutations": n_permutations}
    scores["seen_known"] = pictures.seen is not None
    right = pictures.probabilities.argmax(axis=1) == pictures.labels
    scores["accepted"] = _accepted(right, pictures)
    scores["judge"] = None if judge is None else _judged(judge, pictures, n_permutations, rng)
    scores["alignments"] = pictures.alignments.tolist()
    if pictures.seen is not None:
        scores |= _compared(pictures, n_permutations, rng)
        if truth is not None and truth.get("picture_correlation") is not None:
            scores["similarity"]["correlation"]["ceiling"] = truth["picture_correlation"]
    return scores


def _judged(judge: Judge, pictures: Reconstructions, n_permutations: int, rng: np.random.Generator) -> dict[str, Any]:
    # Nothing can be read of a mean of many pictures: the likeliest is read, and as its control any of its digit.
    each = len(pictures.bank) // pictures.probabilities.shape[1]
    likeliest = pictures.candidates[:, 0]
    any_of_digit = likeliest // each * each + rng.integers(each, size=len(pictures))
    of_bank = judge.predict(pictures.bank.astype(np.float32) / 255)
    read = {"drawn": of_bank[likeliest], "label_only": of_bank[any_of_digit]}
    read["class_mean"] = judge.predict(pictures.class_mean)
    right = {name: float(np.mean(digits == pictures.labels)) for name, digits in read.items()}
    length = block_length(pictures.labels)
    shuffled = np.zeros(n_permutations)
    for places in stretches_of(pictures.fold):
        orders = exchanged(length, len(places), n_permutations, rng)
        shuffled += (read["drawn"][places][orders] == pictures.labels[places]).sum(axis=1)
    shuffled /= len(pictures)
    n_right = round(right["drawn"] * len(pictures))
    return {
        **right,
        "n": len(pictures),
        "ci95": interval(n_right, len(pictures)),
        "chance": 1 / len(np.unique(pictures.labels)),
        "p_value": permutation_p_value(right["drawn"], shuffled),
        "shuffled": float(shuffled.mean()),
    }


def _accepted(right: np.ndarray, pictures: Reconstructions) -> dict[str, Any]:
    """Return how many trials are shown, since the decoder is confident, and how often the digit is right in these."""
    n_accepted, n_right = int(pictures.accepted.sum()), int(right[pictures.accepted].sum())
    return {
        "n": n_accepted,
        "share": n_accepted / len(pictures),
        "accuracy": n_right / n_accepted if n_accepted else None,
        "ci95": interval(n_right, n_accepted) if n_accepted else None,
    }


def _compared(pictures: Reconstructions, n_permutations: int, rng: np.random.Generator) -> dict[str, Any]:
    """Return the scores that need the pictures seen."""
    assert pictures.seen is not None
    seen = pictures.seen.astype(np.float32) / 255
    length = block_length(pictures.labels)
    everyone = {kind: Identification(n_permutations) for kind in _KINDS}
    of_digit = {kind: Identification(n_permutations) for kind in _KINDS}
    exchange = Identification(n_permutations, (N_WAY,))
    likeness: dict[str, dict[str, list[np.ndarray]]] = {
        name: {kind: [] for kind in _KINDS} for name in ("correlation", "ssim", "mse")
    }
    shuffled = {"correlation": np.zeros(n_permutations), "mse": np.zeros(n_permutations)}
    for places in stretches_of(pictures.fold):
        labels, shown = pictures.labels[places], np.arange(len(places))
        orders = exchanged(length, len(places), n_permutations, rng)
        within = exchanged_within(labels, n_permutations, rng)
        for kind in _KINDS:
            drawn = getattr(pictures, kind)[places]
            correlations, errors = similarities(drawn, seen[places]), squared_errors(drawn, seen[places])
            first = kind == "drawn"
            everyone[kind].add(correlations, orders if first else None)
            for label in np.unique(labels):
                own = np.flatnonzero(labels == label)
                # Exchanged within the digit: the places of the others among its own.
                of_label = np.searchsorted(own, within[:, own]) if first else None
                of_digit[kind].add(correlations[np.ix_(own, own)], of_label)
            likeness["correlation"][kind].append(correlations.diagonal())
            likeness["mse"][kind].append(errors.diagonal())
            likeness["ssim"][kind].append(structural_similarity(drawn, seen[places]))
            if first:
                exchange.add(correlations, within)
                shuffled["correlation"] += correlations[orders, shown].sum(axis=1)
                shuffled["mse"] += errors[orders, shown].sum(axis=1)
    return {
        "identification": _found(everyone, rng),
        "within_digit": _found(of_digit, rng),
        "similarity": {
            name: _likeness(of_kind, shuffled.get(name), len(pictures), rng, higher=name != "mse")
            for name, of_kind in likeness.items()
        },
        "gain": _gain(everyone, exchange, rng) if N_WAY in exchange.own else None,
    }


def _found(counted: Mapping[str, Identification], rng: np.random.Generator) -> dict[str, dict[str, Any]]:
    """Return the scores by the number of candidates, as far as there were as many."""
    scores = {}
    for n_way in counted["drawn"].own:
        values, null = counted["drawn"].values(n_way), counted["drawn"].null(n_way)
        scores[str(n_way)] = {
            **{kind: float(counted[kind].values(n_way).mean()) for kind in _KINDS},
            "n": len(values),
            "ci95": _mean_interval(values, rng),
            "chance": 1 / n_way,
            "p_value": permutation_p_value(float(values.mean()), null),
            "shuffled": float(null.mean()),
        }
    return scores


def _likeness(
    of_kind: Mapping[str, list[np.ndarray]],
    shuffled: np.ndarray | None,
    n_trials: int,
    rng: np.random.Generator,
    higher: bool,
) -> dict[str, Any]:
    """Return a measure of likeness; where `higher` is false, less is more alike."""
    values = np.concatenate(of_kind["drawn"])
    scores = {
        **{kind: float(np.concatenate(parts).mean()) for kind, parts in of_kind.items()},
        "n": n_trials,
        "ci95": _mean_interval(values, rng),
    }
    if shuffled is not None:
        null, sign = shuffled / n_trials, 1 if higher else -1
        scores |= {
            "p_value": permutation_p_value(sign * float(values.mean()), sign * null),
            "shuffled": float(null.mean()),
        }
    return scores


def _gain(everyone: Mapping[str, Identification], exchange: Identification, rng: np.random.Generator) -> dict[str, Any]:
    gains = everyone["drawn"].values(N_WAY) - everyone["label_only"].values(N_WAY)
    found, null = float(everyone["drawn"].values(N_WAY).mean()), exchange.null(N_WAY)
    return {
        "over_label_only": float(gains.mean()),
        "ci95": _mean_interval(gains, rng),
        "beyond_digit": found - float(null.mean()),
        "p_value": permutation_p_value(found, null),
        "n": len(gains),
    }


def _mean_interval(values: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Return the 95% bootstrap interval of a mean over trials, taken as independent of one another."""
    means = [values[rng.integers(len(values), size=len(values))].mean() for _ in range(1000)]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
