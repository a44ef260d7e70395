"""Measure how much of what can be decoded each decoder does decode.

    uv run python benchmarks/decoding.py --quick                     # under five minutes
    uv run python benchmarks/decoding.py                             # hours: every decoder, size and seed
    uv run python benchmarks/decoding.py --decoders lda default --sizes 2000 --ceilings 0.6 --seeds 1

Simulated: EP with a known ceiling. A decoder learns from the first trials of a recording and is
tested on the 5,000 that come after the longest training, ten trials left out between. Its
efficiency is (accuracy - chance) / (ceiling - chance). Real: the two visual sets of a Muse in
`../shared/data` (or where MINDGLYPH_DATA points), each run of a set tested by a decoder that
learned from the others; 1 to 30 Hz, -0.1 to 0.8 s, trials above 100 microvolts left out; the mean
of the runs' areas under the curve.

Every result is kept in `--out` as soon as it is there, so that a run that was stopped goes on, and
one that asks for more decoders adds to it. Ends with one line of JSON: the default, and the best of
all others of our own and of the zoo at each.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.evaluation import evaluated_trials
from mindglyph.files import read_json, write_json
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.simulation import SimulationSettings
from mindglyph.sources.recording import ImportSettings
from mindglyph.store import Store
from mindglyph.trials import Trials

SIZES, CEILINGS, SEEDS = (500, 2000, 8000, 20000), (0.6, 0.9), 3
LONGEST, N_TESTED, GAP = 20000, 5000, 10
REAL = ("n170", "p300")
TARGET = 2  # the label whose probability is ranked on the real sets
MOST_MICROVOLTS = 100.0
MARGIN = 0.6  # s cut wider than needed at either end of a real trial, for the filter

DECODERS = (
    "chance",
    "lda",
    "riemann",
    "evoked",
    "default",
    "zoo:EEGNet",
    "zoo:EEGNeX",
    "zoo:ShallowFBCSPNet",
    "zoo:Deep4Net",
    "sparse-cnn",
    "sparse-forest",
    "deep-cnn",
    "mlp",
    "common-lstm",
    "stacked-lstm",
    "per-channel-lstm",
    "per-channel-lstm-merged",
)
QUICK = ("lda", "riemann", "evoked", "default")


class Results:
    """Scores by question, one small file each."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, question: str) -> Path:
        return self._folder / "results" / f"{question.replace(':', '-')}.json"

    def known(self, question: str) -> dict[str, Any] | None:
        """Return what is known of a question."""
        path = self._path(question)
        return read_json(path) if path.exists() else None

    def keep(self, question: str, answer: dict[str, Any]) -> dict[str, Any]:
        """Keep an answer and return it."""
        self._path(question).parent.mkdir(parents=True, exist_ok=True)
        write_json(self._path(question), answer)
        return answer


def simulated(folder: Path, ceiling: float, seed: int) -> Store:
    """Return a simulated recording, made once."""
    path = folder / f"EP-{ceiling:g}-{seed}.store"
    if not path.exists():
        source = folder / f"EP-{ceiling:g}-{seed}.txt"
        events = LONGEST + GAP + N_TESTED
        if not source.exists():
            run_simulation(source, SimulationSettings(events=events, ceiling=ceiling, seed=seed))
        run_import([source], path)
        source.unlink()
    return Store(path)


def efficiency(folder: Path, results: Results, decoder: str, size: int, ceiling: float, seed: int) -> dict[str, Any]:
    """Return the efficiency of a decoder on one simulated recording."""
    question = f"{decoder}-{ceiling:g}-{size}-{seed}"
    if (known := results.known(question)) is not None:
        return known
    store = simulated(folder, ceiling, seed)
    trials = evaluated_trials(store)
    start = time.perf_counter()
    pipeline = DecodingSettings(decoder=decoder, seed=seed).pipeline(trials.sfreq).fit(trials.select(np.arange(size)))
    seconds = time.perf_counter() - start
    tested = trials.select(np.arange(LONGEST + GAP, LONGEST + GAP + N_TESTED))
    probabilities, _ = pipeline.outputs(tested)
    accuracy = float((pipeline.decoder.classes_[probabilities.argmax(axis=1)] == tested.labels).mean())
    chance, truth = 1 / len(pipeline.decoder.classes_), store.truth
    limit = truth["ceiling"]["accuracy"] if truth else float("nan")
    answer = {"accuracy": accuracy, "efficiency": (accuracy - chance) / (limit - chance), "seconds": seconds}
    return results.keep(question, answer)


def real(folder: Path, name: str) -> Trials | None:
    """Return a real set, cut wide and without trials above 100 microvolts; None where the data are absent."""
    data = Path(os.environ.get("MINDGLYPH_DATA", "../shared/data")) / "muse-visual" / name
    if not data.is_dir():
        return None
    path = folder / f"{name}.store"
    if not path.exists():
        run_import([data], path, ImportSettings(tmin=-0.1 - MARGIN, tmax=0.8 + MARGIN))
    trials = evaluated_trials(Store(path))
    steps = _preprocessing().build(trials.sfreq)
    largest = np.abs(steps[:-1].transform(trials.signals)).max(axis=(1, 2))
    return trials.select(np.flatnonzero(largest < MOST_MICROVOLTS))


def _preprocessing() -> PreprocessingSettings:
    return PreprocessingSettings(highpass=1.0, lowpass=30.0, margin=MARGIN)


def area(folder: Path, results: Results, decoder: str, name: str) -> dict[str, Any] | None:
    """Return the mean area under the curve of a decoder by held-out run of a real set."""
    question = f"{decoder}-{name}"
    if (known := results.known(question)) is not None:
        return known
    trials = real(folder, name)
    if trials is None:
        return None
    runs = trials.metadata["session"].to_numpy()
    areas = []
    start = time.perf_counter()
    for run in np.unique(runs):
        asked = DecodingSettings(decoder=decoder, preprocessing=_preprocessing())
        pipeline = asked.pipeline(trials.sfreq).fit(trials.select(np.flatnonzero(runs != run)))
        tested = trials.select(np.flatnonzero(runs == run))
        probabilities, _ = pipeline.outputs(tested)
        place = pipeline.decoder.classes_.tolist().index(TARGET)
        areas.append(float(roc_auc_score(tested.labels == TARGET, probabilities[:, place])))
    answer = {"auc": float(np.mean(areas)), "runs": areas, "seconds": time.perf_counter() - start}
    return results.keep(question, answer)


def mean_of(answers: Iterable[dict[str, Any] | None], key: str) -> float | None:
    """Return the mean of what is known."""
    values = [answer[key] for answer in answers if answer is not None]
    return float(np.mean(values)) if values else None


def table(results: Results, decoders: Iterable[str]) -> dict[str, dict[str, float | None]]:
    """Print all that is kept, and return it by decoder."""
    cells = [(ceiling, size) for ceiling in CEILINGS for size in SIZES]
    rows = {}
    columns = "".join(f"{f'{ceiling:g}: {size:,}':>17}" for ceiling, size in cells)
    print(f"{'':<24}{columns}{'n170':>8}{'p300':>8}")
    for decoder in decoders:
        found: dict[str, float | None] = {}
        line = f"{decoder:<24}"
        for ceiling, size in cells:
            answers = [results.known(f"{decoder}-{ceiling:g}-{size}-{seed}") for seed in range(SEEDS)]
            values = [answer["efficiency"] for answer in answers if answer is not None]
            found[f"{ceiling:g}-{size}"] = float(np.mean(values)) if values else None
            spread = f" ±{np.std(values, ddof=1):.3f}" if len(values) > 1 else "       "
            line += f"{f'{np.mean(values):.3f}{spread} ({len(values)})' if values else '—':>17}"
        for name in REAL:
            found[name] = mean_of([results.known(f"{decoder}-{name}")], "auc")
            line += f"{f'{found[name]:.4f}' if found[name] is not None else '—':>8}"
        rows[decoder] = found
        if any(value is not None for value in found.values()):
            print(line)
    return rows


def summary(rows: dict[str, dict[str, float | None]]) -> dict[str, dict[str, float | None]]:
    """Return the default's four figures, and the best that any other decoder has at each."""
    keys = {
        "efficiency_2000": "0.6-2000",
        "efficiency_20000": "0.6-20000",
        "n170_auc": "n170",
        "p300_auc": "p300",
    }

    def best(key: str) -> float | None:
        values = [row[key] for name, row in rows.items() if name != "default" and row[key] is not None]
        return max(values, default=None)

    default = rows.get("default", {})
    return {
        "default": {name: default.get(key) for name, key in keys.items()},
        "best_single": {name: best(key) for name, key in keys.items()},
    }


def main() -> None:
    """Measure, print the table, and end with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--quick", action="store_true", help="few decoders, one seed, sizes 2,000 and 20,000, one ceiling"
    )
    parser.add_argument("--decoders", nargs="+")
    parser.add_argument("--sizes", nargs="+", type=int)
    parser.add_argument("--ceilings", nargs="+", type=float)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--sets", nargs="*", default=list(REAL), help="real sets; none with no name after it")
    parser.add_argument(
        "--out", type=Path, default=Path("decoding-benchmark"), help="where recordings and results are kept"
    )
    arguments = parser.parse_args()
    decoders = arguments.decoders or list(QUICK if arguments.quick else DECODERS)
    sizes = arguments.sizes or ([2000, 20000] if arguments.quick else list(SIZES))
    ceilings = arguments.ceilings or ([0.6] if arguments.quick else list(CEILINGS))
    seeds = arguments.seeds or (1 if arguments.quick else SEEDS)
    arguments.out.mkdir(parents=True, exist_ok=True)
    results = Results(arguments.out)
    for decoder in decoders:
        for name in arguments.sets:
            if (of_set := area(arguments.out, results, decoder, name)) is not None:
                print(f"{decoder}, {name}: {of_set['auc']:.4f} in {of_set['seconds']:.0f} s", flush=True)
        for size in sizes:
            for ceiling in ceilings:
                for seed in range(seeds):
                    found = efficiency(arguments.out, results, decoder, size, ceiling, seed)
                    where = f"{decoder}, {size:,} trials of ceiling {ceiling:g}, seed {seed}"
                    print(f"{where}: {found['efficiency']:.3f} in {found['seconds']:.0f} s", flush=True)
    rows = table(results, DECODERS if arguments.decoders is None else dict.fromkeys([*DECODERS, *decoders]))
    print(json.dumps(summary(rows)))


if __name__ == "__main__":
    main()
