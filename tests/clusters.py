"""A scheduler and workers of Dask, as a user starts them, and the places where tasks can run."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from pathlib import Path

from mindglyph.compute import run_tasks
from tests import tasks
from tests.kills import Process, Starter


class Dask:
    """A scheduler and its workers, as a user starts them."""

    def __init__(self, folder: Path, starter: Starter) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.file = folder / "scheduler.json"
        self.processes: dict[str, Process] = {}
        self._starter = starter

    def start(self, *workers: str) -> None:
        self.file.unlink(missing_ok=True)
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--scheduler-file", str(self.file)]
        self._run("scheduler", "scheduler", *place)
        # It writes its file once it listens; a busy machine may take longer for that than one waits for an answer.
        wait_until(self.file.exists)
        for worker in workers:
            self.start_worker(worker)
        # All are there and have loaded what they need before anything is timed or killed.
        wait_until(lambda: len(set(run_tasks(tasks.process, range(8), cluster=self.address))) == len(workers))

    def start_worker(self, name: str) -> None:
        # Without a nanny, which would start a worker again that was killed.
        self._run(name, "worker", self.address, "--name", name, "--nthreads", "1", "--no-nanny")

    def _run(self, name: str, *words: str) -> None:
        self.processes[name] = self._starter.start([*words, "--no-dashboard"], program="dask")

    def kill(self, name: str) -> None:
        self.processes.pop(name).kill()

    def kill_all(self) -> None:
        for name in list(self.processes):
            self.kill(name)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


PLACES = ["workers=1", "workers=2", "cluster"]


def place_of(name: str, dask: Dask) -> dict[str, object]:
    return {"cluster": dask.address} if name == "cluster" else {"workers": int(name.removeprefix("workers="))}
