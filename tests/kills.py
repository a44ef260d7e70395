"""Starts long commands, kills them at random times, and compares what they leave with an unbroken run.

A command costs seconds until it has loaded its libraries, so by default it is forked from a process that
has loaded them all: `Starter`. With `fresh=True` each is `python -m mindglyph`, as a user starts it.

To add a command, write a `Command` and put it into `COMMANDS`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

_LOADED = (
    "distributed.cli.dask_worker",
    "matplotlib.backends.backend_agg",
    "mindglyph.cli.benchmarking",
    "mindglyph.cli.reconstructing",
    "mindglyph.cli.training",
    "mindglyph.decoders.sparse_cnn",
    "mindglyph.evaluation.benchmark",
    "mindglyph.images.judge",
    "mindglyph.images.sets",
    "mindglyph.images.vae",
    "mindglyph.reconstruction",
    "mindglyph.report.benchmark_figure",
    "mindglyph.sources.formats",
    "mindglyph.sources.text_kernel",
    "mindglyph.report.picture_grids",
    "mindglyph.report.tuning_figures",
    "mindglyph.store",
    "mindglyph.training",
    "mindglyph.tuning.tune",
    "optuna.importance._fanova._tree",
    "pyarrow.parquet",
    "sklearn.discriminant_analysis",
    "torch",
    # The first step of an optimizer loads these.
    "torch._dynamo",
    "torch._inductor",
)
# `history.json` is the name of a hash, of a file that holds times; the numbers of a search's trials count those
# that were interrupted; pictures say in which folder they are.
_VARYING = {"seconds", "resumed", "dur", "history.json", "number", "again_of", "interrupted", "folder"}
_WAIT = 240.0
_PROGRAMS = {"mindglyph": ("mindglyph.cli", "main"), "dask": ("dask.__main__", "main")}


@dataclass(frozen=True)
class Command:
    """A long command, and what is promised of it.

    Attributes
    ----------
    words : str
        The command line; `{out}` is the folder that it writes, `{data}` where its input is.
    begins : str
        Pattern, from the folder above the one it writes, of the first file that shows it at work.
    finished : sequence of str
        Patterns, from the folder that it writes, of files that are never written twice.
    again : str
        A word that the command needs beside to go on.
    needs : str
        A command that makes what it reads, `{data}/run`.
    """

    words: str
    begins: str
    finished: Sequence[str] = ()
    again: str = ""
    needs: str = ""

    def line(self, data: Path, out: Path, again: bool = False) -> list[str]:
        """Return the words with the folders in their place."""
        words = f"{self.words} {self.again if again else ''}".split()
        return [word.format(data=data, out=out) for word in words]


COMMANDS = {
    "import": Command("import {data}/MW.txt {out}", ".out.????????.tmp"),
    "train": Command(
        "train {data}/store --out {out} --decoder sparse-cnn --set filters=[4,4] --set training.patience=30 "
        "--set training.max_epochs=20",
        "out/run.json",
        again="--resume",
    ),
    "evaluate": Command(
        "evaluate {data}/store --out {out} --decoder sparse-cnn --set filters=[4,4] --set training.max_epochs=4 "
        "--splits blocked --splits random --folds 2 --retrain 2",
        "out/run.json",
        finished=("folds/*/*/fold.json", "retrained/*/*.json"),
    ),
    "benchmark": Command(
        "benchmark {data}/store --out {out} --decoders lda,sparse-cnn --splits blocked,random --folds 2 "
        "--set sparse-cnn:filters=[4,4] --set sparse-cnn:training.max_epochs=3",
        "out/run.json",
        finished=("cells/*/cell.*.json", "cells/*/folds/*/*/fold.json"),
    ),
    # A trial that was finished and done again would be another in the table; ten are drawn by lot.
    "tune": Command(
        "tune {data}/store --out {out} --decoder lda --search rate --search shrinkage --folds 2 --trials 14",
        "out/run.json",
        finished=("outer.*.parquet",),
    ),
    # What it keeps until its end, and that this is not drawn again: tests/reconstruction/test_unfinished.py.
    "reconstruct": Command(
        "reconstruct {data}/run --out {out} --each 100",
        "out/unfinished/bank.safetensors",
        needs="evaluate {data}/store --decoder lda --folds 3 --out {data}/run",
    ),
}


class Process:
    """A command that runs in a process group of its own."""

    def __init__(self, pid: int, said: Path, status: Callable[[bool], int | None]) -> None:
        self.pid, self._said, self._status = pid, said, status

    def ended(self) -> bool:
        """Say whether it has ended."""
        return self._status(False) is not None

    def wait(self) -> int:
        """Return its exit status, that of a killed one below zero."""
        end = time.monotonic() + _WAIT
        while (status := self._status(False)) is None:
            if time.monotonic() > end:
                self.kill()
                raise TimeoutError(f"it did not end: {self.said}")
            time.sleep(0.005)
        return status

    def interrupt(self) -> str:
        """Press Ctrl-C, wait for its end, and return what it has said."""
        os.kill(self.pid, signal.SIGINT)
        assert self.wait() == 130, self.said
        return self.said

    def kill(self, group: bool = True) -> None:
        """Kill it without a word, and its workers with it, if not told otherwise."""
        with suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)
        self._status(True)

    @property
    def said(self) -> str:
        """What it has written on stdout and stderr."""
        return self._said.read_text()


class Starter:
    """Starts commands, by default as forks of a process that has loaded what they need."""

    def __init__(self) -> None:
        # What pytest added to the path counts there too.
        self._env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
        self._folder = Path(tempfile.mkdtemp(prefix="said-"))
        self._count = 0
        self._server = subprocess.Popen(
            [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=self._env
        )

    def start(self, words: Sequence[str], fresh: bool = False, program: str = "mindglyph") -> Process:
        """Start a command of mindglyph, or of another program in `_PROGRAMS`."""
        self._count += 1
        said = self._folder / f"{self._count}.txt"
        if fresh:
            with said.open("wb") as file:
                started = subprocess.Popen(
                    [sys.executable, "-m", "mindglyph", *words],
                    stdout=file,
                    stderr=file,
                    env=self._env,
                    start_new_session=True,
                )
            return Process(started.pid, said, lambda end: started.wait() if end else started.poll())
        pid = self._asked({"start": [program, *words], "said": str(said)})
        found: list[int] = []

        def status(end: bool) -> int | None:
            if not found:
                answer = self._asked({"wait": pid, "end": end})
                found.extend([] if answer is None else [answer])
            return found[0] if found else None

        return Process(pid, said, status)

    def run(self, words: Sequence[str], expected: int = 0, fresh: bool = False) -> str:
        """Run a command to its end and return what it said."""
        process = self.start(words, fresh)
        status = process.wait()
        assert status == expected, (status, words, process.said)
        return process.said

    def close(self) -> None:
        """End the process that commands are forked from."""
        self._server.stdin.close()
        self._server.wait()
        self._server.stdout.close()

    def _asked(self, what: dict[str, Any]) -> Any:
        self._server.stdin.write(json.dumps(what) + "\n")
        self._server.stdin.flush()
        return json.loads(self._server.stdout.readline())


def work_of(process: Process, command: Command, out: Path) -> float:
    """Wait until a command is at work, and return when that was."""
    end = time.monotonic() + _WAIT
    while not any(out.parent.glob(command.begins)):
        if process.ended() or time.monotonic() > end:
            raise AssertionError(f"it never began: {process.said}")
        time.sleep(0.002)
    return time.monotonic()


def unbroken(starter: Starter, command: Command, data: Path, out: Path, fresh: bool = False) -> float:
    """Run a command to its end, and before it what it needs; return the seconds for which it was at work."""
    if command.needs and not (data / "run").exists():
        starter.run(command.needs.format(data=data).split(), fresh=fresh)
    out.parent.mkdir(parents=True, exist_ok=True)
    process = starter.start(command.line(data, out), fresh)
    start = work_of(process, command, out)
    assert process.wait() == 0, process.said
    return time.monotonic() - start


def killed(
    starter: Starter, command: Command, data: Path, out: Path, delay: float, fresh: bool = False, group: bool = True
) -> bool:
    """Start a command, kill it `delay` seconds after it went to work; say whether it had not ended by then."""
    out.parent.mkdir(parents=True, exist_ok=True)
    process = starter.start(command.line(data, out), fresh)
    work_of(process, command, out)
    time.sleep(delay)
    process.kill(group)
    return process.wait() == -signal.SIGKILL


def stamps(command: Command, out: Path) -> dict[Path, int]:
    """Return when each file that is never written twice was written."""
    return {path: path.stat().st_mtime_ns for pattern in command.finished for path in sorted(out.glob(pattern))}


def leftovers(folder: Path) -> list[Path]:
    """Return what only an unfinished command may leave."""
    return [path for path in folder.rglob("*") if path.suffix in (".tmp", ".old", ".part") or path.name == "unfinished"]


def require_same(found: Path, expected: Path) -> None:
    """Make sure that two commands left the same, but for the time that they took."""
    names = [sorted(str(path.relative_to(folder)) for path in folder.rglob("*")) for folder in (found, expected)]
    assert names[0] == names[1]
    for name in names[0]:
        one, other = found / name, expected / name
        if one.is_dir():
            continue
        if one.suffix == ".json":
            assert _steady(json.loads(one.read_text())) == _steady(json.loads(other.read_text())), name
        elif one.suffix in (".parquet", ".csv"):
            tables = [
                pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_csv(path) for path in (one, other)
            ]
            tables = [_steady_table(table) for table in tables]
            pd.testing.assert_frame_equal(*tables, check_exact=True, obj=name)
        elif one.suffix in (".npy", ".safetensors", ".yaml"):
            assert one.read_bytes() == other.read_bytes(), name
        elif one.suffix == ".npz":
            require_same_arrays(one, other)


def require_same_arrays(found: Path, expected: Path) -> None:
    """Make sure that two archives, which say when they were written, hold the same arrays."""
    with np.load(found) as one, np.load(expected) as other:
        assert sorted(one) == sorted(other)
        for name in one:
            np.testing.assert_array_equal(one[name], other[name], err_msg=f"{found.name}: {name}")


def _steady_table(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table without what differs from run to run."""
    if "state" in table:
        table = table[table["state"] != "interrupted"].reset_index(drop=True)
    return table.drop(columns=list(_VARYING), errors="ignore")


def _steady(content: Any) -> Any:
    """Return JSON without what differs from run to run."""
    if isinstance(content, dict):
        return {name: _steady(value) for name, value in content.items() if name not in _VARYING}
    return [_steady(value) for value in content] if isinstance(content, list) else content


def survive(
    starter: Starter, command: Command, data: Path, folder: Path, kills: int, seed: int = 0, fresh: bool = False
) -> int:
    """Kill a command at random times, each time in a new folder, and let it go on to the end.

    Parameters
    ----------
    starter : Starter
        What starts it.
    command : Command
        What is killed.
    data : Path
        Where its input is.
    folder : Path
        Where it works.
    kills : int
        How often.
    seed : int
        Of the times, drawn uniformly over what an unbroken run takes.
    fresh : bool
        Whether each start loads its libraries.

    Returns
    -------
    int
        How often it was killed before its end.
    """
    whole = unbroken(starter, command, data, folder / "unbroken" / "out", fresh)
    hits = 0
    for number, delay in enumerate(np.random.default_rng(seed).uniform(0, whole, kills)):
        out = folder / f"killed-{number}" / "out"
        hits += killed(starter, command, data, out, delay, fresh)
        before = stamps(command, out)
        starter.run(command.line(data, out, again=out.exists()), fresh=fresh)
        assert before.items() <= stamps(command, out).items(), "what was finished was done again"
        assert leftovers(out.parent) == []
        require_same(out.parent, folder / "unbroken")
    return hits


def _serve() -> None:
    """Fork a command for each line on stdin, and say how it ended when asked."""
    for name in _LOADED:
        import_module(name)
    for line in sys.stdin:
        asked = json.loads(line)
        if "start" in asked:
            answer = _forked(asked["start"], asked["said"])
        else:
            pid, status = os.waitpid(asked["wait"], 0 if asked["end"] else os.WNOHANG)
            answer = os.waitstatus_to_exitcode(status) if pid else None
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _forked(words: list[str], said: str) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    status = 70
    try:
        os.setsid()
        file = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(file, 1)
        os.dup2(file, 2)
        sys.argv = words
        module, name = _PROGRAMS[words[0]]
        getattr(import_module(module), name)()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    _serve()
