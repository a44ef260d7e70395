"""An evaluation from end to end: audit, folds of every split, scores, verdict, as a run's folder."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from mindglyph.compute import check_place
from mindglyph.decoders.monitor import Progress
from mindglyph.errors import UserError
from mindglyph.evaluation.audit import audit_store
from mindglyph.evaluation.crossvalidation import cross_validate
from mindglyph.evaluation.evaluated import evaluated_trials, seconds_between
from mindglyph.evaluation.retraining import retrained_null
from mindglyph.evaluation.scores import score_decoding
from mindglyph.evaluation.settings import EvaluationSettings
from mindglyph.evaluation.splits import LEAKY, Fold, SplitName, groups_of
from mindglyph.evaluation.statistics import permutation_p_value
from mindglyph.evaluation.verdict import inflation_sentence, verdict
from mindglyph.runs import Run
from mindglyph.store import Store
from mindglyph.trials import Trials

_SCORING = ("splits", "permutations", "retrain")

_UNFINISHED = "holds no finished evaluation: give the command that began it again, and it goes on"
_OTHER_RUNS = {
    "benchmark": "is a benchmark: name one of the runs in its folder cells",
    "training": "is a training, which has no score: name a run of 'mindglyph evaluate'",
    "tuning": "is a search, whose figures lie beside it: name a run of 'mindglyph evaluate'",
}
"""What is said of a run that is no evaluation, by its kind."""
"""Settings that say what is looked at, and leave alone what a fold learns: a finished run may be asked for more."""


class Watching(Protocol):
    """Who is told how far a part of the work is."""

    def step(self, done: int, total: int) -> None:
        """Take the steps done and in all."""

    def epoch(self, progress: Progress) -> None:
        """Take an epoch of a training."""

    def remark(self, text: str) -> None:
        """Take what the user ought to know at once."""


Watcher = Callable[[str], AbstractContextManager[Watching]]


class _Unwatched:
    def step(self, done: int, total: int) -> None:
        pass

    def epoch(self, progress: Progress) -> None:
        pass

    def remark(self, text: str) -> None:
        pass


@contextmanager
def unwatched(part: str) -> Iterator[Watching]:
    """Tell nobody of the part's progress."""
    yield _Unwatched()


def evaluate(
    store: Store,
    settings: EvaluationSettings,
    folder: Path,
    workers: int = 1,
    watcher: Watcher = unwatched,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Evaluate a decoder on a store; what is finished in the folder is not done again.

    Parameters
    ----------
    store : Store
        The trials.
    settings : EvaluationSettings
        What is evaluated, and how.
    folder : Path
        The run's folder.
    workers : int
        Processes that work side by side.
    watcher : callable
        Given the name of a part of the work; its context is told how far that is.
    cluster : str, optional
        A Dask scheduler whose workers do it instead; they must see the store and the run's folder.

    Returns
    -------
    dict
        What is written to `metrics.json`: `verdict`; `audit`, the ways in which the data could lie,
        with what `failed` under the first split; `decoding`, the score of the first split;
        `splits`, that of each, those that the run was asked for earlier at the end; `groups`, how
        many sessions or subjects a split by these divides into folds; `inflation` where a leaky
        split stands beside; `warnings` of the import; `scoring`, which says what was looked at.

    Raises
    ------
    UserError
        If the store is damaged, the trials cannot be divided so, or the folder holds another run, or the
        cluster cannot be used.
    """
    check_place(workers, cluster)
    store.verify()
    # A decoder or a split that cannot be made is said before a folder is.
    settings.pipeline(store.about["sfreq"])
    trials = evaluated_trials(store)
    for split in settings.splits:
        settings.plan(trials, split)
    run = Run.start(folder, _asked(store, settings, folder))
    # From the first part to the last, so that no two processes take turns at it.
    with run.held():
        return _evaluated(store, _with_done(settings, run), run, trials, workers, watcher, cluster)


def _with_done(settings: EvaluationSettings, run: Run) -> EvaluationSettings:
    """Add the splits that the run was asked for before: what was tested once is not passed over in silence."""
    scored = [split for split in run.metrics.get("splits", {}) if run.folds(split).path.is_dir()]
    done = [split for split in scored if split not in settings.splits]
    return settings.model_copy(update={"splits": (*settings.splits, *done)})


def _evaluated(
    store: Store,
    settings: EvaluationSettings,
    run: Run,
    trials: Trials,
    workers: int,
    watcher: Watcher,
    cluster: str | None,
) -> dict[str, Any]:
    """Do what is not done, and return all numbers."""
    audit = _audited(store, settings, run, trials, watcher)
    truth = store.truth
    ceiling = truth["ceiling"]["accuracy"] if truth else None
    rest = store.about["trials"] - len(trials)
    scores, observed = {}, {}
    for split in settings.splits:
        with watcher(split) as watch:
            predictions = cross_validate(
                store, settings, run, split, workers, watch.step, watch.epoch, watch.remark, cluster
            )
        score = score_decoding(
            predictions, ceiling, settings.permutations, settings.seed, seconds_between(trials), rest
        )
        run.write_null(split, score.null)
        scores[split], observed[split] = score.as_metrics(), score.observed
    decoding = scores[settings.split]
    if settings.retrain:
        with watcher("train anew") as watch:
            anew = retrained_null(store, settings, run, workers, watch.step, cluster)
        null = [one[decoding["statistic"]] for one in anew]
        p_value = permutation_p_value(observed[settings.split], np.array(null))
        decoding["retrained"] = {"n": len(null), "p_value": p_value, "null": null}
    simulated = store.about["simulated"]
    return run.add_metrics(
        verdict=verdict(decoding, simulated, store.about["ordered"], audit["failed"]),
        audit=audit,
        warnings=store.about["warnings"],
        simulated=simulated,
        decoding=decoding,
        splits=scores,
        groups=_groups(settings, trials),
        inflation=_inflation(scores),
        scoring={name: settings.model_dump(mode="json")[name] for name in _SCORING},
    )


def _groups(settings: EvaluationSettings, trials: Trials) -> dict[str, int]:
    """Return how many sessions or subjects there are, by the splits that keep them together."""
    return {
        name: len(np.unique(groups_of(name, trials.metadata)))
        for name in settings.splits
        if name == "session" or name == "subject"
    }


def _audited(store: Store, settings: EvaluationSettings, run: Run, trials: Trials, watcher: Watcher) -> dict[str, Any]:
    """Return what the audit found, which a run is asked once for the same splits."""
    known: dict[str, Any] = run.metrics.get("audit", {})
    if known.get("splits") == list(settings.splits):
        return known
    plans: dict[str, list[Fold]] = {split: settings.plan(trials, split) for split in settings.splits}
    with watcher("audit") as watch:
        found = audit_store(store, plans, watch.step, settings.seed)
    audit = {**found.as_dict(), "failed": found.fails_of(settings.split)}
    # Kept at once: a run that is stopped need not look again.
    run.add_metrics(audit=audit)
    return audit


def open_evaluation(folder: Path, store: Store | None = None) -> tuple[Run, Store, EvaluationSettings]:
    """Open a finished run with the store that it was made of.

    Parameters
    ----------
    folder : Path
        The run's folder.
    store : Store, optional
        Where the store now is; by default where it was.

    Returns
    -------
    run : Run
        The run.
    store : Store
        Of the trials that it was asked of.
    settings : EvaluationSettings
        What it was asked.

    Raises
    ------
    UserError
        If there is no finished evaluation, or the store is gone or has changed since.
    """
    run = Run.open(folder)
    metrics = run.metrics
    kind = run.asked.get("kind")
    if kind != "evaluation" or "scoring" not in metrics:
        raise UserError(f"{folder}: {_OTHER_RUNS.get(str(kind), _UNFINISHED)}")
    named = store is not None
    store = store or Store(Path(os.path.normpath(folder / run.asked["store"])))
    if store.about["content_hash"] != run.asked["content_hash"]:
        if named:
            raise UserError(f"{store.path}: is not the store that {folder} was made of: leave it out, or name that one")
        raise UserError(f"{store.path}: has changed since {folder} was made: evaluate it anew into another folder")
    store.verify()
    return run, store, EvaluationSettings.model_validate({**run.asked["settings"], **metrics["scoring"]})


def _asked(store: Store, settings: EvaluationSettings, folder: Path) -> dict[str, Any]:
    return {
        "kind": "evaluation",
        # From the run's folder, so that both can be moved together.
        "store": os.path.relpath(store.path.resolve(), folder.resolve()),
        "content_hash": store.about["content_hash"],
        "settings": settings.model_dump(mode="json", exclude=set(_SCORING)),
    }


def _inflation(scores: Mapping[SplitName, dict[str, Any]]) -> dict[str, Any] | None:
    """Return by how much a leaky split lies above the first honest one."""
    honest = next(name for name in scores if name not in LEAKY)
    leaky = next((name for name in scores if name in LEAKY), None)
    if leaky is None:
        return None
    return {
        "honest": honest,
        "leaky": leaky,
        "difference": scores[leaky]["accuracy"] - scores[honest]["accuracy"],
        "sentence": inflation_sentence(scores[honest], scores[leaky]),
    }
