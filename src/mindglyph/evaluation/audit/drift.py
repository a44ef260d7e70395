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
_MOST_MOMENTS, _TRIALS_OF_MOMENT = 60, 10


def drift_findings(features: Features, codes: np.ndarray, label_follows: bool) -> Iterator[Finding]:
    """Say whether a simple decoder tells in which third of the recording a trial was made.

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
        accuracy, p_value = _third_told(values)
        figure = f"a third of the recording is told in {accuracy:.0%} of {len(values):,} trials (chance 33%)"
        found = p_value < ALPHA and accuracy > 1 / _THIRDS + _ABOVE_CHANCE
        if found and label_follows:
            told, guessed = _label_told(values, codes[features.places])
            figure += (
                f"; the time that it tells alone gives {told:.0%} of the labels (always the same one: {guessed:.0%})"
            )
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


def _third_told(features: np.ndarray) -> tuple[float, float]:
    """Return the accuracy for trials of pieces that were not learned from, and its p-value by counting trials.

    Neighbours are no independent evidence where the signal wanders. That is what is looked for, so it
    need not be corrected for: without wandering they are independent.
    """
    place = np.arange(len(features)) * _THIRDS * _PIECES // len(features)
    third, test = place // _PIECES, place % 2 == 1
    right = decoded(features, third, test).argmax(axis=1) == third[test]
    return float(right.mean()), float(binom.sf(right.sum() - 1, len(right), 1 / _THIRDS))


def _label_told(features: np.ndarray, codes: np.ndarray) -> tuple[float, float]:
    """Return the share of labels that the decoded time gives, and that of the most frequent label.

    Every other trial is learned from, as a random split does: of these the time is learned, never the
    label, and each tested trial is given the label that is most frequent at the time it seems to be of.
    """
    n_bins = max(2, min(_MOST_MOMENTS, len(features) // _TRIALS_OF_MOMENT))
    time, test = np.arange(len(features)) * n_bins // len(features), np.arange(len(features)) % 2 == 1
    labels = np.zeros((n_bins, codes.max() + 1))
    np.add.at(labels, (time[~test], codes[~test]), 1)
    labels /= labels.sum(axis=1, keepdims=True)
    named = (decoded(features, time, test) @ labels).argmax(axis=1)
    return float((named == codes[test]).mean()), float(np.bincount(codes[test]).max() / test.sum())
