"""Measure what handing work to a Dask cluster costs, against processes of this machine.

    uv run --extra cluster python -P benchmarks/scale.py

Twenty cells of `mindglyph benchmark` (`lda` on twenty simulated recordings) are filled by two workers of Dask and
by two of loky, by turns, in new folders, after a round of each that is not counted. A task that does nothing
tells the overhead of one. How a cluster of up to 64 workers would do is simulated, not measured: tasks are
independent, the scheduler gives out one after the other and needs the measured overhead for each, and a worker that is
free takes the next; nothing is said of the network or of the disk that all share. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import heapq
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.compute import run_tasks
from mindglyph.evaluation import EvaluationSettings
from mindglyph.evaluation.benchmark import Question, run_benchmark
from mindglyph.simulation import SimulationSettings

SIMULATED_WORKERS = (1, 2, 4, 8, 16, 32, 64)
SIMULATED_TASKS = 1000


@contextmanager
def local_cluster(workers: int) -> Iterator[str]:
    """Start a scheduler and its workers as a user does, and give the scheduler's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"tcp://127.0.0.1:{port}"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    one = ["--nthreads", "1", "--no-dashboard"]
    commands = [["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]]
    commands += [["worker", address, "--no-nanny", *one] for _ in range(workers)]
    started = [
        subprocess.Popen([sys.executable, "-m", "dask", *command], env=environment, stderr=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        while len(set(run_tasks(process_of, range(4 * workers), cluster=address))) < workers:
            pass
        yield address
    finally:
        for process in started:
            process.terminate()
            process.wait()


def process_of(_: int) -> int:
    """Return which process works."""
    time.sleep(0.05)
    return os.getpid()


def nothing(_: int) -> None:
    """Do nothing."""


def timed(stores: Sequence[Path], folder: Path, workers: int, cluster: str | None) -> tuple[float, list[float]]:
    """Fill a benchmark and return the seconds of all of it and of each cell."""
    question = Question(tuple(stores), {"lda": {}}, EvaluationSettings())
    start = time.perf_counter()
    benchmark, failed = run_benchmark(question, folder, 1 if cluster else workers, cluster=cluster)
    if failed:
        raise RuntimeError(str(list(benchmark.scores["error"].dropna())))
    return time.perf_counter() - start, list(benchmark.scores["seconds"])


def overhead_ms(cluster: str, tasks: int) -> float:
    """Return the milliseconds of a task that does nothing, connecting left out."""
    elapsed = []
    for count in (1, tasks):
        start = time.perf_counter()
        list(run_tasks(nothing, range(count), cluster=cluster))
        elapsed.append(time.perf_counter() - start)
    return 1000 * (elapsed[1] - elapsed[0]) / (tasks - 1)


def simulated_speedup(seconds: Sequence[float], overhead: float, workers: int) -> float:
    """Return how many times as fast many workers are as one without a scheduler.

    Parameters
    ----------
    seconds : sequence of float
        Of each task.
    overhead : float
        Seconds of the scheduler for each task, one after the other.
    workers : int
        How many there are.
    """
    free = [0.0] * workers
    given_out = 0.0
    for length in seconds:
        start = max(given_out, heapq.heappop(free))
        given_out = start + overhead
        heapq.heappush(free, given_out + length)
    return sum(seconds) / max(free)


def main() -> None:
    """Measure by turns and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=20)
    parser.add_argument("--events", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--empty", type=int, default=2000, help="tasks that do nothing")
    arguments = parser.parse_args()
    workers = 2
    times: dict[str, list[float]] = {"loky": [], "dask": []}
    each: list[float] = []
    with tempfile.TemporaryDirectory() as place, local_cluster(workers) as address:
        folder = Path(place)
        stores = [_simulated(folder / str(seed), arguments.events, seed) for seed in range(arguments.cells)]
        for number in range(arguments.rounds + 1):
            for kind in ("loky", "dask") if number % 2 else ("dask", "loky"):
                cluster = address if kind == "dask" else None
                there = folder / f"{kind}-{number}"
                seconds, cells = timed(stores, there, workers, cluster)
                if number:  # in the first round processes load what they need
                    times[kind].append(seconds)
                    each += cells if kind == "dask" else []
        overheads = [overhead_ms(address, arguments.empty) for _ in range(arguments.rounds)]
    overhead = statistics.median(overheads)
    # Neighbours in time have met the same load of the machine.
    ratios = [dask / loky for dask, loky in zip(times["dask"], times["loky"], strict=True)]
    ratio = statistics.median(ratios)
    for kind, seconds_of in times.items():
        print(f"{kind}: {arguments.cells} cells by {workers} workers in {', '.join(f'{s:.1f}' for s in seconds_of)} s")
    print(f"Dask takes {', '.join(f'{one:.2f}' for one in ratios)} times as long as loky; the median: {ratio:.2f}")
    print(f"a task that does nothing: {', '.join(f'{one:.2f}' for one in overheads)} ms; a cell: {_mean(each):.2f} s")
    print(f"\nsimulated, {SIMULATED_TASKS} such cells\nworkers  times as fast as one  share of the ideal")
    lengths = [each[place % len(each)] for place in range(SIMULATED_TASKS)]
    speedups = {count: simulated_speedup(lengths, overhead / 1000, count) for count in SIMULATED_WORKERS}
    for count, speedup in speedups.items():
        print(f"{count:>7}  {speedup:>21.1f}  {speedup / count:>18.0%}")
    result = {
        "dask_to_loky": round(ratio, 3),
        "overhead_ms_per_task": round(overhead, 3),
        "ratios": [round(one, 3) for one in ratios],
        "cell_seconds": round(_mean(each), 3),
        "simulated_speedup_64": round(speedups[64], 1),
    }
    print(json.dumps(result))


def _simulated(folder: Path, events: int, seed: int) -> Path:
    folder.mkdir()
    run_simulation(folder / "MW.txt", SimulationSettings(format="mw", events=events, ceiling=0.9, seed=seed))
    run_import([folder / "MW.txt"], folder / "store")
    return folder / "store"


def _mean(values: Sequence[float]) -> float:
    return statistics.fmean(values)


if __name__ == "__main__":
    main()
