"""Trains and tests a decoder fold by fold; what is finished is not done again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mindglyph.compute import run_tasks
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.decoders.pipeline import DecodingPipeline
from mindglyph.errors import UserError
from mindglyph.evaluation.evaluated import evaluated_trials
from mindglyph.evaluation.settings import EvaluationSettings
from mindglyph.evaluation.splits import SplitName
from mindglyph.files import read_json, write_json
from mindglyph.folders import remove_folder
from mindglyph.inspection import stretches
from mindglyph.runs import MODEL, Folds, Run
from mindglyph.store import Store
from mindglyph.trials import Trials

_LEARNING_SHARES = (0.125, 0.25, 0.5)


def cross_validate(
    store: Store,
    settings: EvaluationSettings,
    run: Run,
    split: SplitName | None = None,
    workers: int = 1,
    report: Callable[[int, int], None] | None = None,
    report_epoch: Callable[[Progress], None] | None = None,
    remark: Callable[[str], None] | None = None,
    cluster: str | None = None,
) -> pd.DataFrame:
    """Train and test each fold of a split that is not finished, and return all predictions.

    Parameters
    ----------
    store : Store
        The trials.
    settings : EvaluationSettings
        What is evaluated.
    run : Run
        Its folder; each fold's decoder, predictions and history are written there.
    split : SplitName, optional
        One of those in `settings`; by default the first, the only one whose folds show how they learned.
    workers : int
        Processes that train folds side by side.
    report : callable, optional
        Called with the folds finished and in all.
    report_epoch : callable, optional
        Called with the `Progress` of each epoch, its part under the name of the fold. Several
        processes tell none.
    remark : callable, optional
        Called with what is wrong with a finished fold that is therefore trained anew.
    cluster : str, optional
        A Dask scheduler whose workers do it instead; they must see the store and the run's folder.

    Returns
    -------
    DataFrame
        One row a trial, in the order of recording; see `read_predictions`.

    Raises
    ------
    UserError
        If the trials cannot be divided so.
    """
    split = split or settings.split
    # Before any training: a split that cannot be made is said at once.
    n_folds = len(settings.plan(evaluated_trials(store), split))
    folds = run.folds(split)
    heard = report_epoch if workers == 1 and cluster is None else None
    # Whole paths: a worker of a cluster starts in a folder of its own.
    place, folder = store.path.absolute(), run.path.absolute()
    with run.held():
        open_folds = _open_folds(folds, n_folds, remark)
        done = n_folds - len(open_folds)
        if report is not None:
            report(done, n_folds)
        tasks = [_Fold(place, settings, split, folder, number, n_folds, heard) for number in open_folds]
        for _ in run_tasks(_train_and_test, tasks, workers, cluster, (place, folder)):
            done += 1
            if report is not None:
                report(done, n_folds)
        remove_folder(run.unfinished)
    return read_predictions(folds, n_folds)


def _open_folds(folds: Folds, n_folds: int, remark: Callable[[str], None] | None) -> list[int]:
    """Return the folds that are not finished, or were damaged since."""
    found = []
    for number in range(n_folds):
        damage = folds.damage(number)
        if damage is not None and remark is not None:
            remark(f"{damage}: fold {number + 1} of {n_folds} is trained anew")
        if damage is not None or not folds.finished(number):
            found.append(number)
    return found


@dataclass(frozen=True)
class _Fold:
    """A fold to train and test, as it travels to another process."""

    store: Path
    settings: EvaluationSettings
    split: SplitName
    run: Path
    number: int
    n_folds: int
    report: Callable[[Progress], None] | None

    def monitor(self) -> Monitor:
        """Return the monitor of its training, which goes on where it was stopped."""
        name = f"fold {self.number + 1} of {self.n_folds}"
        folder = Run(self.run).unfinished / f"{self.split}-{self.number:02d}"
        return Monitor(folder=folder, part=name) if self.report is None else Monitor(self.report, folder, name)


def _train_and_test(fold: _Fold) -> None:
    folds = Run(fold.run).folds(fold.split)
    if folds.finished(fold.number) and folds.damage(fold.number) is None:
        return  # by a worker that died before it could say so
    settings, number, monitor = fold.settings, fold.number, fold.monitor()
    trials = evaluated_trials(Store(fold.store))
    train, test = settings.plan(trials, fold.split)[number]
    pipeline = settings.pipeline(trials.sfreq).fit(trials.view(train), monitor)
    tested = trials.view(test)
    table = tested_predictions(pipeline, trials, train, test).assign(fold=number)
    about: dict[str, Any] = {
        "fold": number,
        "n_train": len(train),
        "n_test": len(test),
        "temperature": pipeline.decoder.temperature_,
        "confidence": pipeline.decoder.held_out_["confidence"],
    }
    if pipeline.autoencoder is not None:
        about["reconstruction_error"] = pipeline.autoencoder.reconstruction_error_
    history = pipeline.decoder.history_
    if not history:
        right = table["predicted"].to_numpy() == tested.labels
        before = _learning_curve(settings, trials, train, tested, monitor) if fold.split == settings.split else []
        history = [*before, {"n_train": len(train), "accuracy": float(right.mean())}]
    with Run(fold.run).folds(fold.split).writing(number, about) as folder:
        pipeline.save(folder / MODEL)
        table.to_parquet(folder / "predictions.parquet")
        write_json(folder / "history.json", history)
    if monitor.folder is not None:
        remove_folder(monitor.folder)


def tested_predictions(pipeline: DecodingPipeline, trials: Trials, train: np.ndarray, test: np.ndarray) -> pd.DataFrame:
    """Return what a fitted pipeline says of tested trials, as `read_predictions` does for one fold.

    Parameters
    ----------
    pipeline : DecodingPipeline
        Fitted to the trials at `train`.
    trials : Trials
        All of them, in the order of recording.
    train, test : ndarray of int
        Places of the trials learned from and of those tested.

    Returns
    -------
    DataFrame
        One row a tested trial.
    """
    tested = trials.view(test)
    probabilities, _ = pipeline.outputs(tested)
    classes = pipeline.decoder.classes_
    learned, counts = np.unique(trials.labels[train], return_counts=True)
    return pd.DataFrame(
        {
            "fold": 0,
            "group": stretches(trials.metadata)[test],
            "event": tested.metadata["event"].to_numpy(),
            "label": tested.labels,
            "predicted": classes[probabilities.argmax(axis=1)],
            "majority": learned[counts.argmax()],
            **{f"p_{label}": probabilities[:, place] for place, label in enumerate(classes)},
        },
        index=pd.Index(test, name="trial"),
    )


def _learning_curve(
    settings: EvaluationSettings, trials: Trials, train: np.ndarray, tested: Trials, monitor: Monitor
) -> list[dict[str, float]]:
    """Return the accuracy after learning from a part of the trials, ever more; nothing is chosen by it."""
    curve = []
    for share in _LEARNING_SHARES:
        learned = trials.view(train[: int(share * len(train))])
        counts = np.unique(learned.labels, return_counts=True)[1]
        if len(counts) < len(np.unique(trials.labels)) or counts.min() < 2:
            continue
        part = monitor.of_part(f"{len(learned)} trials", of="learning curve")
        pipeline = settings.pipeline(trials.sfreq).fit(learned, part)
        probabilities, _ = pipeline.outputs(tested)
        right = pipeline.decoder.classes_[probabilities.argmax(axis=1)] == tested.labels
        curve.append({"n_train": len(learned), "accuracy": float(right.mean())})
    return curve


def read_predictions(folds: Folds, n_folds: int) -> pd.DataFrame:
    """Read the predictions of a split's folds.

    Parameters
    ----------
    folds : Folds
        Finished.
    n_folds : int
        How many there are.

    Returns
    -------
    DataFrame
        Index `trial`, the place among the evaluated trials; columns `fold`, `group` (the stretch
        of the recording that has a clock of its own, such as a session), `event`, `label`,
        `predicted`, `majority`, and `p_<label>` for each label.

    Raises
    ------
    UserError
        If a fold is not finished.
    """
    for number in range(n_folds):
        if not folds.finished(number):
            raise UserError(
                f"{folds.path}: fold {number + 1} of {n_folds} is not finished: run 'mindglyph evaluate' again"
            )
    try:
        tables = [pd.read_parquet(folds.fold(number) / "predictions.parquet") for number in range(n_folds)]
    except (OSError, ValueError) as error:
        raise UserError(
            f"{folds.path}: its predictions are damaged ({error}): run 'mindglyph evaluate' again"
        ) from error
    return pd.concat(tables).sort_index()


def read_histories(folds: Folds, n_folds: int) -> list[list[dict[str, float]]]:
    """Read how each fold learned.

    Parameters
    ----------
    folds : Folds
        Of one split of a run.
    n_folds : int
        How many are finished.

    Returns
    -------
    list of list of dict
        A list a fold: per epoch `epoch`, `train_loss`, `valid_loss`, `valid_acc`, `dur`; for
        decoders without epochs `n_train` and `accuracy` for ever more training trials.
    """
    return [read_json(folds.fold(number) / "history.json", list) for number in range(n_folds)]
