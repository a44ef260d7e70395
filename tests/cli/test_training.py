import json
import re
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from safetensors.numpy import load_file

from mindglyph.cli import main, watching
from mindglyph.cli.watching import _Clock
from mindglyph.decoders.monitor import Progress
from mindglyph.decoders.settings import chosen_settings
from mindglyph.errors import UserError
from mindglyph.runs import MODEL
from mindglyph.store import Store
from mindglyph.training import trained_pipeline
from tests.kills import Starter

SMALL = ("--decoder", "sparse-cnn", "--set", "filters=[4,4]", "--set", "training.batch_size=32")

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Any:
    """Run a command in this process: `run(*words, status=0)` returns what it printed on stdout and stderr."""

    def called(*words: object, status: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["mindglyph", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0) == status, printed.err
        return printed.out, printed.err

    return called


@pytest.fixture
def store(store_of: Any, clean: Any) -> Store:
    return store_of(clean(), sfreq=100.0)


def test_several_processes_are_said_to_change_nothing_where_there_is_one_piece(run: Any, store: Store) -> None:
    one, other = (run("train", store.path, "--decoder", "chance", "--workers", number)[1] for number in (1, 2))
    assert "--workers" not in one
    assert "chance is trained in one piece, and in this process: --workers and --cluster change nothing" in other


def test_networks_are_counted_and_passes_may_stop_early() -> None:
    nothing = float("nan")
    told = [
        watching._described(Progress("", 2, 6, nothing, nothing, nothing, unit)) for unit in ("network", "epoch", "fit")
    ]
    assert told == ["network 2 of 6", "epoch 2 of at most 6", "fit 2 of at most 6"]


def test_each_epoch_is_told_with_the_time_left(
    run: Any, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_SECONDS_BETWEEN_LINES", 0.0)
    out, errors = run("train", store.path, *SMALL, "--set", "training.max_epochs=3", "--out", tmp_path / "run")
    lines = [line for line in errors.splitlines() if line.startswith("epoch")]
    assert len(lines) == 3
    told = r"loss \d\.\d{3}, validation loss \d\.\d{3}, validation accuracy \d+\.\d%, at most 0:00:\d\d left"
    assert re.fullmatch(rf"epoch 1 of at most 3, {told}", lines[0])
    assert lines[-1].startswith("epoch 3 of at most 3")
    assert lines[-1].endswith("at most 0:00:00 left")
    assert "trials, used for choosing: no score" in " ".join(out.split())
    assert not (tmp_path / "run" / "unfinished").exists()
    again = run("train", store.path, *SMALL, "--set", "training.max_epochs=3", "--out", tmp_path / "run", "--json")
    assert "finished before: nothing is done again" in again[1]
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert json.loads(again[0]) == {**metrics, "out": str(tmp_path / "run")}


def test_the_time_left_is_that_of_the_part(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = _Clock()

    def left(part: str, epoch: int) -> str:
        return clock.left(Progress(part, epoch, 100, 1.0, 1.0, 0.1))

    # It goes on after epoch 40, so only what is done now says how long an epoch takes.
    for seconds, part, epoch, expected in (
        (60, "a", 41, "0:59:00"),
        (120, "a", 42, "0:58:00"),
        (121, "b", 1, "0:01:39"),
        (221, "b", 2, "1:22:29"),
    ):
        now[0] = seconds
        assert left(part, epoch) == f"at most {expected} left of this part"
    assert left("", 1).endswith(" left")
    assert clock.left(Progress("fold 1 of 5", 1, 18, 1.0, 1.0, 0.1, unit="fit")) == ""


def test_a_file_is_not_told_of_every_epoch(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with watching.watching("blocked") as watch:
        for epoch in range(1, 101):
            now[0] = 0.2 * epoch
            watch.epoch(Progress("", epoch, 100, 1.0, 1.0, 0.1))
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("epoch")]
    assert [line.split()[1] for line in lines] == ["1", "26", "51", "76", "100"]


def test_the_parts_of_a_learning_curve_are_named(run: Any, store: Store, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(watching, "_SECONDS_BETWEEN_LINES", 0.0)
    asked = ("--decoder", "default", "--folds", 2, "--out", tmp_path / "run")
    told = run("evaluate", store.path, *asked)[1]
    assert re.search(r"^fold 1 of 2, fit 1 of at most \d+$", told, re.MULTILINE)
    assert re.search(r"^fold 1 of 2, learning curve, \d+ trials, fit 1 of at most \d+$", told, re.MULTILINE)
    refused = run("predict", tmp_path / "run", store.path, status=2)[1]
    assert "is a run of 'mindglyph evaluate': name a folder of 'mindglyph train'" in refused


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ("ratte=1", "there is no setting 'ratte' of lda: choose one of class_weight, resample, rate, start"),
        ("rate", "--set rate: give setting=value"),
        ("rate=fast", "settings of lda: rate: must be a valid number"),
        ("rate=-1", "settings of lda: rate: must be greater than 0"),
        ("rate.x=1", "the setting 'rate' of lda has no settings of its own"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it(
    run: Any, store: Store, tmp_path: Path, wish: str, message: str
) -> None:
    for command in ("train", "evaluate"):
        out, errors = run(command, store.path, "--decoder", "lda", "--set", wish, "--out", tmp_path / "run", status=2)
        assert not out
        assert message in errors
        assert len(errors.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_settings_are_typed_and_keep_their_neighbours() -> None:
    chosen = chosen_settings("sparse-cnn", ["training.max_epochs=5", "filters=[8, 16]", "training.learning_rate=1e-2"])
    assert chosen["filters"] == [8, 16]
    assert chosen["training"]["max_epochs"] == 5
    assert chosen["training"]["learning_rate"] == 0.01
    assert chosen["training"]["patience"] == 6
    assert set(chosen) == {"filters", "training"}
    assert chosen_settings("lda", ["shrinkage=0.5"]) == {"shrinkage": 0.5}
    assert chosen_settings("lda", ["shrinkage=null"]) == {"shrinkage": None}
    assert chosen_settings("zoo:EEGNet", ["options.F1=4"]) == {"options": {"F1": 4}}
    assert chosen_settings("lda", []) == {}
    with pytest.raises(UserError, match="no setting 'epochs' of sparse-cnn's training: choose one of max_epochs"):
        chosen_settings("sparse-cnn", ["training.epochs=5"])


def test_ctrl_c_keeps_a_training_that_resume_finishes(run: Any, store: Store, starter: Starter, tmp_path: Path) -> None:
    asked = ("train", store.path, *SMALL, "--set", "training.max_epochs=40", "--set", "training.patience=40")
    folder = tmp_path / "run"
    process = starter.start([*map(str, asked), "--out", str(folder)])
    while not (folder / "unfinished" / "training.safetensors").exists():
        assert not process.ended(), process.said
        time.sleep(0.02)
    errors = process.interrupt()
    assert errors.splitlines()[-1].startswith("mindglyph: stopped; what is done is kept in ")
    assert errors.endswith("go on with the same command and --resume\n")
    assert "Traceback" not in errors
    assert not (folder / "metrics.json").exists()
    assert not list(tmp_path.rglob("*.tmp"))
    _, errors = run(*asked, "--out", folder, status=2)
    assert "go on with --resume, or name another folder with --out" in errors
    _, errors = run("predict", folder, store.path, "--out", tmp_path / "table.parquet", status=2)
    assert "its training was stopped" in errors
    # Where the first was started: with other threads its preprocessing would round in another way.
    said = starter.run([*map(str, asked), "--out", str(folder), "--resume"])
    assert int(re.search(r"epoch (\d+) of", said)[1]) > 1
    starter.run([*map(str, asked), "--out", str(tmp_path / "unbroken")])
    expected, found = load_file(str(tmp_path / "unbroken" / MODEL)), load_file(str(folder / MODEL))
    assert all((found[name] == expected[name]).all() for name in expected)
    run("predict", folder, store.path, "--out", tmp_path / "table.parquet")
    assert len(pd.read_parquet(tmp_path / "table.parquet")) == 300


def test_a_resume_of_nothing_begins_and_says_so(run: Any, store: Store, tmp_path: Path) -> None:
    _, errors = run("train", store.path, "--decoder", "lda", "--out", tmp_path / "run", "--resume")
    assert f"no training was begun in {tmp_path / 'run'}: it begins now" in errors
    assert (tmp_path / "run" / MODEL).is_file()


def test_the_default_folder_stands_beside_the_store(run: Any, store: Store, tmp_path: Path) -> None:
    run("train", store.path, "--decoder", "lda")
    assert (tmp_path / "store.lda.train" / MODEL).is_file()
    out, _ = run("predict", tmp_path / "store.lda.train", store.path, "--json")
    assert len(json.loads(out)["predictions"]) == 300
    _, errors = run("predict", store.path, store.path, status=2)
    assert "holds no trained decoder" in errors


def test_a_training_may_begin_with_an_auto_encoder_and_balance_its_classes(
    run: Any, store: Store, tmp_path: Path
) -> None:
    _, errors = run(
        "train",
        store.path,
        "--decoder",
        "lda",
        "--autoencoder",
        2,
        "--balance",
        "weights",
        "--out",
        tmp_path / "run",
        "--json",
    )
    assert "nan" not in errors
    metrics = json.loads((tmp_path / "run" / "metrics.json").read_text())
    assert 0 < metrics["reconstruction_error"] < 1.5
    pipeline = trained_pipeline(tmp_path / "run")
    assert pipeline.decoder.settings_.class_weight == "balanced"
    assert pipeline.decoder.shape_[0] == 2
    run("predict", tmp_path / "run", store.path, "--out", tmp_path / "table.parquet")
    assert len(pd.read_parquet(tmp_path / "table.parquet")) == metrics["n_trials"]
    for wish, message in (
        (("--balance", "smote"), "--balance: must be 'none', 'weights', 'over' or 'under'"),
        (("--autoencoder", 0), "--autoencoder: must be greater than or equal to 1"),
    ):
        for command in ("train", "evaluate"):
            assert message in run(command, store.path, *wish, "--out", tmp_path / "other", status=2)[1]
    assert not (tmp_path / "other").exists()
