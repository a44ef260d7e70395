"""Measure what an audit takes, in seconds, memory and false accusations.

    OMP_NUM_THREADS=1 uv run python benchmarks/audit.py --trials 5000
    OMP_NUM_THREADS=1 uv run python benchmarks/audit.py --seeds 20 --trials 300

The first measures one audit of a simulated recording. With `--seeds` it counts over
clean recordings of four headsets, with and without a signal, what is said against them though nothing is wrong. Ends
with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.evaluation.audit import audit_store, plans_of
from mindglyph.simulation import SimulationSettings
from mindglyph.store import Store

_FORMATS = ("ep", "mw", "mu", "in")
_CEILINGS = (0.1, 0.9)


def simulated(folder: Path, **settings: Any) -> Store:
    """Simulate a recording and import it."""
    run_simulation(folder / "recording.txt", SimulationSettings(**settings))
    run_import([folder / "recording.txt"], folder / "store")
    return Store(folder / "store")


def measure(trials: int, format: str, seed: int) -> dict[str, Any]:
    """Audit one recording and say what that took."""
    with tempfile.TemporaryDirectory() as name:
        store = simulated(Path(name), format=format, events=trials, seed=seed)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        # The first is slower by what is loaded then; a run loads most of it anyway.
        seconds, processor = [], []
        for _ in range(3):
            start, start_processor = time.perf_counter(), time.process_time()
            found = audit_store(store, plans_of(store))
            seconds.append(round(time.perf_counter() - start, 2))
            processor.append(round(time.process_time() - start_processor, 2))
        size = (store.path / "signals.npy").stat().st_size
        return {
            "format": format,
            "trials": trials,
            "signals_mb": round(size / 1e6, 1),
            "seconds": seconds,
            "processor_seconds": processor,
            "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
            "peak_mb_before": round(before / 1024),
            "fails": found.fails,
            "warnings": found.warnings,
        }


def accuse(seeds: int, trials: int) -> dict[str, Any]:
    """Count what is said against recordings in which nothing is wrong."""
    said: Counter[str] = Counter()
    audits = 0
    for seed in range(seeds):
        for name_of_format in _FORMATS:
            for ceiling in _CEILINGS:
                with tempfile.TemporaryDirectory() as name:
                    rest = 0.15 * (seed % 2)
                    store = simulated(
                        Path(name), format=name_of_format, events=trials, ceiling=ceiling, rest=rest, seed=seed
                    )
                    found = audit_store(store, plans_of(store))
                audits += 1
                said.update(f"{one.level}: {one.about}" for one in found.findings if one.level != "ok")
        print(json.dumps({"seed": seed, "audits": audits, "said": said}), flush=True)
    return {"seeds": seeds, "trials": trials, "audits": audits, "said": said}


def main() -> None:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--format", default="ep", choices=_FORMATS)
    parser.add_argument("--seeds", type=int, default=0, help="audit so many clean recordings of each kind")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    if arguments.seeds:
        result = accuse(arguments.seeds, arguments.trials)
    else:
        result = measure(arguments.trials, arguments.format, arguments.seed)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
