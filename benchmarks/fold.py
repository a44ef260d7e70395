"""Measure what a fold of MNIST-8B's shape costs: 128 channels of 500 samples, on simulated trials.

    OMP_NUM_THREADS=1 uv run python -P benchmarks/fold.py

Simulates a recording in MNIST-8B's own format, imports it, and does the first of five folds as `mindglyph evaluate`
does, a decoder at a time, each in a process of its own: what it learns from is four fifths of the trials with a
digit. Each is measured for two numbers of trials, since two points show whether the time grows as the trials do. A
network does one epoch. Of each are told the processor's time, the time on the clock, and the peak of the memory of
its own (RssAnon, sampled 20 times a second), which the system cannot take back. The times of the whole MNIST-8B are
then scaled by the trials, not measured, in two ways: along the line through the two points, and in proportion to
the larger one, as if nothing of it were the same for any number of trials. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.evaluation import EvaluationSettings, evaluated_trials
from mindglyph.evaluation.crossvalidation import _Fold, _train_and_test
from mindglyph.runs import Run
from mindglyph.simulation import SimulationSettings
from mindglyph.store import Store, write_trials

FOLDS = 5
WHOLE = 70_000
"""Trials of MNIST-8B in which a digit is shown."""
DECODERS: dict[str, dict[str, Any]] = {
    "lda": {},
    "sparse-cnn": {"training": {"max_epochs": 1}},
    "default": {},
}


def one_fold(store: Path, decoder: str, run: Path) -> dict[str, float]:
    """Train and test the first fold in this process, and return what it took."""
    settings = EvaluationSettings(decoder=decoder, decoder_settings=DECODERS[decoder], folds=FOLDS)
    Run.start(run, {})
    peak = [0.0]
    threading.Thread(target=_watch_memory, args=(peak,), daemon=True).start()
    start, before = time.perf_counter(), time.process_time()
    _train_and_test(_Fold(store, settings, "blocked", run, 0, FOLDS, None))
    return {
        "cpu_seconds": round(time.process_time() - before, 2),
        "seconds": round(time.perf_counter() - start, 2),
        "own_mb": round(peak[0]),
    }


def _watch_memory(peak: list[float]) -> None:
    status = Path("/proc/self/status")
    while True:
        line = next(line for line in status.read_text().splitlines() if line.startswith("RssAnon"))
        peak[0] = max(peak[0], int(line.split()[1]) * 1024 / 1e6)
        time.sleep(0.05)


def in_a_process(store: Path, decoder: str, run: Path) -> dict[str, float]:
    """Do the fold in a new process, whose memory is nobody else's."""
    command = [sys.executable, "-P", __file__, "--one", str(store), decoder, str(run)]
    found = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return result


def scaled(points: dict[int, float]) -> tuple[float, float]:
    """Return what a fold of all of MNIST-8B takes by the line through two points, and in proportion to the larger."""
    (fewer, less), (more, most) = sorted(points.items())
    return most + (most - less) / (more - fewer) * (WHOLE - more), most * WHOLE / more


def main() -> None:
    """Simulate, measure each decoder at two sizes, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=5000, help="trials, half of them with a digit")
    parser.add_argument("--decoders", nargs="+", default=list(DECODERS), choices=list(DECODERS))
    parser.add_argument("--one", nargs=3, metavar=("STORE", "DECODER", "RUN"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one is not None:
        store, decoder, run = arguments.one
        print(json.dumps(one_fold(Path(store), decoder, Path(run))))
        return
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as place:
        stores = _stores(Path(place), arguments.rows)
        print(f"{'decoder':<12}{'trials':>8}{'processor':>12}{'clock':>10}{'own memory':>13}")
        for decoder in arguments.decoders:
            found = {}
            for count, store in stores.items():
                found[count] = result = in_a_process(store, decoder, Path(place) / f"{decoder}-{count}")
                print(
                    f"{decoder:<12}{count:>8,}{result['cpu_seconds']:>10.1f} s{result['seconds']:>8.1f} s"
                    f"{result['own_mb']:>10,.0f} MB",
                    flush=True,
                )
            line, share = scaled({count: result["cpu_seconds"] / 60 for count, result in found.items()})
            print(
                f"{decoder:<12}{WHOLE:>8,} scaled, not measured: {line:.0f} min by the line, {share:.0f} in proportion"
            )
            results[decoder] = {"measured": found, "scaled_cpu_minutes": [round(line, 1), round(share, 1)]}
    print(json.dumps({"rows": arguments.rows, **results}))


def _stores(folder: Path, rows: int) -> dict[int, Path]:
    """Return stores of half of the recording and of all of it, by the number of trials with a digit."""
    run_simulation(folder / "part.csv", SimulationSettings(format="mnist8b", events=rows, ceiling=0.6, seed=0))
    start = time.perf_counter()
    run_import([folder / "part.csv"], folder / "whole.store")
    size = (folder / "part.csv").stat().st_size
    print(f"{rows:,} rows, {size / 1e9:.2f} GB of text, imported in {time.perf_counter() - start:.1f} s", flush=True)
    (folder / "part.csv").unlink()
    trials = Store(folder / "whole.store").trials()
    write_trials(trials.select(np.arange(len(trials) // 2)), folder / "half.store")
    return {len(evaluated_trials(Store(store))): store for store in (folder / "half.store", folder / "whole.store")}


if __name__ == "__main__":
    main()
