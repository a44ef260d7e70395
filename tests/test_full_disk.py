"""On a disk that is full a command says so in one line, breaks nothing, and goes on when there is room."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from tests.kills import COMMANDS, Starter, leftovers, require_same, stamps, unbroken

pytestmark = pytest.mark.timeout(1800)

_SIZE = 40_000_000


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 40 MB."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root of a Linux system may mount a small disk")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs", disk], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"no small disk can be mounted here: {mounted.stderr.strip()}")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def fill(disk: Path, room: int) -> Path:
    """Leave so many bytes free, and return what takes the rest."""
    ballast = disk / "ballast"
    free = os.statvfs(disk)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - room)
    return ballast


def require_whole(folder: Path) -> None:
    """Make sure that every file under its own name can be read."""
    for path in folder.rglob("*"):
        if path.suffix == ".json":
            json.loads(path.read_text())
        elif path.suffix == ".parquet":
            pd.read_parquet(path)
        elif path.suffix == ".safetensors":
            load_file(path)


def fails_and_goes_on(starter: Starter, data: Path, disk: Path, folder: Path, name: str, times: int) -> list[str]:
    """Run a command with ever another room that is too small, then with enough; return what it said."""
    command = COMMANDS[name]
    # As far from the store as those on the disk, since a run says how it is reached.
    whole = folder / "whole" / "run"
    unbroken(starter, command, data, whole / "out")
    needed = sum(path.stat().st_blocks * 512 for path in whole.rglob("*"))
    told = []
    for number, share in enumerate(np.random.default_rng(0).uniform(0, 0.9, times)):
        out = disk / f"run-{number}" / "out"
        out.parent.mkdir()
        ballast = fill(disk, int(share * needed) // 4096 * 4096)
        said = starter.run(command.line(data, out), expected=2)
        assert "Traceback" not in said, said
        told.append(said.splitlines()[-1])
        assert not [path for path in leftovers(out.parent) if path.name != "unfinished"]
        require_whole(out.parent)
        before = stamps(command, out)
        ballast.unlink()
        starter.run(command.line(data, out, again=(out / "run.json").exists()))
        assert before.items() <= stamps(command, out).items(), "what was finished was done again"
        require_same(out.parent, whole)
        subprocess.run(["rm", "-r", out.parent], check=True)
    return told


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_stops_a_command_that_goes_on_when_there_is_room(
    starter: Starter, data: Path, small_disk: Path, tmp_path: Path, name: str
) -> None:
    for line in fails_and_goes_on(starter, data, small_disk, tmp_path, name, times=2):
        assert line.startswith(f"mindglyph: {small_disk}/run-")
        assert "cannot be written (No space left on device, " in line
        assert line.endswith(" MB free): free space and give the command again, or name another place")


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_disk_that_is_full_at_ten_places_breaks_nothing(
    starter: Starter, data: Path, small_disk: Path, tmp_path: Path, name: str
) -> None:
    lines = fails_and_goes_on(starter, data, small_disk, tmp_path, name, times=10)
    assert all("No space left on device" in line for line in lines)
