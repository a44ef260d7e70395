"""The tables of a benchmark: a row a cell, a row a fold, a row a pair of decoders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mindglyph.evaluation.benchmark.cells import Cell, resolved
from mindglyph.evaluation.comparison import compare_decoders
from mindglyph.evaluation.crossvalidation import read_predictions
from mindglyph.evaluation.scores import fold_areas
from mindglyph.evaluation.verdict import inflation_sentence
from mindglyph.files import replaced_file
from mindglyph.runs import Run

_TEXTS = ("store", "content_hash", "decoder", "settings", "split", "statistic", "verdict", "error", "cell")
_COUNTS = ("n_test", "n_classes", "block", "permutations")
_FIRST = (
    *("store", "content_hash", "decoder", "settings", "split", "leaky", "n_test", "n_classes"),
    *("accuracy", "ci_low", "ci_high", "chance", "majority", "chance_bound"),
    *("statistic", "auc", "p_value", "balanced_accuracy"),
)
_LAST = ("ceiling", "efficiency", "inflation", "verdict", "seconds", "error", "cell")
_SHORT_HASH = 12
_FOLD = ("store", "decoder", "split", "fold", "n_train", "n_test", "accuracy", "auc", "statistic", "cell")


@dataclass(frozen=True)
class Filled:
    """A cell and what came of it.

    Attributes
    ----------
    cell : Cell
        What was asked.
    run : Run
        What it is a part of.
    seconds : float or None
        How long it took; None where that is not known.
    error : str or None
        Why there is no score.
    """

    cell: Cell
    run: Run
    seconds: float | None
    error: str | None


@dataclass(frozen=True)
class Benchmark:
    """The tables of a benchmark.

    Attributes
    ----------
    scores : DataFrame
        One row a store, decoder and split. `ci_low` and `ci_high` are the 95% interval of the
        accuracy. `statistic` says whether `p_value` is of the accuracy or of the area under the
        curve, `auc`. `efficiency` is (accuracy - chance) / (ceiling - chance), of honest splits of
        simulated recordings whose ceiling can be told from chance. `inflation` is the accuracy of a
        leaky split less that of the first honest one. `seconds` of work are empty where that was
        stopped in between. `error` says why there is no score. `cell` is the run's folder in
        `cells`; a leaky split is in the run of the honest one.
    folds : DataFrame
        One row a fold of each cell that has a score; `auc` only where the `statistic` is that.
    comparisons : DataFrame
        One row a pair of decoders on the same store and split; see `compared`. `p_holm` is
        corrected over all pairs of that store and split.
    others : int
        Runs in the folder that are of other settings, data or versions, and not in the tables.
    """

    scores: pd.DataFrame
    folds: pd.DataFrame
    comparisons: pd.DataFrame
    others: int

    def write(self, folder: Path) -> None:
        """Write `scores.parquet`, `scores.csv`, `folds.parquet` and `comparisons.csv`, each whole or not at all."""
        for name, table in (("scores", self.scores), ("folds", self.folds)):
            with replaced_file(folder / f"{name}.parquet") as temporary:
                table.to_parquet(temporary, index=False)
        for name, table in (("scores", self.scores), ("comparisons", self.comparisons)):
            with replaced_file(folder / f"{name}.csv") as temporary:
                table.to_csv(temporary, index=False)


def gather(filled: Sequence[Filled], others: int = 0) -> Benchmark:
    """Put what came of the cells into tables.

    Parameters
    ----------
    filled : sequence of Filled
        In the order in which they are shown.
    others : int
        Runs of other questions in the same folder.

    Returns
    -------
    Benchmark
        The tables.
    """
    scores = _in_order(pd.DataFrame([_score(one) for one in filled]))
    folds = [row for one in filled if one.error is None for row in _folds(one)]
    long = pd.DataFrame(folds, columns=list(_FOLD)).astype({"auc": "float64"})
    return Benchmark(scores, long, compared(long), others)


def scalars(metrics: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return the single numbers among metrics, those of parts under the part's name before their own.

    Intervals, named `ci95…`, become `ci…_low` and `ci…_high`; lists, and what has no value, are left out.

    Parameters
    ----------
    metrics : mapping
        As `metrics.json` holds them.
    prefix : str
        What every name begins with.

    Returns
    -------
    dict of str to float or int
        One row of a table.
    """
    found: dict[str, Any] = {}
    for name, value in metrics.items():
        if isinstance(value, Mapping):
            found |= scalars(value, f"{prefix}{name}_")
        elif name.startswith("ci95"):
            own = f"{prefix}ci{name.removeprefix('ci95')}"
            found |= {f"{own}_low": value[0], f"{own}_high": value[1]}
        elif isinstance(value, int | float):
            found[f"{prefix}{name}"] = value
    return found


def efficiency(accuracy: float, chance: float, chance_bound: float, ceiling: float | None) -> float | None:
    """Return the share of what can be decoded that was, or None where nothing can or nobody knows.

    Parameters
    ----------
    accuracy : float
        Of the decoder.
    chance : float
        Accuracy of guessing.
    chance_bound : float
        Accuracy that guessing rarely exceeds; under a ceiling below it there is nothing to
        decode.
    ceiling : float or None
        Accuracy of the ideal observer, where the recording is simulated.

    Returns
    -------
    float or None
        0 at chance, 1 at the ceiling.
    """
    if ceiling is None or ceiling <= chance_bound:
        return None
    return (accuracy - chance) / (ceiling - chance)


def compared(folds: pd.DataFrame) -> pd.DataFrame:
    """Compare all pairs of decoders on each store under each split.

    Parameters
    ----------
    folds : DataFrame
        `store`, `split`, `decoder`, `fold`, `n_train`, `n_test`, `accuracy`, `auc`, `statistic`.

    Returns
    -------
    DataFrame
        `store`, `split`, `statistic` and the columns of `compare_decoders`, whose family of tests is
        all pairs of a store and a split. The `statistic` is what the differences are of: the area
        under the curve where labels are unequal, over the folds that have two labels at least, else
        the accuracy.
    """
    tables = []
    for (store, split), part in folds.groupby(["store", "split"], sort=False):
        statistic, part = _compared_by(part)
        by_decoder = {str(name): own[statistic].to_numpy() for name, own in part.groupby("decoder", sort=False)}
        table = compare_decoders(by_decoder, float(part["n_test"].mean()), float(part["n_train"].mean()))
        table.insert(0, "store", str(store))
        table.insert(1, "split", str(split))
        table.insert(2, "statistic", statistic)
        if len(table):
            tables.append(table)
    if not tables:
        columns = compare_decoders({}, 1, 1).columns
        return pd.DataFrame(columns=["store", "split", "statistic", *columns])
    return pd.concat(tables, ignore_index=True)


def _compared_by(folds: pd.DataFrame) -> tuple[str, pd.DataFrame]:
    """Return what the decoders of one store and split are compared by, and the folds that have it."""
    told = folds[folds.groupby("fold")["auc"].transform(lambda areas: areas.notna().all())]
    if (folds["statistic"] == "auc").all() and told["fold"].nunique() > 1:
        return "auc", told
    return "accuracy", folds


def _score(one: Filled) -> dict[str, Any]:
    cell = one.cell
    row: dict[str, Any] = {
        "store": cell.name,
        "content_hash": cell.content[:_SHORT_HASH],
        "decoder": cell.decoder,
        "settings": json.dumps(resolved(cell.settings), sort_keys=True),
        "split": cell.split,
        "leaky": cell.leaky,
        "seconds": one.seconds,
        "error": one.error,
        "cell": cell.key,
    }
    if one.error is not None:
        return row
    metrics = one.run.metrics
    score = metrics["splits"][cell.split]
    row["statistic"] = score["statistic"]
    honest = metrics["splits"][cell.settings.split]
    row |= scalars({name: value for name, value in score.items() if name != "retrained"})
    row["n_classes"] = len(score["classes"])
    if cell.leaky:
        row["inflation"] = score["accuracy"] - honest["accuracy"]
        row["verdict"] = inflation_sentence(honest, score)
    else:
        row["efficiency"] = efficiency(score["accuracy"], score["chance"], score["chance_bound"], score["ceiling"])
        row["verdict"] = metrics["verdict"]
    return row


def _folds(one: Filled) -> list[dict[str, Any]]:
    folds, score = one.run.folds(one.cell.split), one.run.metrics["splits"][one.cell.split]
    accuracies, statistic = score["folds"], score["statistic"]
    areas: list[float | None] = [None] * len(accuracies)
    if statistic == "auc":
        areas = fold_areas(read_predictions(folds, len(accuracies)))
    rows = []
    for number, (accuracy, area) in enumerate(zip(accuracies, areas, strict=True)):
        about = folds.about(number)
        rows.append(
            {
                "store": one.cell.name,
                "decoder": one.cell.decoder,
                "split": one.cell.split,
                "fold": number,
                "n_train": about["n_train"],
                "n_test": about["n_test"],
                "accuracy": accuracy,
                "auc": area,
                "statistic": statistic,
                "cell": one.cell.key,
            }
        )
    return rows


def _in_order(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table with all its columns, those that say what a row is of first, of one kind each."""
    for name in (*_FIRST, *_LAST):
        if name not in table:
            table[name] = None
    others = [name for name in table if name not in (*_FIRST, *_LAST)]
    table = table[[*_FIRST, *others, *_LAST]]
    kinds = {name: "string" if name in _TEXTS else "float64" for name in table if name != "leaky"}
    return table.astype(kinds | {name: "Int64" for name in _COUNTS if name in table})
