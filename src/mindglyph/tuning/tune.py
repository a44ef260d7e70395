"""A search from end to end: trials, the best settings, and their score on trials never seen, as a run's folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from mindglyph.compute import check_place, run_tasks
from mindglyph.decoders.settings_file import write_settings
from mindglyph.errors import UserError
from mindglyph.evaluation import evaluated_trials
from mindglyph.evaluation.evaluate import Watcher, Watching, unwatched
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

_PARAMS = "params"
_POLL = 0.5  # s between two looks at what other processes are doing
_FRUITLESS = 3  # rounds in which no trial came to an end


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
            _search(search, workers, cluster, watch)
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


def _search(search: Search, workers: int, cluster: str | None, watch: Watching) -> None:
    """Do the trials that are left, and wait for those that other processes are doing."""
    shared = (search.store,) if is_url(search.storage) else (search.store, Path(search.storage).parent)
    found, fruitless, waiting = search.progress(), 0, False
    while found.left or found.elsewhere:
        before = found
        watch.step(before.finished, search.n_trials)
        if before.left:
            for number, _ in enumerate(run_tasks(try_once, [search] * before.left, workers, cluster, shared), start=1):
                watch.step(min(search.n_trials, before.finished + number), search.n_trials)
        else:
            if not waiting:
                watch.remark(f"mindglyph: waiting for trials that other processes are at ({before.elsewhere})")
            waiting = True
            time.sleep(_POLL)
        found = search.progress()
        # A process may have been killed meanwhile, here or elsewhere.
        fruitless = fruitless + 1 if before.left and found.left and found.finished <= before.finished else 0
        if fruitless == _FRUITLESS:
            raise UserError("tune: trials do not come to an end: see whether their processes are killed for memory")
    watch.step(min(search.n_trials, found.finished), search.n_trials)


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
    tables = {name: table for name, tried in wanted.items() if (table := _kept(run, name, tried)) is not None}
    step(len(tables), len(wanted))
    left = [name for name in wanted if name not in tables]
    tasks = [OuterTask(store.path.resolve(), settings, settings.chosen(wanted[name].params)) for name in left]
    workers, cluster = place
    done = run_tasks(outer_predictions, tasks, max(1, min(workers, len(tasks))), cluster, (store.path.resolve(),))
    for name, table in zip(left, done, strict=True):
        tables[name] = table
        _keep(run, name, wanted[name], table)
        step(len(tables), len(wanted))
    if default is not None and "default" not in tables:
        tables["default"] = tables["best"]
        _keep(run, "default", default, tables["best"])
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


def _keep(run: Run, name: str, tried: Tried, table: pd.DataFrame) -> None:
    """Write predictions of the outer test, and with them the settings that made them."""
    table.attrs[_PARAMS] = tried.params
    with replaced_file(_outer_file(run, name)) as temporary:
        table.to_parquet(temporary)


def _kept(run: Run, name: str, tried: Tried) -> pd.DataFrame | None:
    """Return predictions that a command wrote before it was killed; None if there are none of these settings."""
    try:
        table = pd.read_parquet(_outer_file(run, name))
    except (OSError, ValueError):
        return None
    return table if table.attrs.get(_PARAMS) == tried.params else None


def _outer_file(run: Run, name: str) -> Path:
    return run.path / f"outer.{name}.parquet"


def open_tuning(folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return what a finished search wrote: its numbers and the table of its trials.

    Parameters
    ----------
    folder : Path
        The run's folder.

    Returns
    -------
    metrics : dict
        What `metrics.json` holds.
    trials : DataFrame
        As `trials_table` gives them.

    Raises
    ------
    UserError
        If there is none.
    """
    run = Run.open(folder)
    if run.asked.get("kind") != "tuning" or "outer" not in run.metrics:
        raise UserError(f"{folder}: holds no finished search: run 'mindglyph tune STORE --out {folder}'")
    return run.metrics, pd.read_parquet(folder / "trials.parquet")
