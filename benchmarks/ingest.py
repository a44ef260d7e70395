"""Measure how fast a recording becomes trials on disk, and at what memory.

    uv run python benchmarks/ingest.py                     # 1 GB for all, 3 GB for the memory
    uv run python benchmarks/ingest.py --gigabytes 0.1     # a quick look

Reads a simulated EPOC file by this importer, validation and all, and by what a peer would write
without any: a loop over the lines with float(), NumPy a line at a time, a Polars scan, DuckDB. Each
runs in a process of its own and leaves the same float32 array on disk, which is compared. Each is
timed several times by turns; the fastest run of each counts. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

N_TIMES = 256
BATCH = 64


def mindglyph(source: Path, out: Path) -> None:
    """Import as `mindglyph import` does."""
    from mindglyph.sources.formats import recognise
    from mindglyph.store import write_store

    write_store(out, recognise(source))


def plain_loop(source: Path, out: Path) -> None:
    """Read as the thesis does: a loop over the lines, float() for each value."""
    rows = []
    with source.open() as file:
        for line in file:
            values = [float(value) for value in line.split("\t")[6].split(",")]
            rows.append(np.array(_nominal(values), dtype=np.float32))
    np.save(out, np.stack(rows))


def numpy_lines(source: Path, out: Path) -> None:
    """Let NumPy read the numbers of each line."""
    rows = []
    with source.open() as file:
        for line in file:
            values = np.fromstring(line.rsplit("\t", 1)[1], sep=",")
            rows.append(np.asarray(_nominal(values), dtype=np.float32))
    np.save(out, np.stack(rows))


def polars(source: Path, out: Path) -> None:
    """Scan with Polars, split and cast."""
    import polars as pl

    values = pl.col("column_6").str.split(",").cast(pl.List(pl.Float32)).list.head(N_TIMES)
    frame = pl.scan_csv(source, separator="\t", has_header=False, quote_char=None).select(values.alias("values"))
    lists = frame.collect(engine="streaming")["values"]
    np.save(out, _padded(lists.explode().to_numpy(), lists.list.len().to_numpy()))


def duckdb(source: Path, out: Path) -> None:
    """Let DuckDB read, split and cast."""
    import duckdb as database

    table = database.sql(_QUERY, params=[str(source)]).to_arrow_table()
    lists = table.column("list").combine_chunks()
    np.save(out, _padded(lists.flatten().to_numpy(), lists.value_lengths().to_numpy()))


_QUERY = """
    SELECT list_slice(string_split(data, ',')::FLOAT[], 1, 256) AS list
    FROM read_csv(?, delim = '\t', header = false, quote = '', escape = '', max_line_size = 10000000,
                  columns = {'id': 'BIGINT', 'event': 'BIGINT', 'device': 'VARCHAR', 'channel': 'VARCHAR',
                             'code': 'TINYINT', 'size': 'INTEGER', 'data': 'VARCHAR'})
"""


def _nominal(values):  # type: ignore[no-untyped-def]
    """Crop, or pad with the last value."""
    short = N_TIMES - len(values)
    return [*values, *[values[-1]] * short] if short > 0 else values[:N_TIMES]


def _padded(flat: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Pad the few short rows of many with their last value."""
    ends = np.cumsum(lengths.astype(np.int64))
    pieces, done = [], 0
    for row in np.flatnonzero(lengths < N_TIMES):
        pieces += [flat[done : ends[row]], np.repeat(flat[ends[row] - 1], N_TIMES - lengths[row])]
        done = ends[row]
    return np.concatenate([*pieces, flat[done:]]).reshape(-1, N_TIMES)


READERS = {reader.__name__: reader for reader in (mindglyph, plain_loop, numpy_lines, polars, duckdb)}
LIBRARIES = ("numpy_lines", "polars", "duckdb")


def run_one(name: str, source: Path, out: Path) -> None:
    """Time one reader in this process and print seconds and peak memory; imports are not counted."""
    if name == "mindglyph":
        # What is loaded or compiled once is no matter of the file's size.
        import mindglyph.sources.formats
        import mindglyph.store  # noqa: F401
    elif name in ("polars", "duckdb"):
        __import__(name)
    start = time.perf_counter()
    READERS[name](source, out)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak_mb": peak_megabytes()}))


def peak_megabytes() -> float:
    """Return the most memory that this process has had resident."""
    status = Path("/proc/self/status")
    if status.exists():
        # A child inherits its parent's ru_maxrss on Linux, but not this one.
        return next(int(line.split()[1]) for line in status.open() if line.startswith("VmHWM")) / 1000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def measure(name: str, source: Path, out: Path) -> dict[str, float]:
    """Run one reader in a process of its own."""
    command = [sys.executable, __file__, "--one", name, str(source), str(out)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def simulated(folder: Path, gigabytes: float) -> Path:
    """Write an EPOC file of that size."""
    from mindglyph.cli.recordings import run_simulation
    from mindglyph.simulation import SimulationSettings

    path = folder / f"EP-{gigabytes:g}GB.txt"
    run_simulation(path, SimulationSettings(format="ep", events=max(100, int(gigabytes * 23_100)), seed=0))
    return path


def batch_ratio(store: Path, repeats: int = 300) -> float:
    """Return how long a random batch takes through a store, against a bare memory map."""
    from mindglyph.store import Store

    trials = Store(store).trials()
    bare_signals = np.load(store / "signals.npy", mmap_mode="r")
    bare_labels = trials.labels
    rng = np.random.default_rng(0)
    seconds = {"store": 0.0, "numpy": 0.0}
    for _ in range(repeats):
        for name in seconds:
            chosen = rng.integers(len(trials), size=BATCH)
            start = time.perf_counter()
            if name == "store":
                trials.signals[chosen], trials.labels[chosen]
            else:
                bare_signals[chosen], bare_labels[chosen]
            seconds[name] += time.perf_counter() - start
    return seconds["store"] / seconds["numpy"]


def compare(store: Path, arrays: dict[str, Path]) -> None:
    """Make sure that everybody read the same numbers."""
    ours = np.load(store / "signals.npy", mmap_mode="r").reshape(-1, N_TIMES)
    for name, path in arrays.items():
        theirs = np.load(path, mmap_mode="r")
        # One may round to float32 at once and another by way of float64: the last bit may differ.
        if ours.shape != theirs.shape or not np.allclose(ours, theirs, rtol=2e-7, atol=0):
            raise SystemExit(f"{name} read other numbers than mindglyph: nothing can be compared")


def main() -> None:
    """Measure everything and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0, help="size of the file that all read")
    parser.add_argument("--large", type=float, default=3.0, help="size of the file that shows the memory is flat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--one", nargs=3, metavar=("READER", "FILE", "OUT"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        name, source, out = arguments.one
        run_one(name, Path(source), Path(out))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source = simulated(folder, arguments.gigabytes)
        megabytes = source.stat().st_size / 1e6
        outs = {name: folder / ("store" if name == "mindglyph" else f"{name}.npy") for name in READERS}
        measure("mindglyph", simulated(folder, 0.01), folder / "warm-up")
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in READERS}
        for _ in range(arguments.repeats):
            for name, out in outs.items():
                runs[name].append(measure(name, source, out))
        compare(outs["mindglyph"], {name: out for name, out in outs.items() if name != "mindglyph"})
        batch = batch_ratio(outs["mindglyph"])
        large = simulated(folder, max(arguments.large, arguments.gigabytes))
        of_large = measure("mindglyph", large, folder / "large")
        large_megabytes = large.stat().st_size / 1e6
    seconds = {name: min(run["seconds"] for run in several) for name, several in runs.items()}
    peaks = {name: max(run["peak_mb"] for run in several) for name, several in runs.items()}
    print(f"{megabytes:,.0f} MB, {arguments.repeats} runs each, the fastest counts")
    print(f"{'reader':<14}{'seconds':>9}{'MB/s':>8}{'peak MB':>10}{'times as long':>15}")
    for name, fastest in seconds.items():
        ratio = fastest / seconds["mindglyph"]
        print(f"{name:<14}{fastest:>9.2f}{megabytes / fastest:>8.0f}{peaks[name]:>10.0f}{ratio:>15.2f}")
    speed = large_megabytes / of_large["seconds"]
    print(f"{large_megabytes:,.0f} MB by mindglyph: {speed:.0f} MB/s, peak {of_large['peak_mb']:.0f} MB")
    summary = {
        "ratio_to_plain_loop": round(seconds["plain_loop"] / seconds["mindglyph"], 2),
        "ratio_to_best_library": round(min(seconds[name] for name in LIBRARIES) / seconds["mindglyph"], 2),
        "peak_mb": round(max(peaks["mindglyph"], of_large["peak_mb"])),
        "batch_ratio_to_numpy": round(batch, 2),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
