"""Puts the scores of an evaluation into the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def scored(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return what is shown of an evaluation's `metrics.json`, the verdict first."""
    from mindglyph.evaluation.verdict import p_alone, p_text

    decoding = metrics["decoding"]
    p = p_alone(decoding["p_value"], decoding["permutations"])
    rows = {"verdict": metrics["verdict"]}
    rows |= {f"warning {number}": warning for number, warning in enumerate(metrics["warnings"], start=1)}
    rows["audit"] = metrics["audit"]["summary"]
    if unlike := _folds(metrics):
        rows["folds"] = unlike
    rows |= {
        "accuracy": f"{_accuracy(decoding)}, {decoding['n_test']:,} trials",
        "chance": f"{decoding['chance']:.1%}; guessing exceeds {decoding['chance_bound']:.1%} once in 20 recordings",
        "p": f"{p} by {_permutations(decoding)}",
        "balanced": f"{decoding['balanced_accuracy']:.1%} if all labels were as frequent{_further(decoding)}",
        "baselines": _baselines(decoding),
        "information": _information(decoding["information"]),
    }
    if (probabilities := decoding["reliability"]) is not None:
        rows["probabilities"] = _believed(probabilities)
    if (retrained := decoding.get("retrained")) is not None:
        rows["p, trained anew"] = f"{p_alone(retrained['p_value'], retrained['n'])} by {retrained['n']:,} permutations"
    for name, other in list(metrics["splits"].items())[1:]:
        area = f", area under the curve {other['auc']:.3f}" if other["statistic"] == "auc" else ""
        rows[name] = f"{_accuracy(other)}{area}, p {p_text(other['p_value'], other['permutations'])}"
    if (inflation := metrics["inflation"]) is not None:
        rows["inflation"] = inflation["sentence"]
    return rows


def _folds(metrics: Mapping[str, Any]) -> str:
    """Return how many sessions or subjects are in how many folds, where some are tested together."""
    groups = metrics.get("groups", {})  # which runs of earlier versions lack
    folds = {name: len(metrics["splits"][name]["folds"]) for name in groups}
    return "; ".join(
        f"{number} {name}s in {folds[name]} folds: some are tested together (--folds {number} tests each alone)"
        for name, number in groups.items()
        if number != folds[name]
    )


def _permutations(decoding: Mapping[str, Any]) -> str:
    made = f"{decoding['permutations']:,} permutations in blocks of {decoding['block']}"
    if decoding["statistic"] == "auc":
        return f"{made}, whose area under the curve is {decoding['null_mean']:.3f} on average"
    return f"{made}, which get {decoding['null_mean']:.1%} on average"


def _further(decoding: Mapping[str, Any]) -> str:
    parts = [f"; kappa {decoding['kappa']:.3f}"] if decoding["kappa"] is not None else []
    parts += [f"; area under the curve {decoding['auc']:.3f}"] if decoding["auc"] is not None else []
    parts += [
        f"; among the {top['k']} likeliest {top['accuracy']:.1%} (chance {top['chance']:.0%})"
        for top in decoding["top"]
    ]
    return "".join(parts)


def _baselines(decoding: Mapping[str, Any]) -> str:
    always = f"{decoding['majority']:.1%} by always naming the most frequent label in training"
    if decoding["rest_baseline"] is None:
        return always
    return f"{always}; {decoding['rest_baseline']:.1%} by telling rest (-1) and guessing the digit, if rest counted"


def _information(information: Mapping[str, Any]) -> str:
    per_minute = information["bits_per_minute"]
    return f"{information['bits_per_trial']:.3f} bits a trial" + (
        "" if per_minute is None else f", {per_minute:.2f} bits a minute"
    )


def _believed(reliability: Mapping[str, Any]) -> str:
    return (
        f"Brier score {reliability['brier']:.3f} ({reliability['brier_frequencies']:.3f} by the labels' frequencies), "
        f"calibration error {reliability['ece']:.3f}"
    )


def _accuracy(decoding: Mapping[str, Any]) -> str:
    low, high = decoding["ci95"]
    return f"{decoding['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%})"
