import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from mindglyph.decoders import pipeline as pipelines
from mindglyph.decoders.monitor import Progress
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import UserError
from mindglyph.runs import MODEL, Run
from mindglyph.store import Store
from mindglyph.training import train, trained_pipeline

SMALL: dict[str, Any] = {"filters": (4, 4), "training": {"max_epochs": 4, "batch_size": 32}}
NETWORK = DecodingSettings(decoder="sparse-cnn", decoder_settings=SMALL, seed=3)


@pytest.fixture
def store(store_of: Any, clean: Any) -> Store:
    return store_of(clean(), sfreq=100.0)


def stop_after(epoch: int) -> Any:
    def report(progress: Progress) -> None:
        if progress.epoch == epoch:
            raise KeyboardInterrupt

    return report


def test_a_run_holds_settings_weights_history_numbers_and_hashes(store: Store, tmp_path: Path) -> None:
    metrics = train(store, NETWORK, tmp_path / "run")
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"run.json", "metrics.json", "history.json", MODEL}
    asked = json.loads((tmp_path / "run" / "run.json").read_text())
    assert asked["kind"] == "training"
    assert asked["content_hash"] == store.about["content_hash"]
    assert asked["settings"]["decoder_settings"]["training"]["max_epochs"] == 4
    assert metrics["n_trials"] == 300
    assert metrics["epochs"] == len(json.loads((tmp_path / "run" / "history.json").read_text())) == 4
    assert metrics["held_out"]["n_trials"] == 45
    assert 0 <= metrics["held_out"]["accuracy"] < 0.5
    assert metrics["held_out"]["loss"] == pytest.approx(np.log(5), rel=0.1)
    assert metrics == Run.open(tmp_path / "run").metrics
    assert trained_pipeline(tmp_path / "run").decoder.temperature_ == metrics["temperature"]


def test_a_training_that_was_stopped_goes_on_to_the_same_weights(store: Store, tmp_path: Path) -> None:
    train(store, NETWORK, tmp_path / "unbroken")
    for epoch in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            train(store, NETWORK, tmp_path / "run", resume=epoch > 1, report=stop_after(epoch))
        assert (tmp_path / "run" / "unfinished").is_dir()
        with pytest.raises(UserError, match=r"go on with --resume, or name another folder with --out"):
            train(store, NETWORK, tmp_path / "run")
        with pytest.raises(UserError, match="its training was stopped"):
            trained_pipeline(tmp_path / "run")
    epochs: list[int] = []
    metrics = train(store, NETWORK, tmp_path / "run", resume=True, report=lambda told: epochs.append(told.epoch))
    assert epochs == [4]
    assert metrics["resumed"]
    expected, found = (load_file(str(tmp_path / name / MODEL)) for name in ("unbroken", "run"))
    assert set(found) == set(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array, err_msg=name)
    assert not (tmp_path / "run" / "unfinished").exists()


def test_what_is_finished_is_not_done_again(store: Store, tmp_path: Path) -> None:
    first = train(store, NETWORK, tmp_path / "run")
    for resume in (False, True):
        assert train(store, NETWORK, tmp_path / "run", resume, report=stop_after(1)) == first
    with pytest.raises(UserError, match="holds a run of other settings or data"):
        train(store, DecodingSettings(decoder="lda"), tmp_path / "run", resume=True)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no flock")
def test_two_trainings_in_one_folder_are_refused(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mindglyph.runs.PATIENCE", 0.0)

    def begin_again(_: Progress) -> None:
        with pytest.raises(UserError, match="another process is at work in it"):
            train(store, NETWORK, tmp_path / "run", resume=True)

    train(store, NETWORK, tmp_path / "run", report=begin_again)


def test_a_training_that_fails_leaves_its_folder_to_other_settings(store: Store, tmp_path: Path) -> None:
    late = DecodingSettings(decoder="lda", decoder_settings={"start": 50.0, "stop": 60.0})
    with pytest.raises(UserError, match="the trials end before the window"):
        train(store, late, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    train(store, DecodingSettings(decoder="lda"), tmp_path / "run")


def test_a_changed_run_is_refused(store: Store, tmp_path: Path) -> None:
    train(store, DecodingSettings(decoder="lda"), tmp_path / "run")
    train(store, DecodingSettings(decoder="lda", seed=1), tmp_path / "other")
    (tmp_path / "run" / MODEL).write_bytes((tmp_path / "other" / MODEL).read_bytes())
    with pytest.raises(UserError, match="decoder.safetensors: was damaged or changed since it was trained"):
        trained_pipeline(tmp_path / "run")
    (tmp_path / "run" / MODEL).unlink()
    with pytest.raises(UserError, match="decoder.safetensors: no such file"):
        trained_pipeline(tmp_path / "run")
    with pytest.raises(UserError, match="holds no trained decoder"):
        trained_pipeline(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        trained_pipeline(tmp_path / "absent")


@pytest.mark.parametrize("stopped", [False, True])
def test_signals_larger_than_the_limit_give_the_same_and_leave_nothing(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped: bool
) -> None:
    train(store, NETWORK, tmp_path / "in-memory")
    monkeypatch.setattr(pipelines, "MOST_IN_MEMORY", 1000)
    files: list[Path] = []

    def look(told: Progress) -> None:
        files.extend((tmp_path / "run").rglob("*.tmp"))
        if stopped and told.epoch == 2:
            raise KeyboardInterrupt

    if stopped:
        with pytest.raises(KeyboardInterrupt):
            train(store, NETWORK, tmp_path / "run", report=look)
    train(store, NETWORK, tmp_path / "run", resume=True)
    # Not even a kill leaves anything, since the file has no name from the start.
    assert files == []
    assert not list(tmp_path.rglob("*.tmp"))
    assert (tmp_path / "run" / MODEL).read_bytes() == (tmp_path / "in-memory" / MODEL).read_bytes()


def test_trials_without_a_picture_are_left_out_of_a_training_on_disk(
    store_of: Any, clean: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.arange(300) % 5 - 1
    store = store_of(clean(), labels, sfreq=100.0)
    in_memory = train(store, NETWORK, tmp_path / "in-memory")
    monkeypatch.setattr(pipelines, "MOST_IN_MEMORY", 1000)
    on_disk = train(store, NETWORK, tmp_path / "on-disk")
    assert in_memory["n_trials"] == on_disk["n_trials"] == 240
    assert in_memory["n_classes"] == 4
    assert in_memory["files"] == on_disk["files"]
