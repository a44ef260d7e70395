"""A search from end to end: trials, the best settings, and their score on trials never seen, as a run's folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from mindglyph.compute import check_place, run_tasks
from mindglyph.decoders.settings_file import write_settings
from mindglyph.errors import UserError
from mindglyph.evaluation import evaluated_trials
from mindglyph.evaluation.evaluate import Watcher, unwatched
from mindglyph.files import replaced_file
from mindglyph.runs import Run
from mindglyph.store import Store
from mindglyph.tuning.outer import OuterTask, as_metrics, outer_predictions, outer_score, paired_difference
from mindglyph.tuning.result import Tried, best_of, default_of, importance_of, trials_table
from mindglyph.tuning.settings import TuningSettings
from mindglyph.tuning.study import is_url, study_name
from mindglyph.tuning.trying import Search, try_once

BEST = "best.yaml"
"""File of the best settings in a run's folder; `--settings` of other commands takes it."""

JOURNAL = "journal.log"
"""File of the trials in a run's folder, unless another storage is named."""


def tune(
    store: Store,
    settings: TuningSettings,
    folder: Path,
    n_trials: int,
    storage: str | None = None,
    workers: int = 1,
    watcher: Watcher = unwatched,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Search the settings of a decoder on the first trials of a store, and score the best on the last.

    Parameters
    ----------
    store : Store
        The trials.
    settings : TuningSettings
        What is searched.
    folder : Path
        The run's folder. The same question goes on in it, up to `n_trials` in all.
    n_trials : int
        Trials of the search.
    storage : str, optional
        Journal file, or URL of a database, in which several processes may work on one study;
        by default a journal in the folder.
    workers : int
        Processes that do trials side by side.
    watcher : callable
        Given the name of a part of the work; its context is told how far that is.
    cluster : str, optional
        A Dask scheduler whose workers do the trials instead; they must see the store and the storage.

    Returns
    -------
    dict
        What is written to `metrics.json`: `best` and `default` (number, inner loss, accuracy, values),
        `trials` (how many of each state), `importance`, `outer` (scores of both on the outer test and
        their paired difference), `looks` (number of trials after which the outer test was scored),
        `settings` (the best decoding whole), `study`, `simulated`, `warnings`.

    Raises
    ------
    UserError
        If there is nothing to search, the trials are too few, the folder holds another run, or no
        trial went through, or the cluster cannot be used.
    """
    check_place(workers, cluster)
    store.verify()
    settings.pipeline(store.about["sfreq"])
    settings.start()
    trials = evaluated_trials(store)
    settings.inner(trials)
    asked = _asked(store, settings)
    run = Run.start(folder, asked)
    with run.held():
        where = storage or str((folder / JOURNAL).resolve())
        # A file is known by its whole path, since workers may stand elsewhere.
        where = where if is_url(where) else str(Path(where).resolve())
        search = Search(store.path.resolve(), settings, where, study_name(settings.decoder, asked), n_trials)
        with watcher("trials") as watch:
            _search(search, workers, cluster, watch.step)
        study = search.study()
        table = trials_table(study, settings.space())
        _write_table(run, table)
        best, default = best_of(study), default_of(study)
        chosen = settings.chosen(best.params)
        write_settings(folder / BEST, chosen)
        with watcher("outer test") as watch:
            outer = _outer(run, store, settings, (best, default), (workers, cluster), watch.step)
        before = run.metrics.get("outer", {}).get("best_params")
        looks = run.metrics.get("looks", [])
        run.add_metrics(
            best=asdict(best),
            default=None if default is None else asdict(default),
            trials={str(state): int(count) for state, count in table["state"].value_counts().items()},
            importance=importance_of(study, settings.seed),
            looks=looks if before == best.params else [*looks, n_trials],
            outer=outer,
            settings=chosen.model_dump(mode="json"),
            study={"name": search.name, "storage": "journal" if storage is None else "shared"},
            simulated=store.about["simulated"],
            warnings=store.about["warnings"],
        )
        # As they are read again, so that a search gives the same whether or not anything was left to do.
        return run.metrics


def _asked(store: Store, settings: TuningSettings) -> dict[str, Any]:
    """Return what tells this search from others; a store that was moved is the same store."""
    return {
        "kind": "tuning",
        "content_hash": store.about["content_hash"],
        "settings": settings.model_dump(mode="json"),
    }


def _search(search: Search, workers: int, cluster: str | None, step: Callable[[int, int], None]) -> None:
    """Do the trials that are left."""
    shared = (search.store,) if is_url(search.storage) else (search.store, Path(search.storage).parent)
    left = search.left()
    step(search.n_trials - left, search.n_trials)
    while left:
        for number, _ in enumerate(run_tasks(try_once, [search] * left, workers, cluster, shared), start=1):
            step(min(search.n_trials, search.n_trials - left + number), search.n_trials)
        # A process may have been killed meanwhile, here or elsewhere.
        still = search.left()
        if still >= left:
            raise UserError("tune: trials do not come to an end: see whether their processes are killed for memory")
        left = still


def _write_table(run: Run, table: pd.DataFrame) -> None:
    with replaced_file(run.path / "trials.parquet") as temporary:
        table.to_parquet(temporary, index=False)
    with replaced_file(run.path / "trials.csv") as temporary:
        table.to_csv(temporary, index=False)


def _outer(
    run: Run,
    store: Store,
    settings: TuningSettings,
    both: tuple[Tried, Tried | None],
    place: tuple[int, str | None],
    step: Callable[[int, int], None],
) -> dict[str, Any]:
    """Return the scores on the outer test; those of the same settings are not made again."""
    best, default = both
    known: dict[str, Any] = run.metrics.get("outer", {})
    default_params = None if default is None else default.params
    if known and known["best_params"] == best.params and known["default_params"] == default_params:
        return known
    wanted = {"best": best, **({} if default is None or default.params == best.params else {"default": default})}
    tasks = [OuterTask(store.path.resolve(), settings, settings.chosen(tried.params)) for tried in wanted.values()]
    step(0, len(tasks))
    tables = {}
    workers, cluster = place
    done = run_tasks(outer_predictions, tasks, min(workers, len(tasks)), cluster, (store.path.resolve(),))
    for name, table in zip(wanted, done, strict=True):
        tables[name] = table
        step(len(tables), len(tasks))
    if default is not None:
        tables.setdefault("default", tables["best"])
    for name, table in tables.items():
        with replaced_file(run.path / f"outer.{name}.parquet") as temporary:
            table.to_parquet(temporary)
    train, test = settings.outer(evaluated_trials(store))
    scores = {name: outer_score(store, settings, table) for name, table in tables.items()}
    difference = None
    if default is not None:
        difference = as_metrics(paired_difference(tables["best"], tables["default"], settings.seed))
    return {
        "n_train": len(train),
        "n_test": len(test),
        "best": scores["best"],
        "default": scores.get("default"),
        "difference": difference,
        "best_params": best.params,
        "default_params": default_params,
    }


def open_tuning(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return what a finished search wrote: its numbers and the table of its trials.

    Raises
    ------
    UserError
        If there is none.
    """
    run = Run.open(folder)
    if run.asked.get("kind") != "tuning" or "outer" not in run.metrics:
        raise UserError(f"{folder}: holds no finished search: run 'mindglyph tune STORE --out {folder}'")
    return run.metrics, pd.read_parquet(folder / "trials.parquet")
