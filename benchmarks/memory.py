"""Measure how much memory a training takes of its own, from a store that may be larger than the memory.

    uv run python benchmarks/memory.py --gigabytes 6       # 418,000 trials of an EPOC
    uv run python benchmarks/memory.py                     # 1 GB, a quick look

Writes a store of noise on the headset's own offset, whose labels nothing tells, and runs
`mindglyph train` on it in a process of its own. Sampled 20 times a second: RssAnon, the memory
that the system cannot take back, and RssFile, pages of files that it can. A network that is
asked for one epoch passes over all trials once; --seconds stops it by Ctrl-C after that time,
which shows what the preprocessing and the first steps take. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from mindglyph.headsets import HEADSETS
from mindglyph.sources.recording import Chunk, Recording
from mindglyph.store import write_store
from mindglyph.trials import Trials, make_info

CHUNK = 1000
NETWORK = ("--set", "training.max_epochs=1")
COMMANDS: dict[str, tuple[str, ...]] = {"sparse-cnn": NETWORK, "default": (), "evoked": (), "lda": (), "riemann": ()}


def write_noise(path: Path, n_trials: int) -> None:
    """Write a store of trials of an EPOC that hold noise; one in four hundred shows no digit."""
    headset = HEADSETS["EP"]
    info = make_info(headset.channels, headset.sfreq)
    rng = np.random.default_rng(0)

    def read() -> Iterator[Chunk]:
        for start in range(0, n_trials, CHUNK):
            count = min(CHUNK, n_trials - start)
            signals = rng.standard_normal((count, len(headset.channels), headset.n_times), dtype=np.float32)
            signals *= 20
            signals += 4200
            labels = rng.integers(0, 10, size=count)
            labels[::400] = -1
            table = pd.DataFrame({"event": np.arange(start, start + count)})
            yield Chunk(Trials(signals, labels, info, table), [], count, start + count)

    recording = Recording(
        path=Path("noise.csv"),
        format="noise",
        seen="noise",
        info=info,
        n_times=headset.n_times,
        size=n_trials,
        read=read,
    )
    write_store(path, recording)


def measure(command: list[str], seconds: float | None) -> dict[str, float | bool]:
    """Run a command and return its peak memory in MB, its time, and whether it came to its end."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    peaks = {"RssAnon": 0.0, "RssFile": 0.0}
    stopped = False
    while process.poll() is None:
        try:
            lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
        except OSError:
            break
        fields = dict(line.split(":", 1) for line in lines if line.startswith("Rss"))
        for name, value in fields.items():
            if name in peaks:
                peaks[name] = max(peaks[name], int(value.split()[0]) * 1024 / 1e6)
        if seconds is not None and not stopped and time.perf_counter() - start > seconds:
            process.send_signal(signal.SIGINT)
            stopped = True
        time.sleep(0.05)
    if process.wait() not in ((0, 130) if stopped else (0,)):
        raise SystemExit(f"{' '.join(command)} failed")
    return {
        "own_mb": round(peaks["RssAnon"]),
        "file_cache_mb": round(peaks["RssFile"]),
        "seconds": round(time.perf_counter() - start, 1),
        "finished": not stopped,
    }


def main() -> None:
    """Write the store, train each decoder, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--decoders", nargs="+", default=["sparse-cnn", "lda"], choices=list(COMMANDS))
    parser.add_argument("--seconds", type=float, help="stop each training by Ctrl-C after so long")
    parser.add_argument("--folder", type=Path, help="where the store is written, used if it is there, and kept")
    arguments = parser.parse_args()
    # Started in the background, this process and with it the training would be deaf to Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    headset = HEADSETS["EP"]
    n_trials = round(arguments.gigabytes * 1e9 / (4 * len(headset.channels) * headset.n_times))
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        # The store, what a training writes for its time, and something to spare.
        if shutil.disk_usage(folder).free < 2.2e9 * arguments.gigabytes:
            raise SystemExit(f"{folder}: less than {2.2 * arguments.gigabytes:.1f} GB are free")
        store = folder / f"noise-{n_trials}.store"
        if not store.exists():
            write_noise(store, n_trials)
        results = {}
        print(f"{n_trials:,} trials, {arguments.gigabytes:g} GB")
        print(f"{'decoder':<12}{'own memory':>12}{'file cache':>12}{'time':>10}")
        for decoder in arguments.decoders:
            run = folder / f"{decoder}.train"
            shutil.rmtree(run, ignore_errors=True)
            command = [sys.executable, "-m", "mindglyph", "train", str(store), "--decoder", decoder, "--out", str(run)]
            result = measure([*command, *COMMANDS[decoder]], arguments.seconds)
            results[decoder] = result
            memory = f"{result['own_mb']:>9,} MB{result['file_cache_mb']:>9,} MB"
            ending = "" if result["finished"] else "  (stopped)"
            print(f"{decoder:<12}{memory}{result['seconds']:>8,} s{ending}", flush=True)
            shutil.rmtree(run, ignore_errors=True)
    print(json.dumps({"gigabytes": arguments.gigabytes, "trials": n_trials, **results}))


if __name__ == "__main__":
    main()
