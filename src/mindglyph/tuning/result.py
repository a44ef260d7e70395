"""What came of a search: its trials as a table, the best of them, and which settings mattered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import optuna
import pandas as pd
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import FrozenTrial, TrialState

from mindglyph.errors import UserError
from mindglyph.search import OneOf, Range
from mindglyph.tuning.study import AGAIN_OF, DEFAULT, ERROR, STARTUP_TRIALS, trials_of, was_interrupted

_STATES = {
    TrialState.COMPLETE: "complete",
    TrialState.PRUNED: "pruned",
    TrialState.FAIL: "failed",
    TrialState.RUNNING: "running",
    TrialState.WAITING: "waiting",
}


@dataclass(frozen=True)
class Tried:
    """A trial that went through all inner folds.

    Attributes
    ----------
    number : int
        Of the trial.
    log_loss, accuracy : float
        Means over the inner folds. The best of many is better here than it will be elsewhere.
    params : dict
        Values of the searched settings, by path.
    """

    number: int
    log_loss: float
    accuracy: float
    params: dict[str, Any]


def state_of(trial: FrozenTrial) -> str:
    """Return what became of a trial, in a word."""
    return "interrupted" if was_interrupted(trial) else _STATES[trial.state]


def trials_table(study: optuna.Study, space: Mapping[str, Range]) -> pd.DataFrame:
    """Return the trials of a search.

    Parameters
    ----------
    study : Study
        The search.
    space : mapping of str to Range
        The searched settings, by path.

    Returns
    -------
    DataFrame
        One row a trial: `number`; `state` (complete, pruned, failed, interrupted, running, waiting);
        `default`, whether it is of the settings that the search begins with; `again_of`, the trial
        that it repeats; `log_loss` and `accuracy`, means over the inner folds it went through;
        `folds`, how many these are; `seconds`; `error`; then the searched settings, those that are
        a choice as words.
    """
    rows = [_row(trial, space) for trial in trials_of(study)]
    table = pd.DataFrame(rows)
    whole = {"again_of": "Int64", "folds": "int64", "error": "string"}
    return table.astype(whole | {path: "string" for path, where in space.items() if isinstance(where, OneOf)})


def _row(trial: FrozenTrial, space: Mapping[str, Range]) -> dict[str, Any]:
    noted = trial.user_attrs
    losses, accuracies = noted.get("losses", []), noted.get("accuracies", [])
    row: dict[str, Any] = {
        "number": trial.number,
        "state": state_of(trial),
        "default": DEFAULT in noted,
        "again_of": noted.get(AGAIN_OF),
        "log_loss": _mean(losses),
        "accuracy": _mean(accuracies),
        "folds": len(losses),
        "seconds": noted.get("seconds", float("nan")),
        "error": noted.get(ERROR),
    }
    for path, where in space.items():
        value = trial.params.get(path)
        choice = isinstance(where, OneOf) and path in trial.params
        row[path] = str(value) if choice else value
    return row


def _mean(values: list[float]) -> float:
    return float(sum(values) / len(values)) if values else float("nan")


def best_of(study: optuna.Study) -> Tried:
    """Return the best trial that went through all folds; of equals the first.

    Parameters
    ----------
    study : Study
        The search.

    Returns
    -------
    Tried
        Its settings and what they reached.

    Raises
    ------
    UserError
        If none did, with why the first failed.
    """
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if not done:
        failed = [trial.user_attrs[ERROR] for trial in study.trials if ERROR in trial.user_attrs]
        raise UserError(f"tune: no trial went through: {failed[0] if failed else 'take more --trials'}")
    return _tried(min(done, key=lambda trial: (trial.value, trial.number)))


def default_of(study: optuna.Study) -> Tried | None:
    """Return the trial of the settings that the search began with; None where they fail on these trials."""
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    return next((_tried(trial) for trial in done if DEFAULT in trial.user_attrs), None)


def _tried(trial: FrozenTrial) -> Tried:
    assert trial.value is not None
    return Tried(trial.number, trial.value, _mean(trial.user_attrs["accuracies"]), dict(trial.params))


def importance_of(study: optuna.Study, seed: int) -> dict[str, float] | None:
    """Return how much of what losses vary is due to each setting alone, by functional ANOVA.

    Parameters
    ----------
    study : Study
        Of the search; only trials that went through all folds count.
    seed : int
        Of the forest that is fitted to them.

    Returns
    -------
    dict of str to float
        By path, the greatest first, 1 in all; None where fewer trials than are drawn at random
        went through, or all came to the same.

    References
    ----------
    Hutter et al. (2014), "An efficient approach for assessing hyperparameter importance",
    https://proceedings.mlr.press/v32/hutter14.html.
    """
    done = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    if len(done) < STARTUP_TRIALS or len({trial.value for trial in done}) < 2:
        return None
    found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=seed))
    return {path: float(share) for path, share in found.items()}
