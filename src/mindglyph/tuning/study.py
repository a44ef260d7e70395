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
import os
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, TPESampler
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock
from optuna.trial import FrozenTrial, TrialState

from mindglyph.errors import UserError
from mindglyph.files import explained, lock

STARTUP_TRIALS = 10
"""Trials drawn at random before any is drawn by what the earlier ones gave."""

_UNPRUNED_TRIALS = 5
_HEARTBEAT, _PATIENCE = 60, 240  # s; of a database, whose processes may be on other machines
_YOUNG = 60.0  # s in which a trial may not have said yet who works on it

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
        return optuna.create_study(
            storage=_storage(storage), study_name=name, sampler=sampler, pruner=pruner, load_if_exists=True
        )
    except UserError:
        raise
    except Exception as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(f"{storage}: cannot be opened as a study ({why}): name another --storage") from error


def is_url(storage: str) -> bool:
    """Say whether a storage is a database by URL; else it is a file."""
    return "://" in storage


def _storage(storage: str) -> BaseStorage:
    if is_url(storage):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            return RDBStorage(storage, heartbeat_interval=_HEARTBEAT, grace_period=_PATIENCE)
    path = Path(storage)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        _mend(path)
    return JournalStorage(JournalFileBackend(storage))


def _mend(path: Path) -> None:
    """Cut off the half line that a full disk or a kill may leave at the end of a journal."""
    if _is_whole(path):
        return
    appending = JournalFileSymlinkLock(str(path))
    appending.acquire()
    try:
        # Another process may just have finished its line.
        if not _is_whole(path):
            text = path.read_bytes()
            os.truncate(path, text.rfind(b"\n") + 1)
    finally:
        appending.release()


def _is_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if not file.seek(0, os.SEEK_END):
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


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
        earlier = [one for one in study.get_trials(deepcopy=False) if one.number < trial.number]
        place = trial.number - sum(was_interrupted(one) for one in earlier)
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


def was_interrupted(trial: FrozenTrial) -> bool:
    """Say whether a trial was ended by a kill or by Ctrl-C, and not by what it tried."""
    return trial.state == TrialState.FAIL and ERROR not in trial.user_attrs


def counted(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials that are done or being done; those that were interrupted are not."""
    trials = study.get_trials(deepcopy=False)
    return [trial for trial in trials if trial.state != TrialState.WAITING and not was_interrupted(trial)]


def renew_interrupted(study: optuna.Study, storage: str) -> None:
    """Put the trials of killed processes in line once more, with the same settings.

    Parameters
    ----------
    study : Study
        Of the trials.
    storage : str
        Where it is kept: beside a journal file, the locks of the processes at work say which are
        alive; a database knows it by their heartbeats.
    """
    if not is_url(storage):
        for trial in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if _is_stale(trial, storage):
                try:
                    study.tell(trial.number, state=TrialState.FAIL)
                except (ValueError, RuntimeError):  # another process saw it first
                    continue
    trials = study.get_trials(deepcopy=False)
    renewed = {trial.user_attrs.get(AGAIN_OF) for trial in trials}
    for trial in filter(was_interrupted, trials):
        if trial.number not in renewed:
            kept = {name: trial.user_attrs[name] for name in (DEFAULT,) if name in trial.user_attrs}
            # A trial that was killed as it was drawn is drawn again, to the same, since its place is the same.
            study.enqueue_trial(_params(trial), user_attrs={**kept, AGAIN_OF: trial.number})


def _params(trial: FrozenTrial) -> dict[str, Any]:
    return {**trial.system_attrs.get("fixed_params", {}), **trial.params}


def _is_stale(trial: FrozenTrial, storage: str) -> bool:
    worker = trial.user_attrs.get(WORKER)
    if worker is not None:
        return not _is_alive(_locks(storage) / worker)
    begun = trial.datetime_start
    return begun is not None and (type(begun).now() - begun).total_seconds() > _YOUNG


def _locks(storage: str) -> Path:
    return Path(f"{storage}.running")


def _is_alive(path: Path) -> bool:
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        return not lock(handle)
    finally:
        os.close(handle)


@contextmanager
def at_work(storage: str) -> Iterator[str]:
    """Hold a lock that says that this process is alive; gives the name by which trials know it.

    Parameters
    ----------
    storage : str
        Of the study; nothing is locked where it is a database.
    """
    worker = uuid.uuid4().hex
    if is_url(storage):
        yield worker
        return
    path = _locks(storage) / worker
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR)
    try:
        lock(handle)
        yield worker
    finally:
        path.unlink(missing_ok=True)
        os.close(handle)
