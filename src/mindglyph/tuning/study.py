"""The study of a search: where its trials are kept, who draws the next one, and what becomes of a killed one.

References
----------
Bergstra et al. (2011), "Algorithms for hyper-parameter optimization",
https://doi.org/10.5555/2986459.2986743;
Akiba et al. (2019), "Optuna", https://doi.org/10.1145/3292500.3330701.
"""

from __future__ import annotations

import hashlib
import json
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import StorageInternalError
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

from mindglyph.errors import PlaceError, UserError
from mindglyph.files import explained
from mindglyph.tuning.journal import journal_file
from mindglyph.tuning.workers import at_work, workers_of

STARTUP_TRIALS = 10
"""Trials drawn at random before any is drawn by what the earlier ones gave."""

_UNPRUNED_TRIALS = 5
_HEARTBEAT, _PATIENCE = 60, 240  # s; of a database, whose processes may be on other machines
_ATTEMPTS, _WAIT = 20, 0.1  # s; to open a database of which others make the tables

DEFAULT, WORKER, ERROR, AGAIN_OF = "default", "worker", "error", "again_of"
"""Names of what is noted of a trial."""


def study_name(decoder: str, asked: Mapping[str, Any]) -> str:
    """Return the name of the study of a question, by which processes that ask the same find it."""
    text = json.dumps(dict(asked), sort_keys=True, allow_nan=False)
    return f"{decoder}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def open_study(storage: str, name: str, seed: int) -> optuna.Study:
    """Open a study, or make it.

    Parameters
    ----------
    storage : str
        URL of a database, or path of a journal file.
    name : str
        Name of the study.
    seed : int
        Of what is drawn.

    Returns
    -------
    Study
        That minimises.

    Raises
    ------
    UserError
        If the storage cannot be opened or holds something else.
    """
    quieten()
    # The running mean over the same folds in the same order is compared, so likes are with likes.
    pruner = optuna.pruners.MedianPruner(n_startup_trials=_UNPRUNED_TRIALS)
    sampler = SeededByTrial(seed)
    try:
        with kept_in(storage):
            return optuna.create_study(
                storage=_storage(storage), study_name=name, sampler=sampler, pruner=pruner, load_if_exists=True
            )
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{storage}: cannot be opened as a study ({_said(error)}): name another --storage") from error


@contextmanager
def kept_in(storage: str) -> Iterator[None]:
    """Turn the trouble of a place that cannot be written into what the user can do.

    Parameters
    ----------
    storage : str
        A file or a database by URL.

    Raises
    ------
    PlaceError
        If a file or a database refuses to be written in the block.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        trouble: BaseException | None = error
        # Optuna writes how a trial ended while the trouble is on its way, and may break at that.
        while trouble is not None:
            if isinstance(trouble, PlaceError):
                raise trouble from error
            if isinstance(trouble, OSError) and not is_url(storage):
                with explained(Path(storage)):
                    raise trouble from error
            if isinstance(trouble, StorageInternalError):
                why = _said(trouble.__cause__ or trouble)
                raise PlaceError(f"{storage}: cannot be used ({why}): mend that and give the command again") from error
            trouble = trouble.__cause__ or trouble.__context__
        raise


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:200]


def is_url(storage: str) -> bool:
    """Say whether a storage is a database by URL; else it is a file."""
    return "://" in storage


def _storage(storage: str) -> BaseStorage:
    if is_url(storage):
        return _database(storage)
    return JournalStorage(journal_file(Path(storage)))


def _database(url: str) -> RDBStorage:
    """Open a database, or fill an empty one with tables, which another process may be doing at the same time."""
    from sqlalchemy.exc import DatabaseError, IntegrityError

    attempts = _ATTEMPTS
    while True:
        attempts -= 1
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
                return RDBStorage(url, heartbeat_interval=_HEARTBEAT, grace_period=_PATIENCE)
        except DatabaseError as error:
            forestalled = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not attempts or not forestalled:
                raise
        time.sleep(_WAIT)


def quieten() -> None:
    """Keep optuna from telling of each trial what the table tells."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)


class SeededByTrial(BaseSampler):
    """TPE whose draws depend on the seed, the trial's place and the trials before it, and on no process.

    So a search that was stopped goes on as if it had not been, and several processes do not all draw the same.

    Parameters
    ----------
    seed : int
        Of all draws.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._tpe = TPESampler(n_startup_trials=STARTUP_TRIALS, seed=seed)

    def infer_relative_search_space(self, study: optuna.Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        """Begin the draws of a trial anew."""
        place = place_of(trial, study.get_trials(deepcopy=False))
        drawn = int(np.random.SeedSequence([self._seed, place]).generate_state(1)[0])
        self._tpe = TPESampler(n_startup_trials=STARTUP_TRIALS, seed=drawn)
        return self._tpe.infer_relative_search_space(study, trial)

    def sample_relative(
        self, study: optuna.Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        """Draw all settings together."""
        return self._tpe.sample_relative(study, trial, search_space)

    def sample_independent(
        self, study: optuna.Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        """Draw one setting by itself."""
        return self._tpe.sample_independent(study, trial, param_name, param_distribution)


def place_of(trial: FrozenTrial, trials: Sequence[FrozenTrial]) -> int:
    """Return the number that a trial would have if none had been interrupted: one done again has that of the first."""
    again = trial.user_attrs.get(AGAIN_OF)
    if again is not None:
        return place_of(trials[again], trials)
    return 0 if DEFAULT in trial.user_attrs else 1 + sum(_stands_for(one) is None for one in trials[: trial.number])


def was_interrupted(trial: FrozenTrial) -> bool:
    """Say whether a trial was ended by a kill or by Ctrl-C, and not by what it tried."""
    return trial.state == TrialState.FAIL and ERROR not in trial.user_attrs


def trials_of(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials of a search in their order, but for those that stand for one that is there already.

    Two processes may put the same trial in line at once: the settings to begin with, or a trial that was
    interrupted. The first in line is the one that is done.

    Parameters
    ----------
    study : Study
        The search.

    Returns
    -------
    list of FrozenTrial
        Each once.
    """
    seen, kept = set(), []
    for trial in study.get_trials(deepcopy=False):
        if _stands_for(trial) is None or _stands_for(trial) not in seen:
            kept.append(trial)
            seen.add(_stands_for(trial))
    return kept


def _stands_for(trial: FrozenTrial) -> Any:
    """Return what no other trial may stand for; None for one that was drawn."""
    return trial.user_attrs.get(AGAIN_OF, DEFAULT if DEFAULT in trial.user_attrs else None)


def is_superfluous(study: optuna.Study, number: int) -> bool:
    """Say whether another trial stands for the same as the one of this number."""
    return all(trial.number != number for trial in trials_of(study))


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that are done or being done; those that were interrupted are not."""
    return [trial for trial in trials_of(study) if trial.state != TrialState.WAITING and not was_interrupted(trial)]


def begin(study: optuna.Study, start: Mapping[str, Any], storage: str) -> None:
    """Put the settings to begin with in line, if they never were, and once more the trials of killed processes.

    Parameters
    ----------
    study : Study
        Of the trials.
    start : mapping
        Values to begin with of all settings that are searched.
    storage : str
        Where it is kept: beside a journal file, the locks of the processes at work say which are
        alive; a database knows it by their heartbeats.
    """
    trials = study.get_trials(deepcopy=False)
    if not any(DEFAULT in trial.user_attrs for trial in trials):
        study.enqueue_trial(dict(start), user_attrs={DEFAULT: True})
    _fail_stale(study, storage)
    trials = trials_of(study)
    renewed = {trial.user_attrs.get(AGAIN_OF) for trial in trials}
    for trial in filter(was_interrupted, trials):
        if trial.number not in renewed:
            kept = {name: trial.user_attrs[name] for name in (DEFAULT,) if name in trial.user_attrs}
            params = {**trial.system_attrs.get("fixed_params", {}), **trial.params}
            # One that was killed as it was drawn is drawn again, to the same, since its place is the same. Half
            # of its settings would not do: each draw depends on those before it.
            study.enqueue_trial(
                params if params.keys() >= start.keys() else {}, user_attrs={**kept, AGAIN_OF: trial.number}
            )


def n_elsewhere(study: optuna.Study, storage: str) -> int:
    """Return how many trials other processes are known to be doing."""
    running = [trial for trial in counted(study) if trial.state == TrialState.RUNNING]
    if is_url(storage):
        return len(running)
    alive = workers_of(Path(storage)).alive
    return sum(trial.user_attrs.get(WORKER) in alive for trial in running)


def _fail_stale(study: optuna.Study, storage: str) -> None:
    """End the trials of processes that are no more."""
    if is_url(storage):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            optuna.storages.fail_stale_trials(study)
        return
    # First the trials, then who is alive: who has begun one since is not missed.
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    workers = workers_of(Path(storage))
    named = {trial.user_attrs.get(WORKER) for trial in running}
    idle = (workers.alive | workers.unknown) - named
    for trial in running:
        worker = trial.user_attrs.get(WORKER)
        # One that does not say yet who does it may be any idle process's.
        if not idle if worker is None else worker not in workers:
            # Another process may have seen it first.
            with suppress(ValueError, RuntimeError):
                study.tell(trial.number, state=TrialState.FAIL)


@contextmanager
def named_worker(storage: str) -> Iterator[str]:
    """Give the name by which a trial knows this process, which a lock beside a journal shows to be alive."""
    if is_url(storage):
        yield uuid.uuid4().hex
        return
    with at_work(Path(storage)) as worker:
        yield worker
