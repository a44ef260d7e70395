"""Puts the scores of an evaluation into the rows of a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def scored(metrics: Mapping[str, Any]) -> dict[str, str]:
    """Return what is shown of an evaluation's `metrics.json`, the verdict first."""
    decoding = metrics["decoding"]
    rows = {"verdict": metrics["verdict"]}
    rows |= {f"warning {number}": warning for number, warning in enumerate(metrics["warnings"], start=1)}
    rows |= {
        "accuracy": f"{_accuracy(decoding)}, {decoding['n_test']:,} trials",
        "chance": f"{decoding['chance']:.1%}; guessing exceeds {decoding['chance_bound']:.1%} once in 20 recordings",
        "p": f"{decoding['p_value']:.4f} by {decoding['permutations']:,} permutations in blocks of {decoding['block']}",
        "balanced": f"{decoding['balanced_accuracy']:.1%} if all labels were as frequent",
        "majority": f"{decoding['majority']:.1%} by always naming the most frequent label",
    }
    if (retrained := decoding.get("retrained")) is not None:
        rows["p, trained anew"] = f"{retrained['p_value']:.4f} by {retrained['n']:,} permutations"
    for name, other in list(metrics["splits"].items())[1:]:
        rows[name] = f"{_accuracy(other)}, p = {other['p_value']:.4f}"
    if (inflation := metrics["inflation"]) is not None:
        rows["inflation"] = f"{100 * inflation['difference']:+.1f} percentage points by a {inflation['leaky']} split"
    return rows


def _accuracy(decoding: Mapping[str, Any]) -> str:
    low, high = decoding["ci95"]
    return f"{decoding['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%})"
