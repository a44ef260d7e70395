"""Trains a decoder on all trials of a store, and keeps it as a run's folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mindglyph.compute import Place
from mindglyph.decoders import DecodingPipeline
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import PlaceError, UserError
from mindglyph.evaluation import evaluated_trials
from mindglyph.files import explained
from mindglyph.folders import remove_folder
from mindglyph.runs import MODEL, Run, hashes, refuse_changed
from mindglyph.store import Store
from mindglyph.transfer import Transfer
from mindglyph.trials import Trials

_KIND = "training"


def asked_of_training(store: Store, settings: DecodingSettings, transfer: Transfer | None = None) -> dict[str, Any]:
    """Return what `run.json` says of a training."""
    return {
        **({} if transfer is None else {"transfer": transfer.about()}),
        "kind": _KIND,
        "store": str(store.path.resolve()),
        "content_hash": store.about["content_hash"],
        "settings": settings.model_dump(mode="json"),
    }


def train(
    store: Store,
    settings: DecodingSettings,
    folder: Path,
    resume: bool = False,
    report: Callable[[Progress], None] | None = None,
    transfer: Transfer | None = None,
    place: Place | None = None,
) -> dict[str, Any]:
    """Train a decoder on all trials of a store.

    Parameters
    ----------
    store : Store
        The trials.
    settings : DecodingSettings
        What is trained.
    folder : Path
        The run's folder. What is finished in it is not done again.
    resume : bool
        Whether to go on with an unfinished training.
    report : callable, optional
        Called with the `Progress` of each epoch.
    transfer : Transfer, optional
        What the decoder starts from; `settings` are then those that it gave.
    place : Place, optional
        Where the decoder's parts are trained, if it has some that can be trained apart: in this
        process otherwise. The workers of a cluster must see the folder.

    Returns
    -------
    dict
        What `metrics.json` holds: `n_trials`, `n_classes`, `held_out` (loss, accuracy and number
        of the trials of the last stretch that a network's stopping and every decoder's temperature
        were chosen on: no score), `temperature`, `epochs`, `seconds`, `resumed`, and the SHA-256
        of each file; with an auto-encoder also its `reconstruction_error`, and with a transfer the names
        of the source's channels that are `interpolated` here.

    Raises
    ------
    UserError
        If the folder holds something else, or an unfinished training that `resume` does not ask
        for; or if the trials do not suit the decoder.
    """
    trials = evaluated_trials(store)
    pipeline = settings.pipeline(trials.sfreq) if transfer is None else transfer.pipeline(trials, settings)
    asked = asked_of_training(store, settings, transfer)
    known = Run.exists(folder)
    run = Run.start(folder, asked)
    with run.held():
        if not is_finished(run):
            if known and not resume:
                raise UserError(
                    f"{folder}: holds a training that was stopped: go on with --resume, "
                    "or name another folder with --out"
                )
            _train(run, trials, pipeline, known, _monitor(run, report, place), transfer is not None)
        # Also of a training that was killed when only this was left to do.
        remove_folder(run.unfinished)
        return run.metrics


def _train(
    run: Run,
    trials: Trials,
    pipeline: DecodingPipeline,
    known: bool,
    monitor: Monitor,
    transferred: bool,
) -> None:
    """Fit the pipeline and write what came of it, the numbers last; `known` says whether it was begun before."""
    start = time.perf_counter()
    try:
        with explained(run.unfinished):
            run.unfinished.mkdir(exist_ok=True)
        pipeline.fit(trials, monitor)
    except PlaceError:
        raise
    except UserError:
        # It would fail again: the folder is free for other settings.
        if not known:
            remove_folder(run.path)
        raise
    files = pipeline.save(run.path / MODEL)
    run.write_history(pipeline.decoder.history_)
    about = _about(pipeline, transferred)
    seconds = round(time.perf_counter() - start, 3)
    run.add_metrics(n_trials=len(trials), **about, seconds=seconds, resumed=known, files=hashes(files))


def _monitor(run: Run, report: Callable[[Progress], None] | None, place: Place | None) -> Monitor:
    monitor = Monitor(folder=run.unfinished, place=place or Place())
    return monitor if report is None else replace(monitor, report=report)


def _about(pipeline: DecodingPipeline, transferred: bool) -> dict[str, Any]:
    """Return what a fitted pipeline says of itself."""
    decoder = pipeline.decoder
    about: dict[str, Any] = {
        "n_classes": len(decoder.classes_),
        "held_out": decoder.held_out_,
        "temperature": decoder.temperature_,
        "epochs": len(decoder.history_),
    }
    if pipeline.autoencoder is not None:
        about["reconstruction_error"] = pipeline.autoencoder.reconstruction_error_
    if transferred:
        about["interpolated"] = pipeline.mapping.interpolated if pipeline.mapping else []
    return about


def is_training(path: Path) -> bool:
    """Say whether a path is a run made by `train`, or the file of a decoder."""
    return path.is_file() or (Run.exists(path) and Run.open(path).asked.get("kind") == _KIND)


def unlearned_trials(path: Path, store: Store) -> Trials:
    """Return the trials of a store, which the decoder of a training has not learned from.

    Parameters
    ----------
    path : Path
        A run made by `train`, or the file of its decoder.
    store : Store
        Of other trials.

    Returns
    -------
    Trials
        Those in which something was shown.

    Raises
    ------
    UserError
        If it has.
    """
    if path.is_dir() and Run.open(path).asked["content_hash"] == store.about["content_hash"]:
        raise UserError(
            f"{store.path}: is what {path} was trained on: name another recording, or 'mindglyph evaluate' this one"
        )
    return evaluated_trials(store)


def least_confidence(path: Path) -> float | None:
    """Return the confidence below which the decoder of a training cannot be told from guessing, where it is known."""
    if not path.is_dir():
        return None
    confidence: float | None = Run.open(path).metrics["held_out"].get("confidence")
    return confidence


def is_finished(run: Run) -> bool:
    """Say whether a training need not be done again; its numbers are written last."""
    return "files" in run.metrics


def trained_pipeline(path: Path) -> DecodingPipeline:
    """Read a trained decoder.

    Parameters
    ----------
    path : Path
        A run's folder made by `train`, or the file of a decoder.

    Returns
    -------
    DecodingPipeline
        Fitted.

    Raises
    ------
    UserError
        If there is none, the training is not finished, or a file was changed since.
    """
    if not path.is_dir():
        return DecodingPipeline.load(path)
    if not Run.exists(path):
        raise UserError(f"{path}: holds no trained decoder: 'mindglyph train STORE' makes one, and names its folder")
    run = Run.open(path)
    if run.asked.get("kind") != _KIND:
        kind = run.asked.get("kind")
        command = {"evaluation": "evaluate", "tuning": "tune"}.get(str(kind), kind)
        raise UserError(f"{path}: is a run of 'mindglyph {command}': name a folder of 'mindglyph train'")
    if not is_finished(run):
        raise UserError(f"{path}: its training was stopped: go on with 'mindglyph train … --out {path} --resume'")
    refuse_changed(path, run.metrics["files"])
    return DecodingPipeline.load(path / MODEL)
