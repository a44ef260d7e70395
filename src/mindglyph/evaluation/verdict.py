"""What the scores mean, in sentences that can be printed as they are.

References
----------
Newcombe (1998), "Interval estimation for the difference between independent proportions",
https://doi.org/10.1002/(SICI)1097-0258(19980430)17:8<873::AID-SIM779>3.0.CO;2-I.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mindglyph.evaluation.statistics import SIGNIFICANT

_SMALLEST_P = 0.0001
"""Smaller ones of no permutations are not written out."""

_NAMED = 2
"""So many failures are named in a sentence; more are counted."""


def verdict(decoding: dict[str, Any], simulated: bool, ordered: bool = True, failed: Sequence[str] = ()) -> str:
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
    failed : sequence of str
        What the audit failed, in a few words each. A score above chance is then not believed,
        and the sentence names two of them.

    Returns
    -------
    str
        A sentence with the score that p is of, chance, p and number of trials. The interval is of
        the accuracy, and stands beside no other score.
    """
    n_classes = len(decoding["classes"])
    what = what_is_read(decoding)
    recording = "simulated recording" if simulated else "recording"
    figures = _figures(decoding)
    above_guess = _more_often_right(decoding)
    if not told_from_guessing(decoding):
        return f"No evidence that the {what} can be read from this {recording} ({figures})."
    if failed:
        return (
            f"The {what} seems to be read from this {recording} better than by guessing ({figures}), "
            f"but the score cannot be believed until this is mended: {_named(failed)}."
        )
    if above_guess:
        sentence = (
            f"The {what}, one of {n_classes}, can be read from this {recording} better than by guessing: {figures}"
        )
    else:
        sentence = (
            f"The {what}, one of {n_classes}, can be told from others in this {recording}, but not so well that "
            f"it is right more often than always naming the most frequent, {decoding['majority']:.1%}: {figures}"
        )
    sentence += f"; {_besides(decoding, above_guess)}"
    if decoding["ceiling"] is not None and decoding["accuracy"] < decoding["ceiling"]:
        sentence += f"; the most that any decoder could reach here is {decoding['ceiling']:.1%}"
    if not ordered:
        sentence += (
            ". But the order of recording is not known, so that neighbours stand on both sides of every split: "
            "the score may come from the moment of recording alone"
        )
    return f"{sentence}."


def told_from_guessing(decoding: dict[str, Any]) -> bool:
    """Say whether a score, as `DecodingScore.as_metrics` gives it, is evidence of anything."""
    # Who weighs rare labels higher gives up frequent ones: fewer are right in all, and yet they are told apart.
    told_apart = decoding["balanced_accuracy"] > decoding["chance"] or decoding["statistic"] == "auc"
    return decoding["p_value"] < SIGNIFICANT and (_more_often_right(decoding) or told_apart)


def p_text(p_value: float, permutations: int | None = None) -> str:
    """Return a p with its sign, as a sentence or a row says it.

    Parameters
    ----------
    p_value : float
        Of any test.
    permutations : int, optional
        That it was found by: where none of them was as good, the true one is smaller still.

    Returns
    -------
    str
        Such as "= 0.0335", "≤ 0.0001".
    """
    if permutations is None and p_value < _SMALLEST_P:
        return f"< {_SMALLEST_P}"
    sign = "≤" if permutations is not None and p_value <= 1.001 / (permutations + 1) else "="
    return f"{sign} {np.format_float_positional(p_value, precision=3, fractional=False, trim='-')}"


def p_alone(p_value: float, permutations: int | None = None) -> str:
    """Return the same for a column that is headed p, which needs no "="."""
    return p_text(p_value, permutations).removeprefix("= ")


def gain_sentence(scores: Mapping[str, Any]) -> str | None:
    """Say how far pictures tell of the very one seen, each figure with what belongs to it and no other.

    Parameters
    ----------
    scores : mapping
        As `score_pictures` gives them.

    Returns
    -------
    str or None
        A sentence with the gain over label only and its interval, and the gain beyond the label
        and its p; None where the pictures seen are not known, or too few.
    """
    gain = scores.get("gain")
    if gain is None:
        return None
    if set(scores["alignments"]) == {"none"}:
        return (
            "No signal of the very picture was used: each picture is drawn from what was decoded of the label, as "
            "label only is, and tells no more."
        )
    low, high = gain["ci95"]
    # An interval and a test of two questions: only where both say so is there anything.
    tells = gain["over_label_only"] > 0 and low > 0 and gain["p_value"] < SIGNIFICANT
    so = "the recording tells something" if tells else "there is no evidence that the recording tells anything"
    return (
        f"In finding the picture seen among {scores['n_way']}: {100 * gain['over_label_only']:+.1f} percentage points "
        f"over label only (95% interval {100 * low:+.1f} to {100 * high:+.1f}), and "
        f"{100 * gain['beyond_digit']:+.1f} over pictures exchanged among trials of the same label "
        f"(p {p_text(gain['p_value'], scores.get('permutations'))}): {so} of the very picture."
    )


def what_is_read(decoding: dict[str, Any]) -> str:
    """Return what the labels are called: digits where they are numbers from 0 to 9, and more than two."""
    return "digit" if len(decoding["classes"]) > 2 and set(decoding["classes"]) <= set(range(10)) else "label"


def inflation_sentence(honest: dict[str, Any], random: dict[str, Any]) -> str:
    """Say in one sentence how much more a random split of the same recording gives.

    Both splits test the same trials, so that what the recording has of good and bad
    stretches is in both; their difference is held against Newcombe's interval of Wilson's,
    as if the two were independent, which is rather too wide.

    Parameters
    ----------
    honest, random : dict
        As `DecodingScore.as_metrics` gives them, of an honest split and of the random one.

    Returns
    -------
    str
        A sentence; it calls the difference a leak only where chance does not explain it.
    """
    accuracy, difference = random["accuracy"], random["accuracy"] - honest["accuracy"]
    if difference <= 0:
        return (
            f"A random split of the same recording gives {accuracy:.1%}, no more than the honest one "
            f"({honest['accuracy']:.1%}): no leak can be seen by it."
        )
    if accuracy <= random["chance_bound"]:
        # A guess does worse in blocks, where the label most frequent in training is rare in what is tested.
        return (
            f"A random split of the same recording gives {accuracy:.1%}, as guessing does: no leak can be seen by it."
        )
    margin = float(
        np.hypot(random["accuracy"] - random["ci95_independent"][0], honest["ci95_independent"][1] - honest["accuracy"])
    )
    points = f"{100 * difference:.1f} percentage points more"
    if difference <= margin:
        return (
            f"A random split of the same recording gives {accuracy:.1%}: {points}, which is within what chance "
            f"makes of {random['n_test']:,} trials, so that no leak can be seen by it."
        )
    return f"A random split of the same recording gives {accuracy:.1%}: {points}, which are a leak and no decoding."


def _more_often_right(decoding: dict[str, Any]) -> bool:
    return bool(decoding["accuracy"] > max(decoding["chance"], decoding["majority"]))


def _figures(decoding: dict[str, Any]) -> str:
    p = f"p {p_text(decoding['p_value'], decoding['permutations'])}"
    trials = f"{decoding['n_test']:,} trials"
    if decoding["statistic"] == "auc":
        return f"area under the curve {decoding['auc']:.3f}, chance 0.5, {p}, {trials}"
    return f"{decoding['accuracy']:.1%}, chance {100 * decoding['chance']:.3g}%, {p}, {trials}"


def _besides(decoding: dict[str, Any], above_guess: bool) -> str:
    """Return what belongs to the figures of a label that is read or told apart, each with what it is of."""
    interval = "95% interval {:.1%} to {:.1%}".format(*decoding["ci95"])
    if decoding["statistic"] == "auc":
        # There is no interval of the area, and that of the accuracy must not be taken for it.
        right = f"{decoding['accuracy']:.1%} of the labels are right ({interval})"
        return f"{right}, always naming the most frequent {decoding['majority']:.1%}" if above_guess else right
    if above_guess and decoding["ci95"][0] <= decoding["chance"]:
        return f"{interval}, which reaches down to chance: other recordings like this one may show nothing"
    return interval if above_guess else f"{decoding['balanced_accuracy']:.1%} if all were as frequent"


def _named(failed: Sequence[str]) -> str:
    names, more = list(failed[:_NAMED]), len(failed) - _NAMED
    if more > 0:
        return f"{', '.join(names)}, and {more} more"
    return " and ".join(names)
