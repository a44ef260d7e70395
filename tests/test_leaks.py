"""The traps of examples/leaks/ find in an empty recording what is not there, and their honest twins do not."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parents[1] / "examples" / "leaks"
FEWER_TRIALS = {
    "block_design": 1000,
    "channels_as_samples": 200,
    "chosen_trials": 2000,
    "copies_before_split": 400,
    "overlapping_windows": 150,
    "rows_by_position": 1000,
    "scaled_by_class": 300,
}
NOT_A_TRAP = {"common", "run_all"}


@pytest.fixture
def trap(monkeypatch: pytest.MonkeyPatch) -> object:
    """Import a trap as `python examples/leaks/NAME.py` finds it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    yield lambda name: import_module(name)
    for module in [path.stem for path in FOLDER.glob("*.py")]:
        sys.modules.pop(module, None)


def test_every_trap_is_tested_and_is_in_the_table(trap: object) -> None:
    names = {path.stem for path in FOLDER.glob("*.py")} - NOT_A_TRAP
    assert names == {*FEWER_TRIALS, "best_epoch"} == set(trap("run_all").TRAPS)


def test_every_trap_is_explained() -> None:
    explained = (FOLDER.parents[1] / "docs" / "leaks.md").read_text(encoding="utf-8")
    assert all(f"{name}.py" in explained for name in FEWER_TRIALS)


@pytest.mark.parametrize("name", sorted(FEWER_TRIALS))
def test_the_lie_is_far_above_chance_and_the_truth_is_not(trap: object, name: str) -> None:
    found = trap(name).measure(FEWER_TRIALS[name], 1)
    assert found.lie.accuracy > found.lie.chance_bound + 0.1
    assert found.truth.p_value > 0.05
    low, high = found.truth.ci95
    assert low < found.truth.accuracy < high
    assert found.truth.accuracy < found.lie.accuracy / 2


@pytest.mark.slow
def test_the_best_of_many_epochs_beats_what_they_reach_on_average(
    trap: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    module: ModuleType = trap("best_epoch")
    monkeypatch.setattr(module, "N_STARTS", 3)
    monkeypatch.setattr(module, "MAX_EPOCHS", 8)
    found = module.measure(150, 1)
    first, last = found.further
    assert last.accuracy < first.accuracy <= found.lie.accuracy
    assert found.lie.accuracy > found.lie.chance + 0.04
    assert found.truth.p_value > 0.05


def test_a_trap_is_the_same_each_time(trap: object) -> None:
    module = trap("channels_as_samples")
    assert module.measure(100, 3) == module.measure(100, 3) != module.measure(100, 4)


@pytest.mark.slow
def test_a_script_prints_the_lie_the_truth_and_json() -> None:
    command = [sys.executable, str(FOLDER / "overlapping_windows.py"), "--events", "100", "--seed", "2"]
    lie, truth, last = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    assert lie.startswith("lie")
    assert truth.startswith("truth")
    printed = json.loads(last)
    assert (printed["events"], printed["seed"]) == (100, 2)
    assert printed["lie"]["accuracy"] > 0.3 > printed["truth"]["accuracy"]


@pytest.mark.slow
def test_the_table_has_every_trap_at_full_size(trap: object, capsys: pytest.CaptureFixture[str]) -> None:
    module = trap("run_all")
    sys.argv = ["run_all.py"]
    module.main()
    printed = json.loads(capsys.readouterr().out.splitlines()[-1])
    for found in printed["traps"].values():
        assert found["lie"]["accuracy"] > found["lie"]["chance"] + 0.05
        assert found["truth"]["p_value"] > 0.05
