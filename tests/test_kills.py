"""Long commands that are killed at random times, or started twice, end as one that was left alone."""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from mindglyph.store import Store
from tests.conftest import World, file_row
from tests.kills import Command, Starter, killed, leftovers, require_same, survive, unbroken, work_of

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no SIGKILL"),
    pytest.mark.timeout(1800),
]

_SMALL = ("--set", "filters=[4,4]", "--set", "training.patience=30")
COMMANDS = {
    "import": Command(("import", "{data}/MW.txt", "{out}"), ".out.????????.tmp"),
    "train": Command(
        ("train", "{data}/store", "--decoder", "sparse-cnn", *_SMALL, "--set", "training.max_epochs=25")
        + ("--out", "{out}"),
        "out/run.json",
        again=("--resume",),
    ),
    "evaluate": Command(
        ("evaluate", "{data}/store", "--decoder", "sparse-cnn", *_SMALL, "--set", "training.max_epochs=4")
        + ("--splits", "blocked", "--splits", "random", "--folds", "2", "--retrain", "2", "--out", "{out}"),
        "out/run.json",
        finished=("folds/*/*/fold.json", "retrained/*/*.json"),
    ),
    "benchmark": Command(
        ("benchmark", "{data}/store", "--decoders", "chance,lda,sparse-cnn", "--splits", "blocked,random")
        + ("--folds", "2", "--set", "sparse-cnn:filters=[4,4]", "--set", "sparse-cnn:training.max_epochs=3")
        + ("--out", "{out}"),
        "out/run.json",
        finished=("cells/*/cell.*.json", "cells/*/folds/*/*/fold.json"),
    ),
}


@pytest.fixture(scope="module")
def starter() -> Iterator[Starter]:
    one = Starter()
    yield one
    one.close()


@pytest.fixture(scope="module")
def data(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a store of 200 trials and a recording of 3,000."""
    store: Store = world(format="mw", events=200, ceiling=0.9, seed=5)
    folder = tmp_path_factory.mktemp("data")
    (folder / "store").symlink_to(store.path)
    (folder / "MW.txt").write_text("".join(file_row(event, "FP1", code=event % 10) + "\n" for event in range(3000)))
    return folder


@pytest.mark.parametrize("name", COMMANDS)
def test_a_killed_command_goes_on_to_the_same_result(
    starter: Starter, data: Path, tmp_path: Path, name: str
) -> None:
    assert survive(starter, COMMANDS[name], data, tmp_path, kills=2) > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_killed_ten_times_goes_on_to_the_same_result(
    starter: Starter, data: Path, tmp_path: Path, name: str
) -> None:
    hits = survive(starter, COMMANDS[name], data, tmp_path, kills=10, seed=1, fresh=True)
    print(f"{name}: killed {hits} times of 10 before its end")
    assert hits > 5
