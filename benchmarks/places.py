"""Measure what a second process is worth to an import of several files, and to the experts of the sparse forest.

    OMP_NUM_THREADS=1 uv run python -P benchmarks/places.py

Four simulated recordings of an EPOC are imported as one, and a sparse forest is trained on a simulated recording of
a MindWave, with one process and with two, by turns, after a round that is not counted, in which processes load what
they need. The stores must be the same to the last bit. Ends with one line of JSON; a ratio below 1 says that two are
faster.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.compute import Place
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.simulation import SimulationSettings
from mindglyph.store import Store
from mindglyph.training import train

FILES = 4


def main() -> None:
    """Measure by turns and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=3000, help="of each of the files")
    parser.add_argument("--learned", type=int, default=600, help="events that the forest learns from")
    parser.add_argument("--epochs", type=int, default=4, help="that each network learns for")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = [folder / f"EP-{seed}.txt" for seed in range(FILES)]
        for seed, file in enumerate(files):
            run_simulation(file, SimulationSettings(format="ep", events=arguments.events, ceiling=0.6, seed=seed))
        run_simulation(folder / "MW.txt", SimulationSettings(format="mw", events=arguments.learned, ceiling=0.9))
        run_import([folder / "MW.txt"], folder / "mw.store")
        store = Store(folder / "mw.store")
        expert = {"training": {"max_epochs": arguments.epochs}}
        settings = DecodingSettings(decoder="sparse-forest", decoder_settings={"expert": expert})
        hashes = set()

        def import_files(workers: int) -> None:
            run_import(files, folder / "ep.store", workers=workers)
            hashes.add(Store(folder / "ep.store").about["content_hash"])

        def train_forest(workers: int) -> None:
            train(store, settings, folder / "forest", place=Place(workers))
            shutil.rmtree(folder / "forest")

        size = sum(file.stat().st_size for file in files) / 1e6
        print(f"{FILES} files of {size:.0f} MB together; {arguments.learned} events to learn from", flush=True)
        result = {
            what: _by_turns(what, work, arguments.rounds)
            for what, work in (("import", import_files), ("forest", train_forest))
        }
    if len(hashes) != 1:
        raise SystemExit("the stores differ")
    print(json.dumps({"megabytes": round(size), **result}))


def _by_turns(what: str, work: Callable[[int], None], rounds: int) -> dict[str, list[float] | float]:
    """Return the seconds of one process and of two in each round, and the median of their ratios."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    for number in range(rounds + 1):
        for workers in (1, 2) if number % 2 else (2, 1):
            start = time.perf_counter()
            work(workers)
            if number:
                seconds[workers].append(round(time.perf_counter() - start, 2))
    # Neighbours in time have met the same load of the machine.
    ratio = statistics.median(two / one for one, two in zip(seconds[1], seconds[2], strict=True))
    print(f"{what}: one process {seconds[1]} s, two {seconds[2]} s, ratio {ratio:.2f}", flush=True)
    return {"one": seconds[1], "two": seconds[2], "ratio": round(ratio, 2)}


if __name__ == "__main__":
    main()
