"""Long commands that are killed at random times, or started twice, end as one that was left alone."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.compute import run_tasks
from mindglyph.errors import UserError
from tests.kills import COMMANDS, Starter, killed, leftovers, require_same, stamps, survive, unbroken, work_of

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL"),
    pytest.mark.timeout(1800),
]


# One of them for every run; all of them, ten times each, take minutes.
@pytest.mark.parametrize(
    "name", [name if name == "evaluate" else pytest.param(name, marks=pytest.mark.slow) for name in COMMANDS]
)
def test_a_killed_command_goes_on_to_the_same_result(starter: Starter, data: Path, tmp_path: Path, name: str) -> None:
    assert survive(starter, COMMANDS[name], data, tmp_path, kills=2) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_ten_times_goes_on_to_the_same_result(
    starter: Starter, data: Path, tmp_path: Path, name: str
) -> None:
    hits = survive(starter, COMMANDS[name], data, tmp_path, kills=10, seed=1)
    print(f"{name}: killed {hits} times of 10 before its end")
    assert hits > 5


@pytest.mark.slow
def test_a_command_that_a_user_started_goes_on(starter: Starter, data: Path, tmp_path: Path) -> None:
    assert survive(starter, COMMANDS["evaluate"], data, tmp_path, kills=3, seed=2, fresh=True) > 0


@pytest.mark.parametrize(
    "name",
    [
        "evaluate",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("train", "benchmark", "tune", "reconstruct")),
    ],
)
def test_of_two_at_once_the_second_is_refused_in_one_line(
    starter: Starter, data: Path, tmp_path: Path, name: str
) -> None:
    command, out = COMMANDS[name], tmp_path / "twice" / "out"
    unbroken(starter, command, data, tmp_path / "unbroken" / "out")
    out.parent.mkdir()
    first = starter.start(command.line(data, out))
    work_of(first, command, out)
    # Stopped, it keeps its lock for as long as this takes.
    os.kill(first.pid, signal.SIGSTOP)
    said = starter.run(command.line(data, out, again=True), expected=2)
    os.kill(first.pid, signal.SIGCONT)
    assert said.splitlines()[-1] == (
        f"mindglyph: {out}: another process is at work in it: wait for it, or name another folder with --out"
    )
    assert "Traceback" not in said
    assert first.wait() == 0, first.said
    assert leftovers(out.parent) == []
    require_same(out.parent, tmp_path / "unbroken")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["journal", "database"])
def test_two_searches_that_join_one_storage_at_once_share_its_trials(
    starter: Starter, data: Path, tmp_path: Path, kind: str
) -> None:
    storage = tmp_path / "shared.log" if kind == "journal" else f"sqlite:///{tmp_path / 'shared.db'}"
    words = [*COMMANDS["tune"].line(data, tmp_path), "--trials", "5", "--storage", str(storage)]
    both = [starter.start([word if word != str(tmp_path) else str(tmp_path / name) for word in words]) for name in "ab"]
    for process in both:
        assert process.wait() == 0, process.said
    for name in "ab":
        table = pd.read_parquet(tmp_path / name / "trials.parquet")
        assert table["default"].sum() == 1, "what both begin with is done once"
        # Each may have seen that one was left.
        assert table["state"].isin(["complete", "pruned"]).sum() in (5, 6)


_ORPHAN = """
import os, sys, time
from mindglyph.orphans import EndingWithParent
ending = EndingWithParent(time.sleep)
child = os.fork()
if not child:
    ending(60)
print(child, flush=True)
time.sleep(60)
"""


def test_a_worker_ends_with_the_process_that_it_works_for() -> None:
    parent = subprocess.Popen([sys.executable, "-c", _ORPHAN], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(0.5)
    os.kill(child, 0)
    parent.kill()
    parent.communicate()
    end = time.monotonic() + 10
    while _lives(child):
        assert time.monotonic() < end, "it works on for nobody"
        time.sleep(0.05)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended and that nobody has asked after is still listed.
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_a_worker_that_the_system_ended_is_one_line() -> None:
    with pytest.raises(UserError, match="one of 2 processes was killed.*fewer --workers"):
        list(run_tasks(_end_itself, [0, 1], workers=2))


def _end_itself(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["evaluate", "benchmark"])
def test_a_command_whose_workers_outlive_it_goes_on_at_once(
    starter: Starter, data: Path, tmp_path: Path, name: str
) -> None:
    command = COMMANDS[name]
    command = replace(command, words=f"{command.words} --workers 2")
    whole = unbroken(starter, command, data, tmp_path / "unbroken" / "out")
    for number, delay in enumerate(np.random.default_rng(2).uniform(0.3 * whole, whole, 5)):
        out = tmp_path / f"killed-{number}" / "out"
        killed(starter, command, data, out, delay, group=False)
        before = stamps(command, out)
        starter.run(command.line(data, out))
        assert before.items() <= stamps(command, out).items()
        assert leftovers(out.parent) == []
        require_same(out.parent, tmp_path / "unbroken")
