"""What a reader asks of a score before all else, each answered in one sentence."""

from __future__ import annotations

from collections import Counter
from typing import Any

from mindglyph.evaluation.verdict import p_text, told_from_guessing, what_is_read

_HOLDS_FOR = {
    "blocked": "other stretches of the same recording",
    "session": "other sessions of the same recording",
    "subject": "other people",
}
"""By the split, what was tested, and so all that a score tells of."""


def answers(metrics: dict[str, Any], decoder: str, store: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what was decoded, how well, against which chance, and how far to believe it.

    Parameters
    ----------
    metrics : dict
        Of a finished evaluation, as `metrics.json` holds them.
    decoder : str
        Its name.
    store : dict
        What `store.json` says of the trials.

    Returns
    -------
    list of tuple of str
        The questions in this order, each with a sentence.
    """
    decoding = metrics["decoding"]
    return [
        ("What was decoded?", _what(decoding, decoder, store)),
        ("How well?", _how_well(decoding)),
        ("Against which chance?", _chance(decoding)),
        ("How far to believe it?", _how_far(metrics, store)),
    ]


def _what(decoding: dict[str, Any], decoder: str, store: dict[str, Any]) -> str:
    channels = f"{len(store['channels'])} channel{'s' if len(store['channels']) != 1 else ''}"
    source = f"{channels} of {store['device']}" if store["device"] else channels
    return (
        f"Which of {len(decoding['classes'])} {what_is_read(decoding)}s was shown in each of {decoding['n_test']:,} "
        f"trials, from {source}, by the decoder {decoder}, tested on trials that it had not seen."
    )


def _how_well(decoding: dict[str, Any]) -> str:
    low, high = decoding["ci95"]
    right = f"{decoding['accuracy']:.1%} of the trials are decoded rightly (95% interval {low:.1%} to {high:.1%})"
    if decoding["statistic"] == "auc":
        right += f", and the area under the curve, which counts here since labels are unequal, is {decoding['auc']:.3f}"
    return f"{right}."


def _chance(decoding: dict[str, Any]) -> str:
    said = (
        f"Guessing gets {decoding['chance']:.1%} on average and more than {decoding['chance_bound']:.1%} in 1 of 20 "
        f"recordings of this length, and always naming the most frequent label {decoding['majority']:.1%}"
    )
    permuted = decoding.get("null_mean")  # which runs of earlier versions lack
    if decoding["statistic"] == "auc":
        said += "; guessing has an area under the curve of 0.5"
    elif permuted is not None:
        said += f"; these very answers get {permuted:.1%} on average where the labels are shuffled"
    if decoding["ceiling"] is not None:
        said += f"; no decoder could get more than {decoding['ceiling']:.1%} here"
    return f"{said}."


def _how_far(metrics: dict[str, Any], store: dict[str, Any]) -> str:
    decoding, audit = metrics["decoding"], metrics["audit"]
    p = p_text(decoding["p_value"], decoding["permutations"])
    failed = ", ".join(audit["failed"])
    if not told_from_guessing(decoding):
        said = f"There is nothing to believe: this is no better than guessing (p {p})"
        if failed:
            return f"{said}, and a better score could not be believed until this is mended: {failed}."
        least = decoding["detectable"]
        return said + (f", though less than {least:.1%} could easily be missed in so few trials." if least else ".")
    if failed:
        return f"Not at all until this is mended, since the data could lie: {failed}."
    if not store["ordered"]:
        return (
            f"With doubt: it is more than guessing (p {p}), but the order of recording is not known, "
            "so that the moment of recording alone may have told the label."
        )
    levels = Counter(finding["level"] for finding in audit["findings"])
    kept = list(dict.fromkeys(finding["about"] for finding in audit["findings"] if finding["level"] == "warn"))
    audited = f"none of the {levels.total()} ways to lie that were looked for is in the data"
    if kept:
        audited = f"no way to lie was found in the data, but keep in mind: {', '.join(kept)}"
    if metrics["simulated"]:
        so = "so the method works, but no brain was recorded"
    else:
        so = f"so it holds for {_HOLDS_FOR[audit['splits'][0]]}, and nothing further was tested"
    return f"Guessing hardly explains it (p {p}), and {audited}; {so}."
