"""Commands that decode: evaluate, reconstruct, report."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from mindglyph.cli.app import AsJson, RunPath, Seed, StorePath, app, beside, progress, say, show
from mindglyph.cli.watching import watching

if TYPE_CHECKING:
    from mindglyph.decoders.settings import DecodingSettings
    from mindglyph.evaluation import EvaluationSettings
    from mindglyph.runs import Run
    from mindglyph.store import Store

AnyDecodingSettings = TypeVar("AnyDecodingSettings", bound="DecodingSettings")

Wishes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the decoder, such as training.max_epochs=5."),
]
Preparing = Annotated[
    list[str] | None,
    typer.Option("--preprocess", metavar="KEY=VALUE", help="A setting of the preprocessing, such as highpass=1."),
]
DecoderName = Annotated[str, typer.Option(help="Name of a decoder; 'mindglyph decoders' lists them.")]
CodeDimension = Annotated[
    int | None, typer.Option("--autoencoder", metavar="DIM", help="Decode from an auto-encoder's code of DIM channels.")
]
Balancing = Annotated[
    str, typer.Option(help="How classes of unequal size count the same in training: none, weights, over, under.")
]


def asked_decoding(
    kind: type[AnyDecodingSettings],
    command: str,
    wishes: list[str] | None,
    preparing: list[str] | None,
    dimension: int | None,
    **others: Any,
) -> AnyDecodingSettings:
    """Return the settings of a decoding as a user asks for them; `others` go in as they are."""
    from mindglyph.decoders.settings import chosen_preprocessing, chosen_settings
    from mindglyph.settings import checked

    return checked(
        kind,
        command,
        decoder_settings=chosen_settings(others["decoder"], wishes or []),
        preprocessing=chosen_preprocessing(preparing or []),
        autoencoder=None if dimension is None else {"dimension": dimension},
        **others,
    )


@app.command("evaluate")
def evaluate_command(
    store: StorePath,
    decoder: DecoderName = "default",
    wishes: Wishes = None,
    preparing: Preparing = None,
    autoencoder: CodeDimension = None,
    balance: Balancing = "none",
    folds: Annotated[int, typer.Option(help="Stretches of the recording that are tested in turn.")] = 5,
    out: Annotated[Path | None, typer.Option(help="The run's folder. [default: STORE.DECODER.run]")] = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that train folds side by side.")] = 1,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train and test a decoder on stretches of time of their own, and say what the score is worth.

    Example: mindglyph evaluate mw.store --decoder lda
    """
    from mindglyph.evaluation import EvaluationSettings

    others = {"decoder": decoder, "balance": balance, "folds": folds, "seed": seed}
    settings = asked_decoding(EvaluationSettings, "evaluate", wishes, preparing, autoencoder, **others)
    folder = out or beside(store, f"{decoder}.run")
    metrics = run_evaluation(store, settings, folder, workers)
    decoding = metrics["decoding"]
    rows = {
        "verdict": metrics["verdict"],
        **{f"warning {number}": warning for number, warning in enumerate(metrics["warnings"], start=1)},
        "accuracy": f"{decoding['accuracy']:.1%} (95% interval {decoding['ci95'][0]:.1%} to {decoding['ci95'][1]:.1%})",
        "chance": f"{decoding['chance']:.1%}; guessing exceeds {decoding['chance_bound']:.1%} once in 20 recordings",
        "p": f"{decoding['p_value']:.4f} by {decoding['permutations']:,} permutations in blocks of {decoding['block']}",
        "balanced": f"{decoding['balanced_accuracy']:.1%} if all labels were as frequent",
        "majority": f"{decoding['majority']:.1%}",
        "run": str(folder),
    }
    show(metrics, as_json, f"{decoder} on {store.name}", rows)


def run_evaluation(store_path: Path, settings: EvaluationSettings, folder: Path, workers: int = 1) -> dict[str, Any]:
    """Evaluate with progress and write the decoding part of `metrics.json`."""
    from mindglyph.evaluation import cross_validate, evaluated_trials, score_decoding, verdict
    from mindglyph.runs import Run
    from mindglyph.store import Store

    store = Store(store_path)
    store.verify()
    asked = {
        "kind": "evaluation",
        "store": str(store_path.resolve()),
        "content_hash": store.about["content_hash"],
        "settings": settings.model_dump(mode="json"),
    }
    # A decoder or a split that cannot be made is said before a folder is.
    settings.pipeline(store.about["sfreq"])
    labels = evaluated_trials(store).labels
    list(settings.splitter().split(labels, labels))
    run = Run.start(folder, asked)
    with watching("train, test") as watch:
        predictions = cross_validate(store, settings, run, workers, watch.step, watch.epoch)
    truth = store.truth
    ceiling = truth["ceiling"]["accuracy"] if truth else None
    score = score_decoding(predictions, ceiling, settings.permutations, settings.seed)
    run.write_null(score.null)
    decoding = score.as_metrics()
    simulated = store.about["simulated"]
    return run.add_metrics(
        verdict=verdict(decoding, simulated, store.about["ordered"]),
        warnings=store.about["warnings"],
        simulated=simulated,
        decoding=decoding,
    )


@app.command("reconstruct")
def reconstruct_command(run: RunPath, as_json: AsJson = False) -> None:
    """Draw what was seen in every tested trial, and score the pictures beside their controls.

    Example: mindglyph reconstruct mw.store.lda.run
    """
    metrics = run_reconstruction(run)
    scores = metrics["pictures"]
    controls = scores["judge_controls"]
    rows = {
        "judge": f"reads the digit shown in {scores['judge_accuracy']:.1%} of the pictures "
        f"(label only {controls['label_only']:.1%}, shuffled EEG {controls['shuffled']:.1%}, "
        f"class mean {controls['class_mean']:.1%})"
    }
    if scores["seen_known"]:
        rows["identification"] = (
            f"{scores['identification']:.1%} find the picture seen among {scores['n_way']} "
            f"(chance {scores['identification_chance']:.0%}, p = {scores['identification_p_value']:.4f}; "
            f"label only {scores['label_only']:.1%}, shuffled EEG {scores['shuffled']:.1%}, "
            f"class mean {scores['class_mean']:.1%})"
        )
        rows["gain"] = f"{scores['gain_beyond_digit']:+.1%} beyond the digit (p = {scores['gain_p_value']:.4f})"
    else:
        rows["identification"] = "not possible: the recording does not say which picture was shown"
    rows["pictures"] = str(run / "pictures.npz")
    show(metrics, as_json, f"Pictures of {run.name}", rows)


def run_reconstruction(folder: Path) -> dict[str, Any]:
    """Reconstruct with progress and write the pictures part of `metrics.json`."""
    from mindglyph.evaluation import evaluated_trials, score_pictures
    from mindglyph.images.judge import packaged_judge
    from mindglyph.images.vae import packaged_vae
    from mindglyph.reconstruction import reconstruct_run

    run, store, settings = open_evaluation(folder)
    trials = evaluated_trials(store)
    splits = list(settings.splitter().split(trials.labels, trials.labels))
    with progress("draw") as report:
        pictures = reconstruct_run(run, trials, splits, packaged_vae(), report)
    pictures.save(run.path / "pictures.npz")
    scores = score_pictures(pictures, packaged_judge(), min(2000, settings.permutations), settings.seed)
    return run.add_metrics(pictures=scores)


def open_evaluation(folder: Path) -> tuple[Run, Store, EvaluationSettings]:
    """Open a run with the store that it was made of; refuse a store that has changed since."""
    from mindglyph.errors import UserError
    from mindglyph.evaluation import EvaluationSettings
    from mindglyph.runs import Run
    from mindglyph.store import Store

    run = Run.open(folder)
    if run.asked.get("kind") != "evaluation" or "decoding" not in run.metrics:
        raise UserError(f"{folder}: holds no finished evaluation: run 'mindglyph evaluate STORE --out {folder}'")
    store = Store(Path(run.asked["store"]))
    if store.about["content_hash"] != run.asked["content_hash"]:
        raise UserError(f"{store.path}: has changed since {folder} was made: evaluate it anew into another folder")
    store.verify()
    return run, store, EvaluationSettings.model_validate(run.asked["settings"])


@app.command("report")
def report_command(
    run: RunPath,
    out: Annotated[Path | None, typer.Option(help="The page to write. [default: RUN/report.html]")] = None,
) -> None:
    """Write one page that shows the verdict, the pictures and all that belongs to them.

    Example: mindglyph report mw.store.lda.run
    """
    say(f"report: {run_report(run, out)}")


def run_report(folder: Path, out: Path | None = None) -> Path:
    """Write the report of a run and return where it is."""
    from mindglyph.report.page import write_report

    run, store, settings = open_evaluation(folder)
    path = out or folder / "report.html"
    write_report(path, run, store, settings)
    return path
