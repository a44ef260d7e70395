"""`mindglyph benchmark`: every decoder on every store under every split, as one table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindglyph.cli.app import AsJson, Cluster, Seed, Splits, app, going_on, listed, remark, say
from mindglyph.cli.watching import watching
from mindglyph.errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from mindglyph.evaluation.benchmark import Benchmark

_DEFAULT_DECODERS = ("chance", "default")
_DIFFERENCES = {
    "accuracy": "differences in accuracy, in percentage points",
    "auc": "differences in the area under the curve, since labels are unequal",
}


@app.command("benchmark")
def benchmark_command(
    stores: Annotated[list[Path], typer.Argument(metavar="STORE", help="Trial stores made by 'mindglyph import'.")],
    out: Annotated[Path, typer.Option(help="The folder of the tables, and of the runs that they are of.")],
    decoders: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME,...",
            help="Names of decoders, with commas between them or the option given several times. "
            "[default: chance,default]",
        ),
    ] = None,
    splits: Splits = None,
    folds: Annotated[int, typer.Option(help="Parts of the recording that are tested in turn.")] = 5,
    wishes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME:KEY=VALUE", help="A setting of one decoder, such as mlp:training.max_epochs=5."
        ),
    ] = None,
    preparing: Annotated[
        list[str] | None,
        typer.Option("--preprocess", metavar="KEY=VALUE", help="A setting of the preprocessing, such as highpass=1."),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that evaluate side by side.")] = 1,
    cluster: Cluster = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Evaluate every decoder on every store under every split; one table, one figure, all pairs compared.

    The same command goes on where it was stopped; what is finished is not done again until data, settings or
    versions change.

    Example: mindglyph benchmark mw.store ep.store --decoders chance,lda,evoked --splits blocked,random --out table
    """
    from mindglyph.decoders.settings import chosen_preprocessing
    from mindglyph.evaluation import EvaluationSettings
    from mindglyph.evaluation.benchmark import Question, run_benchmark
    from mindglyph.settings import checked_options

    settings = checked_options(
        EvaluationSettings,
        "benchmark",
        splits=listed(splits) or ("blocked",),
        folds=folds,
        preprocessing=chosen_preprocessing(preparing or []),
        seed=seed,
    )
    names = listed(decoders) or list(_DEFAULT_DECODERS)
    question = Question(tuple(stores), chosen_decoders(names, wishes or []), settings)
    with going_on(), watching("cells") as watch:
        benchmark, failed = run_benchmark(question, out, workers, watch, cluster)
    from mindglyph.report.benchmark_figure import write_benchmark_figure

    write_benchmark_figure(benchmark.scores, out)
    if as_json:
        say(json.dumps(as_plain(benchmark, out)))
    else:
        _print_tables(benchmark)
        say(f"tables and figure: {out} (scores.csv, scores.parquet, folds.parquet, comparisons.csv, scores.png)")
    if benchmark.others:
        remark(f"mindglyph: {out}: holds {benchmark.others} more runs, of other settings, data or versions")
    if failed:
        first = failed[0]
        why = benchmark.scores["error"].dropna().iloc[0]
        remark(
            f"mindglyph: {len(failed)} of {len(benchmark.scores)} cells failed; the first, {first.decoder} on "
            f"{first.name} ({first.split}): {why}"
        )


def chosen_decoders(names: Sequence[str], wishes: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return what differs from the defaults of each decoder.

    Parameters
    ----------
    names : sequence of str
        Of decoders.
    wishes : sequence of str
        Each `NAME:setting=value`.

    Returns
    -------
    dict of str to dict
        By the decoder's name: values by the setting's name.

    Raises
    ------
    UserError
        If there is no such decoder or setting, or a wish names a decoder that is not asked for.
    """
    from mindglyph.decoders.settings import chosen_settings

    own: dict[str, list[str]] = {name: [] for name in names}
    for wish in wishes:
        # The name of a network of the zoo has a colon of its own.
        whose = [name for name in names if wish.startswith(f"{name}:")]
        if not whose:
            raise UserError(f"--set {wish}: begin with one of the decoders, such as {names[0]}:KEY=VALUE")
        own[whose[0]].append(wish.removeprefix(f"{whose[0]}:"))
    return {name: chosen_settings(name, their) for name, their in own.items()}


def as_plain(benchmark: Benchmark, folder: Path) -> dict[str, Any]:
    """Return a benchmark as JSON can hold it: what is absent is null."""
    tables = {"scores": benchmark.scores, "folds": benchmark.folds, "comparisons": benchmark.comparisons}
    rows = {name: json.loads(table.to_json(orient="records", double_precision=15)) for name, table in tables.items()}
    failed = int(benchmark.scores["error"].notna().sum())
    return {**rows, "failed": failed, "others": benchmark.others, "out": str(folder)}


def _print_tables(benchmark: Benchmark) -> None:
    """Print, store after store, the scores and the differences between decoders."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    for store, scores in benchmark.scores.groupby("store", sort=False):
        # What a store is called is text, whatever brackets stand in it.
        console.print(Text(_about(str(store), scores)), soft_wrap=True)
        console.print(_scores(scores))
        pairs = benchmark.comparisons[benchmark.comparisons["store"] == store]
        if len(pairs):
            for statistic, own in pairs.groupby("statistic", sort=False):
                console.print(_DIFFERENCES[str(statistic)])
                console.print(_pairs(own))


def _about(store: str, scores: pd.DataFrame) -> str:
    """Return what all scores of a store have in common."""
    scored = scores.dropna(subset="accuracy")
    if not len(scored):
        return f"{store}: no cell has a score"
    one, bound = scored.iloc[0], scored["chance_bound"].max()
    text = f"{store}: {scored['n_test'].max():,} trials, chance {one['chance']:.1%}"
    if (majority := scored["majority"].max()) > one["chance"]:
        text += f", always naming the most frequent label in training {majority:.1%}"
    text += f"; guessing exceeds {bound:.1%} once in 20 recordings"
    if (scored["statistic"] == "auc").any():
        text += "; labels are unequal: where the area under the curve (AUC) is shown, p is of it, and guessing gets 0.5"
    return text if _absent(one["ceiling"]) else f"{text}; simulated, ceiling {one['ceiling']:.1%}"


def _scores(scores: pd.DataFrame) -> Table:
    from mindglyph.report.benchmark_figure import split_name

    by_area = scores["statistic"].eq("auc").fillna(False)
    heads = ["accuracy (95%)", *(["AUC"] if by_area.any() else []), "p"]
    heads += ["efficiency"] if scores["efficiency"].notna().any() else []
    heads += ["inflation"] if scores["inflation"].notna().any() else []
    table = _table(["decoder", "split"], heads)
    for _, row in scores.iterrows():
        if _absent(row["accuracy"]):
            table.add_row(row["decoder"], split_name(row["split"], row["leaky"]), "failed")
            continue
        texts = {
            heads[0]: f"{row['accuracy']:.1%} ({100 * row['ci_low']:.1f}-{100 * row['ci_high']:.1f})",
            "AUC": "" if row["statistic"] != "auc" else f"{row['auc']:.3f}",
            "p": _p(row["p_value"]),
            "efficiency": f"{row['efficiency']:.2f}",
            "inflation": f"{100 * row['inflation']:+.1f}",
        }
        cells = ["" if "nan" in texts[head] else texts[head] for head in heads]
        table.add_row(row["decoder"], split_name(row["split"], row["leaky"]), *cells)
    return table


def _pairs(comparisons: pd.DataFrame) -> Table:
    from mindglyph.evaluation.splits import LEAKY
    from mindglyph.report.benchmark_figure import split_name

    table = _table(["decoders", "split"], ["difference", "95% interval", "p (Holm)"])
    for _, row in comparisons.iterrows():
        by_area = row["statistic"] == "auc"
        difference, low, high = (
            f"{row[name]:+.3f}" if by_area else f"{100 * row[name]:+.1f}"
            for name in ("difference", "ci_low", "ci_high")
        )
        table.add_row(
            f"{row['decoder_a']} - {row['decoder_b']}",
            split_name(row["split"], row["split"] in LEAKY),
            difference,
            f"{low} to {high}",
            _p(row["p_holm"]),
        )
    return table


def _table(names: Sequence[str], figures: Sequence[str]) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for head in names:
        table.add_column(head)
    for head in figures:
        table.add_column(head, justify="right", no_wrap=True)
    return table


def _p(value: float) -> str:
    return "<0.0001" if value < 0.00005 else f"{value:.4f}"


def _absent(value: Any) -> bool:
    import pandas as pd

    return bool(pd.isna(value))
