"""Whether the signal tells when a trial was recorded, and what of that is left once it is preprocessed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import binom

from mindglyph.evaluation.audit.chance import ALPHA
from mindglyph.evaluation.audit.features import Features, decoded
from mindglyph.evaluation.audit.result import Finding

_THIRDS = 3
_PIECES = 8  # of each third, every other one learned from
_FEWEST = 90  # trials
_ABOVE_CHANCE = 0.1
_TIMES_CHANCE = 3
_MOST_MOMENTS, _TRIALS_OF_MOMENT = 60, 10


def drift_findings(features: Features, codes: np.ndarray, label_follows: bool) -> Iterator[Finding]:
    """Say whether a simple decoder tells when in the recording a trial was made.

    Parameters
    ----------
    features : Features
        Of the evaluated trials, which stand in the order of recording.
    codes : ndarray of int, shape (n_evaluated,)
        Number of each evaluated trial's label.
    label_follows : bool
        Whether the label follows time, so that a decoder of time is one of labels.
    """
    for about, values in (("time in the raw signal", features.raw), ("time in the signal", features.preprocessed)):
        if values is None or len(values) < _FEWEST:
            figure = "too few trials to tell" if values is not None else "trials too short to be filtered"
            yield Finding("ok", about, figure, "Nothing is known against the recording.")
            continue
        third, third_found = _third_told(values)
        moment, n_moments, moment_found, labelled = _moment_told(values, codes[features.places])
        figure = (
            f"of {len(values):,} trials a simple decoder tells the third of the recording in {third:.0%} (chance 33%) "
            f"and which of {n_moments} moments in {moment:.0%} (chance {1 / n_moments:.0%})"
        )
        found = third_found or moment_found
        if found and label_follows:
            most = np.bincount(codes).max() / len(codes)
            figure += f"; the moment alone gives {labelled:.0%} of the labels (always the same one: {most:.0%})"
        yield _finding(about, figure, found, label_follows, raw=values is features.raw)


def _finding(about: str, figure: str, found: bool, label_follows: bool, raw: bool) -> Finding:
    if not found:
        return Finding("ok", about, figure, "A simple decoder does not tell when a trial was recorded.")
    if label_follows:
        why = "The signal tells the time and the time tells the label, so a decoder needs no brain to be right."
        return Finding("fail", about, figure, why, "Record again with the labels in random order.")
    if raw:
        # All recordings wander, and what the preprocessing takes away harms no score.
        why = "Levels wander in every recording; offset removal and filter are there to take that away."
        return Finding("ok", about, figure, why)
    why = "The signal tells the time even when preprocessed, which a split that mixes neighbours in time rewards."
    return Finding("warn", about, figure, why, "Believe only splits whose training and test trials lie apart in time.")


def _third_told(features: np.ndarray) -> tuple[float, bool]:
    """Return the accuracy for trials of pieces that were not learned from, and whether that is no chance.

    It counts trials, though neighbours are no independent evidence where the signal wanders. That is
    what is looked for; without wandering they are independent.
    """
    place = np.arange(len(features)) * _THIRDS * _PIECES // len(features)
    third, test = place // _PIECES, place % 2 == 1
    right = decoded(features, third, test).argmax(axis=1) == third[test]
    return float(right.mean()), _no_chance(right, 1 / _THIRDS) and right.mean() > 1 / _THIRDS + _ABOVE_CHANCE


def _moment_told(features: np.ndarray, codes: np.ndarray) -> tuple[float, int, bool, float]:
    """Return how often a short stretch of the recording is told, of how many, whether by no chance, and what follows.

    Every other trial is learned from, as by a split by lot: of these the time is learned, never the
    label. What follows is the share of the labels that are right where each tested trial is given the
    label that is most frequent at the time it seems to be of.
    """
    n_moments = max(2, min(_MOST_MOMENTS, len(features) // _TRIALS_OF_MOMENT))
    moment, test = np.arange(len(features)) * n_moments // len(features), np.arange(len(features)) % 2 == 1
    belief = decoded(features, moment, test)
    right = belief.argmax(axis=1) == moment[test]
    labels = np.zeros((n_moments, codes.max() + 1))
    np.add.at(labels, (moment[~test], codes[~test]), 1)
    named = (belief @ (labels / labels.sum(axis=1, keepdims=True))).argmax(axis=1)
    found = _no_chance(right, 1 / n_moments) and right.mean() > _TIMES_CHANCE / n_moments
    return float(right.mean()), n_moments, found, float((named == codes[test]).mean())


def _no_chance(right: np.ndarray, chance: float) -> bool:
    return bool(binom.sf(right.sum() - 1, len(right), chance) < ALPHA)
