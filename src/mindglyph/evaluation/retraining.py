"""Permutations of the labels with which the decoder is trained anew.

Permuting the labels of the predictions asks whether the decoder that was trained knows the labels of
the tested trials. Permuting them before the training asks what the whole procedure finds where labels
say nothing: whatever it chooses, on whatever its folds share, it chooses again.

Ojala & Garriga (2010), "Permutation tests for studying classifier performance",
https://www.jmlr.org/papers/v11/ojala10a.html.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mindglyph.compute import run_tasks
from mindglyph.evaluation.evaluated import evaluated_trials
from mindglyph.evaluation.measures import rank_worth
from mindglyph.evaluation.settings import EvaluationSettings
from mindglyph.evaluation.statistics import block_length, block_permutations
from mindglyph.files import read_json, write_json
from mindglyph.inspection import stretches
from mindglyph.runs import Run
from mindglyph.store import Store
from mindglyph.trials import Trials


def retrained_null(
    store: Store,
    settings: EvaluationSettings,
    run: Run,
    workers: int = 1,
    report: Callable[[int, int], None] | None = None,
    cluster: str | None = None,
) -> list[dict[str, float]]:
    """Return what the first split gives with labels permuted before the training.

    Parameters
    ----------
    store : Store
        The trials.
    settings : EvaluationSettings
        What is evaluated; `retrain` says how many permutations.
    run : Run
        Its folder; each permutation's accuracy is written there, and is not computed again.
    workers : int
        Processes that work side by side.
    report : callable, optional
        Called with the permutations finished and in all.
    cluster : str, optional
        A Dask scheduler whose workers do it instead; they must see the store and the run's folder.

    Returns
    -------
    list of dict
        `accuracy` and `auc` of each permutation. The first ones are the same however many are asked for.

    Raises
    ------
    UserError
        If the decoder cannot be trained.
    """
    place, folder = store.path.absolute(), run.path.absolute()
    tasks = [_Permutation(place, settings, folder, number) for number in range(settings.retrain)]
    with run.held():
        open_tasks = [task for task in tasks if not task.path.is_file()]
        done = len(tasks) - len(open_tasks)
        if report is not None:
            report(done, len(tasks))
        for _ in run_tasks(_train_anew, open_tasks, workers, cluster, (place, folder)):
            done += 1
            if report is not None:
                report(done, len(tasks))
    return [read_json(task.path) for task in tasks]


@dataclass(frozen=True)
class _Permutation:
    """A permutation to train with, as it travels to another process."""

    store: Path
    settings: EvaluationSettings
    run: Path
    number: int

    @property
    def path(self) -> Path:
        """Where its result is kept."""
        return self.run / "retrained" / self.settings.split / f"{self.number:05d}.json"


def _train_anew(task: _Permutation) -> None:
    if task.path.is_file():
        return  # by a worker that died before it could say so
    settings = task.settings
    trials = evaluated_trials(Store(task.store))
    folds = settings.plan(trials)
    rng = np.random.default_rng((settings.seed, task.number))
    (places,) = next(block_permutations(stretches(trials.metadata), block_length(trials.labels), 1, rng))
    permuted = replace(trials, labels=trials.labels[places])
    decoded = [_decoded(settings, permuted, train, test) for train, test in folds]
    labels = np.concatenate([permuted.labels[test] for _, test in folds])
    numbers = np.concatenate([np.full(len(test), number) for number, (_, test) in enumerate(folds)])
    codes = np.searchsorted(np.unique(permuted.labels), labels)
    probabilities = np.concatenate(decoded)
    right = probabilities.argmax(axis=1) == codes
    area = rank_worth(probabilities, codes, numbers)[np.arange(len(codes)), codes].sum()
    write_json(task.path, {"accuracy": float(right.mean()), "auc": float(area)})


def _decoded(settings: EvaluationSettings, trials: Trials, train: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return the probabilities of all labels, (n_test, n_labels); a fold believes nothing of one it did not learn."""
    pipeline = settings.pipeline(trials.sfreq).fit(trials.view(train))
    known = np.unique(trials.labels)
    probabilities = np.zeros((len(test), len(known)))
    probabilities[:, np.searchsorted(known, pipeline.decoder.classes_)] = pipeline.outputs(trials.view(test))[0]
    return probabilities
