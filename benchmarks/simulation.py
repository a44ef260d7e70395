"""Measure how fast each published format is simulated, and how much memory that takes.

    uv run python benchmarks/simulation.py 200 --formats ep mnist8b

Each format is written in a process of its own, after a few trials that load and compile what is
needed once. The time is of everything: the person, the ideal observer, the hash of the file; so
what a gigabyte takes is less than a small file says. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import get_args

from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.simulation.settings import SimulatedFormat

_FEW = 40


def measure(format: str, megabytes: float, artifacts: bool) -> dict[str, float]:
    """Return seconds and megabytes of one format, and what a gigabyte takes at most."""
    digits = load_digits("train")

    def write(folder: Path, events: int) -> tuple[float, float]:
        start = time.perf_counter()
        settings = SimulationSettings(format=format, events=events, artifacts=artifacts)
        simulate(folder / format, settings, digits.images, digits.labels, PACKAGED, index=digits.index)
        seconds = time.perf_counter() - start
        written = folder / format
        files = list(written.iterdir()) if written.is_dir() else [written]
        return seconds, sum(file.stat().st_size for file in files) / 1e6

    with tempfile.TemporaryDirectory() as name:
        _, few_megabytes = write(Path(name), _FEW)
        events = max(2 * _FEW, round(megabytes / few_megabytes * _FEW))
        seconds, written = write(Path(name), events)
    return {
        "events": events,
        "megabytes": round(written, 1),
        "seconds": round(seconds, 2),
        "megabytes_a_second": round(written / seconds, 1),
        "seconds_a_gigabyte": round(1000 * seconds / written, 1),
        "peak_megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
    }


def main() -> None:
    """Measure every format and print what it gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("megabytes", type=float, nargs="?", default=100.0)
    parser.add_argument("--formats", nargs="+", choices=get_args(SimulatedFormat), default=get_args(SimulatedFormat))
    parser.add_argument("--artifacts", action="store_true")
    arguments = parser.parse_args()
    results = {}
    for name in arguments.formats:
        # A fresh process for each, so that its peak of memory is its own.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            results[name] = pool.submit(measure, name, arguments.megabytes, arguments.artifacts).result()
        print(name, json.dumps(results[name]), flush=True)
    print(json.dumps({"megabytes_asked": arguments.megabytes, "artifacts": arguments.artifacts, "formats": results}))


if __name__ == "__main__":
    main()
