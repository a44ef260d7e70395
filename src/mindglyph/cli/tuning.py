"""`mindglyph tune`: search a decoder's settings, and score what is found on trials never searched on."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mindglyph.cli.app import AsJson, Cluster, Seed, StoppedError, StorePath, app, beside, remark, show
from mindglyph.cli.decoding import Balancing, CodeDimension, Preparing, Wishes, asked_decoding
from mindglyph.cli.watching import watching

_SHOWN = 8
"""Settings whose importance is shown."""


@app.command("tune")
def tune_command(
    store: StorePath,
    decoder: Annotated[str, typer.Option(help="Name of a decoder; 'mindglyph decoders' lists them.")],
    n_trials: Annotated[
        int, typer.Option("--trials", min=1, help="Trials of the search in all, those done before counted in.")
    ] = 40,
    searched: Annotated[
        list[str] | None,
        typer.Option(
            "--search",
            metavar="KEY",
            help="A setting to search, such as training.learning_rate or preprocessing; several times for several. "
            "[default: all that declare a range]",
        ),
    ] = None,
    wishes: Wishes = None,
    preparing: Preparing = None,
    autoencoder: CodeDimension = None,
    balance: Balancing = "none",
    folds: Annotated[int, typer.Option(help="Parts of the searched trials that are tested in turn.")] = 4,
    out: Annotated[
        Path | None,
        typer.Option(help="The run's folder, or a .yaml for the best settings. [default: STORE.DECODER.tuning]"),
    ] = None,
    storage: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|URL",
            help="A journal file or a database in which several processes work on one search. [default: in the run]",
        ),
    ] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that do trials side by side.")] = 1,
    cluster: Cluster = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Search the settings of a decoder on the first four fifths of a store, and score the best on the last.

    What --set and --preprocess say stays as it is. The same command goes on where it was stopped, and with more
    --trials it searches on. 'mindglyph train' and 'evaluate' take what is found by --settings.

    Example: mindglyph tune mw.store --decoder lda --trials 40 --out best.yaml
    """
    from mindglyph.decoders.settings_file import write_settings
    from mindglyph.report.tuning_figures import write_tuning_figures
    from mindglyph.store import Store
    from mindglyph.tuning import TuningSettings, tune
    from mindglyph.tuning.tune import BEST, open_tuning

    others: dict[str, Any] = {"decoder": decoder, "balance": balance, "folds": folds, "seed": seed}
    others["fixed"] = (*_named(wishes), *(f"preprocessing.{name}" for name in _named(preparing)))
    others["searched"] = tuple(searched or ())
    settings = asked_decoding(TuningSettings, "tune", wishes, preparing, autoencoder, None, **others)
    file = out if out is not None and out.suffix.lower() in (".yaml", ".yml") else None
    folder = beside(store, f"{decoder}.tuning") if out is None or file is not None else out
    try:
        metrics = tune(Store(store), settings, folder, n_trials, storage, workers, watching, cluster)
    except StoppedError:
        raise StoppedError(f"the trials done are kept in {storage or folder}: go on with the same command") from None
    write_tuning_figures(open_tuning(folder)[1], metrics["importance"], folder)
    if file is not None:
        write_settings(file, settings.chosen(metrics["best"]["params"]))
    if len(metrics["looks"]) > 1:
        remark(
            f"mindglyph: the outer test was scored {len(metrics['looks'])} times, as the search went on: "
            "choose none of these searches by it"
        )
    rows = _rows(metrics) | {"best settings": f"{file or folder / BEST}{_reserve(metrics)}"}
    show(metrics, as_json, f"{decoder} on {store.name}", rows, folder)


def _named(wishes: list[str] | None) -> list[str]:
    return [wish.partition("=")[0].strip() for wish in wishes or []]


def _rows(metrics: dict[str, Any]) -> dict[str, str]:
    """Return what is shown of a search."""
    from mindglyph.evaluation.verdict import p_text

    best, default, outer = metrics["best"], metrics["default"], metrics["outer"]
    rows = {"trials": ", ".join(f"{count} {state}" for state, count in metrics["trials"].items())}
    if default is None:
        rows["defaults"] = "do not go through: see trials.csv"
    else:
        rows["inner loss"] = (
            f"{best['log_loss']:.4f} nats (trial {best['number']}), by default {default['log_loss']:.4f}"
        )
    same = default is not None and best["params"] == default["params"]
    rows["best"] = "the defaults: nothing better was found" if same else _values(best, default)
    if metrics["importance"] is not None:
        shown = list(metrics["importance"].items())[:_SHOWN]
        rows["importance"] = ", ".join(f"{name} {share:.0%}" for name, share in shown)
    rows["outer test"] = f"{_score(outer['best'])}, {outer['n_test']:,} trials never searched on"
    if not same and outer["default"] is not None:
        rows["by default"] = _score(outer["default"])
        found = outer["difference"]
        low, high = found["accuracy_ci95"]
        rows["difference"] = (
            f"{100 * found['accuracy']:+.1f} points (95% interval {100 * low:+.1f} to {100 * high:+.1f}), "
            f"p {p_text(found['p_value'])}; log loss {_loss(found['log_loss'])}"
        )
        rows["blocks"] = _blocks(outer["n_test"], found["block"])
    rows |= {f"warning {number}": warning for number, warning in enumerate(metrics["warnings"], start=1)}
    return rows


def _loss(difference: float) -> str:
    worth = "an improvement" if difference < 0 else "no improvement"
    return f"{difference:+.4f} nats (less is better: {worth})"


def _blocks(n_test: int, block: int) -> str:
    """Return how many blocks interval and p rest on, and how far that goes."""
    from mindglyph.tuning.outer import FEWEST_BLOCKS, least_p_value

    n_blocks = -(-n_test // block)
    text = f"{n_blocks} of {block} neighbouring trials, for interval and p of the difference"
    if n_blocks >= FEWEST_BLOCKS:
        return text
    return (
        f"{text}: fewer than {FEWEST_BLOCKS}, so that neither says much (the interval is too narrow, and p cannot "
        f"fall below {least_p_value(n_blocks):.3g}): search a longer recording"
    )


def _reserve(metrics: dict[str, Any]) -> str:
    """Return what must be said of settings that the outer test does not show to be better than the defaults."""
    best, default, found = metrics["best"], metrics["default"], metrics["outer"]["difference"]
    if default is None or best["params"] == default["params"]:
        return ""
    better = {"accuracy": found["accuracy"] > 0, "log loss": found["log_loss"] < 0}
    if all(better.values()):
        return ""
    if not any(better.values()):
        return " (no better than the defaults on the outer test)"
    by, not_by = sorted(better, key=lambda name: not better[name])
    return f" (better than the defaults on the outer test by {by}, not by {not_by})"


def _values(best: dict[str, Any], default: dict[str, Any] | None) -> str:
    before = {} if default is None else default["params"]
    changed = {name: value for name, value in best["params"].items() if before.get(name, ...) != value}
    return ", ".join(
        f"{name} {f'{value:.3g}' if isinstance(value, float) else value}" for name, value in changed.items()
    )


def _score(score: dict[str, Any]) -> str:
    from mindglyph.evaluation.verdict import p_text

    low, high = score["ci95"]
    p = p_text(score["p_value"], score["permutations"])
    return f"{score['accuracy']:.1%} (95% interval {low:.1%} to {high:.1%}), p {p}"
