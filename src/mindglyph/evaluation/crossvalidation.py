"""Trains and tests a decoder fold by fold; what is finished is not done again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field

from mindglyph.compute import run_tasks
from mindglyph.decoders import AutoencoderSettings, DecodingPipeline, decoder_settings
from mindglyph.decoders.balance import BALANCES, Balance
from mindglyph.errors import UserError
from mindglyph.evaluation.splits import BlockedSplit
from mindglyph.files import read_json, write_json
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.runs import Run
from mindglyph.settings import Settings
from mindglyph.store import Store
from mindglyph.trials import Trials

NO_PICTURE = -1
"""Code of trials in which no digit was shown."""


_LEARNING_SHARES = (0.125, 0.25, 0.5, 1.0)


class EvaluationSettings(Settings):
    """What is evaluated, and how.

    Attributes
    ----------
    decoder : str
        Name in the registry.
    decoder_settings : dict
        What differs from its defaults.
    preprocessing : PreprocessingSettings
        Fitted inside each training fold.
    autoencoder : AutoencoderSettings or None
        What stands between preprocessing and decoder, fitted inside each training fold too;
        None leaves it out.
    balance : {"none", "weights", "over", "under"}
        How classes of unequal size are made to count the same, in training only; see
        `mindglyph.decoders.balance`. The settings of the decoder that it sets go before
        `decoder_settings`.
    splits : {"blocked"}
        How trials are divided.
    folds : int
        Number of folds.
    gap : int
        Trials left out between training and test.
    permutations : int
        For the p-value.
    seed : int
        Of the decoder and of the permutations.
    """

    decoder: str = "lda"
    decoder_settings: dict[str, Any] = Field(default_factory=dict)
    preprocessing: PreprocessingSettings = PreprocessingSettings()
    autoencoder: AutoencoderSettings | None = None
    balance: Balance = "none"
    splits: Literal["blocked"] = "blocked"
    folds: int = Field(5, ge=2)
    gap: int = Field(10, ge=0)
    permutations: int = Field(10_000, ge=100)
    seed: int = Field(0, ge=0)

    def pipeline(self, sfreq: float) -> DecodingPipeline:
        """Return preprocessing and decoder, unfitted."""
        decoder = decoder_settings(self.decoder, {**self.decoder_settings, **BALANCES[self.balance]})
        return DecodingPipeline.build(self.decoder, decoder, self.preprocessing, self.autoencoder, sfreq, self.seed)

    def splitter(self) -> BlockedSplit:
        """Return the cross-validator."""
        return BlockedSplit(self.folds, self.gap)


def evaluated_trials(store: Store) -> Trials:
    """Return the trials in which something was shown.

    Trials of code -1 are left out: a decoder that only tells rest from digits would score
    above the chance level of ten digits.

    Parameters
    ----------
    store : Store
        Trials on disk.

    Returns
    -------
    Trials
        In the order of recording.

    Raises
    ------
    UserError
        If fewer than two labels are left.
    """
    trials = store.trials()
    shown = trials.labels != NO_PICTURE
    if len(np.unique(trials.labels[shown])) < 2:
        raise UserError(f"{store.path}: holds fewer than two different labels: there is nothing to decode")
    return trials if shown.all() else trials.select(shown)


def cross_validate(
    store: Store,
    settings: EvaluationSettings,
    run: Run,
    workers: int = 1,
    report: Callable[[int, int], None] | None = None,
) -> pd.DataFrame:
    """Train and test each fold that is not finished, and return all predictions.

    Parameters
    ----------
    store : Store
        The trials.
    settings : EvaluationSettings
        What is evaluated.
    run : Run
        Its folder; each fold's decoder, predictions and history are written there.
    workers : int
        Processes that train folds side by side.
    report : callable, optional
        Called with the folds finished and in all.

    Returns
    -------
    DataFrame
        One row a trial, in the order of recording; see `read_predictions`.

    Raises
    ------
    UserError
        If there are too few trials for the split.
    """
    trials = evaluated_trials(store)
    # Before any training: a split that cannot be made is said at once.
    n_folds = len(list(settings.splitter().split(trials.labels, trials.labels)))
    open_folds = [number for number in range(n_folds) if not run.finished(number)]
    done = n_folds - len(open_folds)
    if report is not None:
        report(done, n_folds)
    tasks = [(store.path, settings, run.path, number) for number in open_folds]
    for _ in run_tasks(_train_and_test, tasks, workers):
        done += 1
        if report is not None:
            report(done, n_folds)
    return read_predictions(run, n_folds)


def _train_and_test(task: tuple[Path, EvaluationSettings, Path, int]) -> None:
    store_path, settings, run_path, number = task
    trials = evaluated_trials(Store(store_path))
    train, test = list(settings.splitter().split(trials.labels, trials.labels))[number]
    pipeline = settings.pipeline(trials.sfreq).fit(trials.select(train))
    tested = trials.select(test)
    probabilities, _ = pipeline.outputs(tested)
    classes = pipeline.decoder.classes_
    learned, counts = np.unique(trials.labels[train], return_counts=True)
    table = pd.DataFrame(
        {
            "fold": number,
            "event": tested.metadata["event"].to_numpy(),
            "label": tested.labels,
            "predicted": classes[probabilities.argmax(axis=1)],
            "majority": learned[counts.argmax()],
            **{f"p_{label}": probabilities[:, place] for place, label in enumerate(classes)},
        },
        index=pd.Index(test, name="trial"),
    )
    about = {"fold": number, "n_train": len(train), "n_test": len(test), "temperature": pipeline.decoder.temperature_}
    if pipeline.autoencoder is not None:
        about["reconstruction_error"] = pipeline.autoencoder.reconstruction_error_
    history = pipeline.decoder.history_ or _learning_curve(settings, trials, train, tested)
    with Run(run_path).writing_fold(number, about) as folder:
        pipeline.save(folder / "decoder.safetensors")
        table.to_parquet(folder / "predictions.parquet")
        write_json(folder / "history.json", history)


def _learning_curve(
    settings: EvaluationSettings, trials: Trials, train: np.ndarray, tested: Trials
) -> list[dict[str, float]]:
    """Return the accuracy after learning from ever more trials; nothing is chosen by it."""
    curve = []
    for share in _LEARNING_SHARES:
        learned = trials.select(train[: int(share * len(train))])
        counts = np.unique(learned.labels, return_counts=True)[1]
        if len(counts) < len(np.unique(trials.labels)) or counts.min() < 2:
            continue
        pipeline = settings.pipeline(trials.sfreq).fit(learned)
        probabilities, _ = pipeline.outputs(tested)
        right = pipeline.decoder.classes_[probabilities.argmax(axis=1)] == tested.labels
        curve.append({"n_train": len(learned), "accuracy": float(right.mean())})
    return curve


def read_predictions(run: Run, n_folds: int) -> pd.DataFrame:
    """Read the predictions of a run's folds.

    Parameters
    ----------
    run : Run
        Whose folds are finished.
    n_folds : int
        How many there are.

    Returns
    -------
    DataFrame
        Index `trial`, the place among the evaluated trials; columns `fold`, `event`,
        `label`, `predicted`, `majority`, and `p_<label>` for each label.

    Raises
    ------
    UserError
        If a fold is not finished.
    """
    for number in range(n_folds):
        if not run.finished(number):
            raise UserError(
                f"{run.path}: fold {number + 1} of {n_folds} is not finished: run 'mindglyph evaluate' again"
            )
    try:
        tables = [pd.read_parquet(run.fold(number) / "predictions.parquet") for number in range(n_folds)]
    except (OSError, ValueError) as error:
        raise UserError(f"{run.path}: its predictions are damaged: delete the folder and evaluate anew") from error
    return pd.concat(tables).sort_index()


def read_histories(run: Run, n_folds: int) -> list[list[dict[str, float]]]:
    """Read how each fold learned.

    Returns
    -------
    list of list of dict
        A list a fold: per epoch `epoch`, `train_loss`, `valid_loss`, `valid_acc`, `dur`; for
        decoders without epochs `n_train` and `accuracy` for ever more training trials.
    """
    return [read_json(run.fold(number) / "history.json") for number in range(n_folds)]
