"""Commands that carry a decoder from one recording to another: train, predict."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mindglyph.cli.app import AsJson, Cluster, Seed, StoppedError, StorePath, app, beside, remark, show
from mindglyph.cli.decoding import Balancing, CodeDimension, Preparing, SettingsFile, Wishes, asked_decoding
from mindglyph.cli.watching import watching

if TYPE_CHECKING:
    from mindglyph.transfer import Transfer


@app.command("train")
def train_command(
    store: StorePath,
    decoder: Annotated[
        str | None,
        typer.Option(
            help="Name of a decoder; 'mindglyph decoders' lists them. "
            "[default: default, or that of --settings or --from]"
        ),
    ] = None,
    file: SettingsFile = None,
    wishes: Wishes = None,
    preparing: Preparing = None,
    autoencoder: CodeDimension = None,
    balance: Balancing = "none",
    out: Annotated[Path | None, typer.Option(help="The run's folder. [default: STORE.DECODER.train]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="A trained decoder to start from, of this or another headset: its run, or its file."
        ),
    ] = None,
    frozen: Annotated[
        str | None, typer.Option(help="With --from: what stays as it is, 'none' or 'body'. [default: none]")
    ] = None,
    head: Annotated[
        str | None,
        typer.Option(help="With --from: 'new' lets the decision begin anew, 'auto' where the classes differ."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, help="Processes that train the parts of a decoder that has some: sparse-forest.")
    ] = 1,
    cluster: Cluster = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train a decoder on all trials of a store, to decode other recordings with.

    Ctrl-C stops it and keeps what is done; the same command with --resume goes on, to the same result.

    With --from the trials are mapped to the channels and the rate of the decoder to start from, and a network
    learns at a third of its rate unless --set training.learning_rate says otherwise.

    Example: mindglyph train mw.store --decoder sparse-cnn --set training.max_epochs=20
    """
    from mindglyph.compute import Place, check_place
    from mindglyph.decoders.settings import DecodingSettings, chosen_settings
    from mindglyph.errors import UserError
    from mindglyph.runs import Run
    from mindglyph.store import Store
    from mindglyph.training import is_finished, train

    check_place(workers, cluster)
    place = Place(workers, cluster)
    transfer = _transfer(source, decoder, {"frozen": frozen, "head": head}, preparing or autoencoder)
    if transfer is None:
        others = {"decoder": decoder, "balance": balance, "seed": seed}
        settings = asked_decoding(DecodingSettings, "train", wishes, preparing, autoencoder, file, **others)
        decoder = settings.decoder
    else:
        if file is not None:
            raise UserError(
                "train: --settings does not go with --from, whose decoder has settings already: leave it out"
            )
        decoder = transfer.source.name
        there = transfer.source.decoder.settings_.model_dump(mode="json")
        settings = transfer.decoding(chosen_settings(decoder, wishes or [], there), seed, balance)
    if not place.is_here and not settings.in_parts:
        remark(f"{decoder} is trained in one piece, and in this process: --workers and --cluster change nothing")
    opened = Store(store)
    folder = out or beside(store, f"{decoder}.train")
    before = Run.exists(folder) and is_finished(Run.open(folder))
    if resume and not Run.exists(folder):
        remark(f"no training was begun in {folder}: it begins now")
    try:
        with watching("train") as watch:
            opened.verify()
            metrics = train(opened, settings, folder, resume, watch.epoch, transfer, place)
            watch.step(1, 1)
    except StoppedError:
        raise StoppedError(f"what is done is kept in {folder}: go on with the same command and --resume") from None
    if before:
        remark("this training was finished before: nothing is done again")
    show(metrics, as_json, f"{decoder} trained on {store.name}", _rows(metrics, source) | {"run": str(folder)}, folder)


def _rows(metrics: dict[str, Any], source: Path | None) -> dict[str, str]:
    """Return what is shown of a training."""
    held_out = metrics["held_out"]
    rows = {"trials": f"{metrics['n_trials']:,}"}
    if source is not None:
        rows["started from"] = str(source)
        rows["interpolated"] = ", ".join(metrics["interpolated"]) or "no channel"
    if metrics["epochs"]:
        rows["epochs"] = str(metrics["epochs"])
    if held_out["n_trials"]:
        # The epoch and the temperature were chosen on them.
        rows["held out"] = f"{held_out['accuracy']:.1%} of {held_out['n_trials']:,} trials, used for choosing: no score"
    return rows | {"time": f"{metrics['seconds']:.1f} s"}


def _transfer(
    source: Path | None, decoder: str | None, wished: dict[str, str | None], prepared: Any
) -> Transfer | None:
    """Read what to start from, if anything."""
    from mindglyph.errors import UserError
    from mindglyph.settings import checked_options
    from mindglyph.training import trained_pipeline
    from mindglyph.transfer import Transfer, TransferSettings

    given = {name: value for name, value in wished.items() if value is not None}
    if source is None:
        if given:
            raise UserError(f"--{next(iter(given))} says how to go on from another decoder: name it with --from")
        return None
    if prepared:
        raise UserError("what is started from brings its own preprocessing: leave out --preprocess and --autoencoder")
    settings = checked_options(TransferSettings, "train --from", **given)
    pipeline = trained_pipeline(source)
    if decoder not in (None, pipeline.name):
        raise UserError(f"{source}: is a {pipeline.name}, and goes on as one: leave out --decoder {decoder}")
    return Transfer(pipeline, settings)


@app.command("predict")
def predict_command(
    model: Annotated[Path, typer.Argument(metavar="RUN", help="A folder made by 'mindglyph train', or its decoder.")],
    store: StorePath,
    out: Annotated[
        Path | None, typer.Option(help="The Parquet table to write. [default: STORE.predictions.parquet]")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decode the trials of a store with a trained decoder.

    Example: mindglyph predict mw.store.lda.train other.store
    """
    import pandas as pd

    from mindglyph.files import replaced_file
    from mindglyph.store import Store
    from mindglyph.training import trained_pipeline

    pipeline = trained_pipeline(model)
    trials = Store(store).trials(extras=False)
    probabilities, _ = pipeline.outputs(trials)
    classes = pipeline.decoder.classes_
    predictions = pd.DataFrame(
        {
            "event": trials.metadata["event"],
            "predicted": classes[probabilities.argmax(axis=1)],
            **{f"p_{label}": probabilities[:, place] for place, label in enumerate(classes)},
        }
    )
    path = out or beside(store, "predictions.parquet")
    with replaced_file(path) as temporary:
        predictions.to_parquet(temporary)
    # As JSON all are printed, else the first few.
    records = (predictions if as_json else predictions.head(10)).to_dict(orient="records")
    first = {
        f"event {record['event']}": f"{record['predicted']} ({best:.1%})"
        for record, best in zip(records[:10], probabilities.max(axis=1), strict=False)
    }
    rows = {**first, **({"…": ""} if len(predictions) > 10 else {}), "all": str(path)}
    show({"predictions": records}, as_json, f"{len(predictions):,} trials decoded", rows, path)
