"""One trial of a search: settings are drawn, and tested on the inner folds until they are hopeless."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.exceptions import StorageInternalError
from sklearn.metrics import log_loss

from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import PlaceError, UserError
from mindglyph.evaluation import evaluated_trials
from mindglyph.evaluation.splits import Fold
from mindglyph.search import Between, OneOf, Range
from mindglyph.store import Store
from mindglyph.trials import Trials
from mindglyph.tuning.settings import TuningSettings
from mindglyph.tuning.study import (
    DEFAULT,
    ERROR,
    WORKER,
    begin,
    counted,
    is_superfluous,
    kept_in,
    n_elsewhere,
    named_worker,
    open_study,
)


@dataclass(frozen=True)
class Search:
    """A search, as it travels to the processes that do its trials.

    Attributes
    ----------
    store : Path
        The trials of the recording.
    settings : TuningSettings
        What is searched.
    storage, name : str
        Where the study is kept, and what it is called.
    n_trials : int
        Trials of the search in all.
    """

    store: Path
    settings: TuningSettings
    storage: str
    name: str
    n_trials: int

    def study(self) -> optuna.Study:
        """Return the study; killed trials are in line once more, and the first is of the settings to begin with."""
        study = open_study(self.storage, self.name, self.settings.seed)
        with kept_in(self.storage):
            begin(study, self.settings.start(), self.storage)
        return study

    def progress(self) -> Progress:
        """Return how far it is; killed trials are in line once more."""
        study = self.study()
        known = counted(study)
        finished = sum(trial.state.is_finished() for trial in known)
        elsewhere = n_elsewhere(study, self.storage) if finished < self.n_trials else 0
        return Progress(finished, max(0, self.n_trials - len(known)), elsewhere)


@dataclass(frozen=True)
class Progress:
    """How far a search is.

    Attributes
    ----------
    finished : int
        Trials that are done.
    left : int
        Trials that are neither done nor being done.
    elsewhere : int
        Trials without which the search is not done, and which other processes are doing.
    """

    finished: int
    left: int
    elsewhere: int


class FailedTrialError(Exception):
    """What a trial tried does not work, which is noted and ends no search."""


def try_once(search: Search) -> None:
    """Do the next trial of a search, if one is left.

    What fails is noted with its reason, and ends no search: settings may not fit the trials, or
    one another.

    Parameters
    ----------
    search : Search
        Of which a trial is done.

    Raises
    ------
    PlaceError
        If the storage, or what a training writes, cannot be written: the trial is done again by the next search.
    """
    trials = evaluated_trials(Store(search.store))
    done = False
    while not done:
        study = search.study()
        if len(counted(study)) >= search.n_trials:
            return
        with kept_in(search.storage), named_worker(search.storage) as worker:

            def objective(trial: optuna.Trial, study: optuna.Study = study, worker: str = worker) -> float:
                nonlocal done
                trial.set_user_attr(WORKER, worker)
                if is_superfluous(study, trial.number):
                    raise FailedTrialError
                done = True
                return _loss(trial, search.settings, trials)

            study.optimize(objective, n_trials=1, catch=(FailedTrialError,))


def _loss(trial: optuna.Trial, settings: TuningSettings, trials: Trials) -> float:
    """Return the mean loss over the inner folds, in nats."""
    start = time.perf_counter()
    losses: list[float] = []
    accuracies: list[float] = []

    def note() -> None:
        trial.set_user_attr("losses", losses)
        trial.set_user_attr("accuracies", accuracies)
        trial.set_user_attr("seconds", round(time.perf_counter() - start, 3))

    folds = settings.inner(trials)
    try:
        params = {path: suggested(trial, path, where) for path, where in settings.space().items()}
        chosen = settings.chosen(params)
        for step, fold in enumerate(folds):
            loss, accuracy = _tested(chosen, trials, fold)
            losses.append(loss)
            accuracies.append(accuracy)
            trial.report(float(np.mean(losses)), step)
            # The settings that the search begins with are what all others are held against.
            if step + 1 < len(folds) and DEFAULT not in trial.user_attrs and trial.should_prune():
                raise optuna.TrialPruned
    except optuna.TrialPruned:
        note()
        raise
    except (PlaceError, OSError, StorageInternalError):
        # A full disk says nothing of what was tried.
        raise
    except Exception as error:
        note()
        # Last, since it is what tells a trial that failed from one that was killed.
        trial.set_user_attr(ERROR, " ".join(f"{_kind(error)}{error}".split())[:500])
        raise FailedTrialError from error
    note()
    return float(np.mean(losses))


def _kind(error: Exception) -> str:
    return "" if isinstance(error, UserError) else f"{type(error).__name__}: "


def suggested(trial: optuna.Trial, path: str, where: Range) -> Any:
    """Return the value that a trial is to take for a setting."""
    if isinstance(where, OneOf):
        return trial.suggest_categorical(path, where.values)
    if isinstance(where, Between):
        return trial.suggest_float(path, where.low, where.high, log=where.log)
    return trial.suggest_int(path, where.low, where.high, log=where.log)


def _tested(settings: DecodingSettings, trials: Trials, fold: Fold) -> tuple[float, float]:
    """Return log loss and accuracy on the tested trials of a fold."""
    train, test = fold
    pipeline = settings.pipeline(trials.sfreq).fit(trials.view(train))
    probabilities, _ = pipeline.outputs(trials.view(test))
    classes, labels = pipeline.decoder.classes_, trials.labels[test]
    right = classes[probabilities.argmax(axis=1)] == labels
    return float(log_loss(labels, probabilities, labels=classes)), float(right.mean())
