"""Commands that carry a decoder from one recording to another: train, predict."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mindglyph.cli.app import AsJson, Seed, StoppedError, StorePath, app, beside, remark, show
from mindglyph.cli.decoding import DecoderName, Wishes
from mindglyph.cli.watching import watching


@app.command("train")
def train_command(
    store: StorePath,
    decoder: DecoderName = "lda",
    wishes: Wishes = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder. [default: STORE.DECODER.train]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a training that was stopped.")] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> None:
    """Train a decoder on all trials of a store, to decode other recordings with.

    Ctrl-C stops it and keeps what is done; the same command with --resume goes on, to the same result.

    Example: mindglyph train mw.store --decoder sparse-cnn --set training.max_epochs=20
    """
    from mindglyph.decoders.settings import DecodingSettings, chosen_settings
    from mindglyph.runs import Run
    from mindglyph.settings import checked
    from mindglyph.store import Store
    from mindglyph.training import is_finished, train

    settings = checked(
        DecodingSettings, "train", decoder=decoder, decoder_settings=chosen_settings(decoder, wishes or []), seed=seed
    )
    opened = Store(store)
    folder = out or beside(store, f"{decoder}.train")
    before = Run.exists(folder) and is_finished(Run.open(folder))
    if resume and not Run.exists(folder):
        remark(f"no training was begun in {folder}: it begins now")
    try:
        with watching("train") as watch:
            opened.verify()
            metrics = train(opened, settings, folder, resume, watch.epoch)
            watch.step(1, 1)
    except StoppedError:
        raise StoppedError(f"what is done is kept in {folder}: go on with the same command and --resume") from None
    if before:
        remark("this training was finished before: nothing is done again")
    held_out = metrics["held_out"]
    rows = {"trials": f"{metrics['n_trials']:,}"}
    if metrics["epochs"]:
        rows["epochs"] = str(metrics["epochs"])
    if held_out["n_trials"]:
        # The epoch and the temperature were chosen on them.
        rows["held out"] = f"{held_out['accuracy']:.1%} of {held_out['n_trials']:,} trials, used for choosing: no score"
    rows |= {"time": f"{metrics['seconds']:.1f} s", "run": str(folder)}
    show(metrics, as_json, f"{decoder} trained on {store.name}", rows)


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
    show({"predictions": records}, as_json, f"{len(predictions):,} trials decoded", rows)
