"""Measure whether a search of settings is worth its time: fresh trials, beside the defaults, and without a signal.

    uv run python benchmarks/tuning.py                                  # 3 seeds with a signal, 3 without: hours
    uv run python benchmarks/tuning.py --seeds 0 --ceilings 0.6 --set training.max_epochs=15

For each seed an EPOC's recording of a known ceiling is simulated: 5,000 trials that `mindglyph tune`
is given, and after them 2,000 fresh ones that it is not. It searches on the first four fifths of
the 5,000 and scores on the last. Then the defaults and what was found are trained on all 5,000 and
compared on the fresh ones: the accuracies, their paired difference with its 95% interval, and
the log losses. What `--set` held still to save time (a shorter training) is let go for a second
comparison. Where the ceiling is 0.1 there is nothing to find, and the p of the outer test must say so.

What is done is kept in `--out`; the same command goes on. Ends with one line of JSON a search.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.decoders.settings import DecodingSettings, chosen_settings
from mindglyph.evaluation import evaluated_trials, score_decoding
from mindglyph.evaluation.crossvalidation import tested_predictions
from mindglyph.files import read_json, write_json
from mindglyph.simulation import SimulationSettings
from mindglyph.store import Store, write_trials
from mindglyph.tuning import TuningSettings, tune
from mindglyph.tuning.outer import as_metrics, paired_difference

N_SEARCHED, N_FRESH = 5000, 2000


@dataclass(frozen=True)
class Question:
    """One search of the benchmark."""

    decoder: str
    ceiling: float
    seed: int
    n_trials: int
    folds: int
    wishes: tuple[str, ...]
    searched: tuple[str, ...]
    n_searched: int

    @property
    def name(self) -> str:
        """Under which it is kept."""
        return f"{self.decoder.replace(':', '-')}-{self.ceiling:g}-{self.n_searched}-{self.seed}"


def stores(folder: Path, question: Question) -> tuple[Store, Store]:
    """Return the trials to search on as a store, and one that has the fresh trials after them."""
    events = question.n_searched + N_FRESH
    path = folder / f"EP-{question.ceiling:g}-{events}-{question.seed}.store"
    if not path.exists():
        source = path.with_suffix(".txt")
        run_simulation(source, SimulationSettings(events=events, ceiling=question.ceiling, seed=question.seed))
        run_import([source], path)
        source.unlink()
    whole = Store(path)
    first = path.with_suffix(".first.store")
    if not first.exists():
        write_trials(evaluated_trials(whole).select(np.arange(question.n_searched)), first, name=path.name)
    return Store(first), whole


def search_settings(question: Question, wishes: tuple[str, ...]) -> TuningSettings:
    """Return what is searched, with some settings held still."""
    return TuningSettings(
        decoder=question.decoder,
        decoder_settings=chosen_settings(question.decoder, wishes),
        fixed=tuple(wish.partition("=")[0] for wish in wishes),
        searched=question.searched,
        folds=question.folds,
        seed=question.seed,
    )


def fresh_pair(store: Store, settings: TuningSettings, found: dict[str, Any], n_searched: int) -> list[pd.DataFrame]:
    """Return the predictions of the fresh trials by what was found, and by the settings the search began with."""
    return [fresh(store, settings.chosen(one), n_searched) for one in (found, settings.start())]


def accuracies(tables: Sequence[pd.DataFrame]) -> list[float]:
    """Return the share of trials that each table has right."""
    return [float((table["label"] == table["predicted"]).mean()) for table in tables]


def fresh(store: Store, settings: DecodingSettings, n_searched: int) -> pd.DataFrame:
    """Train on all trials that were there for the search, and return the predictions of the fresh ones."""
    trials = evaluated_trials(store)
    train, test = np.arange(n_searched), np.arange(n_searched + 10, len(trials))
    pipeline = settings.pipeline(trials.sfreq).fit(trials.view(train))
    return tested_predictions(pipeline, trials, train, test)


def measure(folder: Path, question: Question, workers: int) -> dict[str, Any]:
    """Search, and compare on fresh trials; what is done is not done again."""
    kept = folder / f"{question.name}.json"
    if kept.exists():
        answer: dict[str, Any] = read_json(kept)
        return answer
    searched, whole = stores(folder, question)
    start = time.perf_counter()
    settings = search_settings(question, question.wishes)
    run = folder / f"{question.name}.tuning"
    metrics = tune(searched, settings, run, question.n_trials, workers=workers)
    seconds = round(time.perf_counter() - start)
    found = metrics["best"]["params"]
    tables = fresh_pair(whole, settings, found, question.n_searched)
    let_go = fresh_pair(whole, search_settings(question, ()), found, question.n_searched) if question.wishes else tables
    score = score_decoding(tables[0], None, 10_000, 0)
    outer = metrics["outer"]
    answer = {
        **{name: getattr(question, name) for name in ("decoder", "ceiling", "seed", "n_trials", "folds", "wishes")},
        "trials": metrics["trials"],
        "inner_loss": [metrics["best"]["log_loss"], metrics["default"]["log_loss"]],
        "outer_accuracy": [outer["best"]["accuracy"], outer["default"]["accuracy"]],
        "outer_p": outer["best"]["p_value"],
        "outer_difference": outer["difference"],
        "fresh_accuracy": accuracies(tables),
        "fresh_p": score.p_value,
        "fresh_difference": as_metrics(paired_difference(*tables, seed=0)),
        "unset_accuracy": accuracies(let_go),
        "unset_difference": as_metrics(paired_difference(*let_go, seed=0)),
        "best": found,
        "importance": metrics["importance"],
        "ceiling_there": None if whole.truth is None else whole.truth["ceiling"]["accuracy"],
        "seconds": seconds,
    }
    write_json(kept, answer)
    return answer


def main() -> None:
    """Measure all that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--decoder", default="sparse-cnn")
    parser.add_argument("--ceilings", nargs="+", type=float, default=[0.6, 0.1])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--events", type=int, default=N_SEARCHED, help="trials that are searched on and tested within")
    parser.add_argument("--trials", type=int, default=40)
    parser.add_argument("--folds", type=int, default=4)
    parser.add_argument("--set", nargs="+", default=[], dest="wishes", metavar="KEY=VALUE")
    parser.add_argument("--search", nargs="+", default=[], dest="searched", metavar="KEY")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("tuning-benchmark"))
    arguments = parser.parse_args()
    arguments.out.mkdir(parents=True, exist_ok=True)
    for ceiling in arguments.ceilings:
        for seed in arguments.seeds:
            question = Question(
                arguments.decoder,
                ceiling,
                seed,
                arguments.trials,
                arguments.folds,
                tuple(arguments.wishes),
                tuple(arguments.searched),
                arguments.events,
            )
            print(json.dumps(measure(arguments.out, question, arguments.workers)), flush=True)


if __name__ == "__main__":
    main()
