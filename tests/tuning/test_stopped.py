"""Searches that were stopped, killed, or shared among processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mindglyph.tuning import trying, tune
from mindglyph.tuning.tune import open_tuning
from tests.tuning.conftest import QUICK, Quick, Tested, found


def test_a_search_goes_on_to_the_same_trials(unbroken: Any, quick: Quick, tmp_path: Path) -> None:
    _, table, _ = unbroken
    first = tune(quick(), QUICK, tmp_path / "run", 6)
    assert sum(first["trials"].values()) == 6
    metrics = tune(quick(), QUICK, tmp_path / "run", 14)
    pd.testing.assert_frame_equal(found(open_tuning(tmp_path / "run")[1]), found(table))
    assert metrics["looks"] in ([6, 14], [6]), "a second look at the outer test is counted"
    # What is finished is not done again.
    assert tune(quick(), QUICK, tmp_path / "run", 14) == metrics
    assert tune(quick(), QUICK, tmp_path / "run", 3)["trials"] == metrics["trials"]


def test_ctrl_c_costs_the_trial_at_work_and_no_other(
    unbroken: Any, quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested, calls = trying._tested, []

    def stopping(*arguments: Any) -> Tested:
        calls.append(1)
        if len(calls) == 11:
            raise KeyboardInterrupt
        return tested(*arguments)

    monkeypatch.setattr(trying, "_tested", stopping)
    with pytest.raises(KeyboardInterrupt):
        tune(quick(), QUICK, tmp_path / "run", 14)
    metrics = tune(quick(), QUICK, tmp_path / "run", 14)
    table = open_tuning(tmp_path / "run")[1]
    assert metrics["trials"]["interrupted"] == 1
    assert table["again_of"].dropna().tolist() == [table.index[table["state"] == "interrupted"][0]]
    pd.testing.assert_frame_equal(found(table), found(unbroken[1]))


KILLED = """
import os, signal, sys
from pathlib import Path
from mindglyph.store import Store
from mindglyph.tuning import TuningSettings, trying, tune

tested, calls = trying._tested, []

def killed(*arguments):
    calls.append(1)
    if len(calls) == 11:
        os.kill(os.getpid(), signal.SIGKILL)
    return tested(*arguments)

trying._tested = killed
tune(Store(Path(sys.argv[1])), TuningSettings.model_validate_json(sys.argv[2]), Path(sys.argv[3]), 14)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows neither SIGKILL nor flock")
@pytest.mark.slow
def test_a_killed_trial_is_done_again_and_half_a_line_is_cut_off(unbroken: Any, quick: Quick, tmp_path: Path) -> None:
    arguments = [str(quick().path), QUICK.model_dump_json(), str(tmp_path / "run")]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    child = subprocess.run([sys.executable, "-c", KILLED, *arguments], env=environment, capture_output=True, text=True)
    assert child.returncode == -signal.SIGKILL, child.stderr
    with (tmp_path / "run" / "journal.log").open("a") as journal:
        journal.write('{"op_code": 6, "work')
    metrics = tune(quick(), QUICK, tmp_path / "run", 14)
    table = open_tuning(tmp_path / "run")[1]
    assert metrics["trials"]["interrupted"] == 1
    assert "running" not in metrics["trials"]
    pd.testing.assert_frame_equal(found(table), found(unbroken[1]))


@pytest.mark.parametrize("kind", ["journal", "database"])
def test_several_runs_share_one_study(kind: str, unbroken: Any, quick: Quick, tmp_path: Path) -> None:
    storage = str(tmp_path / "shared.log") if kind == "journal" else f"sqlite:///{tmp_path / 'shared.db'}"
    tune(quick(), QUICK, tmp_path / "one", 2, storage)
    other = tune(quick(), QUICK, tmp_path / "other", 3, storage)
    assert sum(other["trials"].values()) == 3
    pd.testing.assert_frame_equal(found(open_tuning(tmp_path / "other")[1]), found(unbroken[1].head(3)), atol=1e-9)
    # Another question in the same place is another study.
    alone = tune(quick(), QUICK.model_copy(update={"seed": 6}), tmp_path / "third", 1, storage)
    assert sum(alone["trials"].values()) == 1


@pytest.mark.slow
def test_workers_do_as_many_trials_together(quick: Quick, tmp_path: Path) -> None:
    metrics = tune(quick(), QUICK, tmp_path / "run", 8, workers=2)
    assert sum(metrics["trials"].values()) == 8
    table = open_tuning(tmp_path / "run")[1]
    assert table["default"].sum() == 1
    assert len(np.unique(table["rate"])) == 8, "no two draw the same"
