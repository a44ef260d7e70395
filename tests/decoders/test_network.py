import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mindglyph.decoders import decoder_settings, hardware
from mindglyph.decoders.base import Decoder
from mindglyph.decoders.batches import fetched, shuffled
from mindglyph.decoders.checkpoint import FILE
from mindglyph.decoders.hardware import Hardware
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.errors import PlaceError, UserError
from mindglyph.folders import remove_folder

RATE = 64.0
QUICK: dict[str, dict[str, Any]] = {
    "sparse-cnn": {"filters": (8, 8), "dropouts": (0.3, 0.1)},
    "common-lstm": {"units": 16, "dense": (16, 8), "dropout": 0.2},
}
TRAINING: dict[str, Any] = {"max_epochs": 5, "learning_rate": 5e-3, "schedule": "one-cycle"}
LABELS = np.random.default_rng(1).integers(0, 3, size=310)


def _data(labels: np.ndarray, size: float = 1.5, seed: int = 0) -> np.ndarray:
    times = np.arange(80) / RATE
    response = np.exp(-0.5 * ((times - 0.2 - 0.1 * labels[:, None, None]) / 0.05) ** 2)
    noise = np.random.default_rng(seed).standard_normal((len(labels), 3, 80))
    return (size * response * np.array([1, 0.5, -0.5])[:, None] + noise).astype(np.float32)


SIGNALS = _data(LABELS)


def _build(name: str = "sparse-cnn", **training: Any) -> Decoder[Any]:
    return decoder_settings(name, {**QUICK[name], "training": {**TRAINING, **training}}).build(RATE)


def _same(one: Decoder[Any], other: Decoder[Any]) -> None:
    ours, theirs = one.arrays(), other.arrays()
    assert set(ours) == set(theirs)
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    columns = ("epoch", "train_loss", "valid_loss", "valid_acc")
    assert [[row[c] for c in columns] for row in one.history_] == [[row[c] for c in columns] for row in other.history_]


def _stopping_at(epoch: int, stop: Callable[[], None]) -> Callable[[Progress], None]:
    def report(progress: Progress) -> None:
        if progress.epoch == epoch:
            stop()

    return report


def _interrupt() -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("epoch", [1, 3, 5])
def test_a_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path, name: str, epoch: int) -> None:
    unbroken = _build(name).fit(SIGNALS, LABELS)
    with pytest.raises(KeyboardInterrupt):
        _build(name).fit(SIGNALS, LABELS, Monitor(_stopping_at(epoch, _interrupt), tmp_path / "state"))
    heard: list[Progress] = []
    resumed = _build(name).fit(SIGNALS, LABELS, Monitor(heard.append, tmp_path / "state"))
    assert [progress.epoch for progress in heard] == list(range(epoch + 1, 6))
    _same(resumed, unbroken)


def test_a_signal_in_the_middle_of_an_epoch_loses_that_epoch_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = _build(max_epochs=4).fit(SIGNALS, LABELS)
    steps = []
    step = torch.optim.AdamW.step

    def counting(self: torch.optim.AdamW, *arguments: Any, **named: Any) -> Any:
        steps.append(1)
        if len(steps) == 12:  # the second of the third epoch's five
            os.kill(os.getpid(), signal.SIGINT)
        return step(self, *arguments, **named)

    monkeypatch.setattr(torch.optim.AdamW, "step", counting)
    with pytest.raises(KeyboardInterrupt):
        _build(max_epochs=4).fit(SIGNALS, LABELS, Monitor(folder=tmp_path))
    monkeypatch.undo()
    heard: list[Progress] = []
    _same(_build(max_epochs=4).fit(SIGNALS, LABELS, Monitor(heard.append, tmp_path)), unbroken)
    assert [progress.epoch for progress in heard] == [3, 4]


@pytest.mark.parametrize("made", [False, True])
def test_a_training_does_not_bring_back_the_folder_that_was_taken_from_it(tmp_path: Path, made: bool) -> None:
    folder = tmp_path / "state"
    folder.mkdir()
    monitor = Monitor(_stopping_at(1, lambda: remove_folder(folder)), folder, made=made)
    with pytest.raises(PlaceError, match="training.safetensors: cannot be written"):
        _build().fit(SIGNALS, LABELS, monitor)
    assert not folder.exists()
    if made:  # nor does one that begins too late
        with pytest.raises(PlaceError):
            _build().fit(SIGNALS, LABELS, monitor)
        assert not folder.exists()


def test_each_epoch_is_reported_under_the_name_of_its_part() -> None:
    heard: list[Progress] = []
    decoder = _build().fit(SIGNALS, LABELS, Monitor(heard.append).of_part("first"))
    assert [(told.part, told.epoch, told.max_epochs) for told in heard] == [("first", n, 5) for n in range(1, 6)]
    assert [told.valid_loss for told in heard] == [row["valid_loss"] for row in decoder.history_]


@pytest.mark.parametrize("what", ["settings", "seed", "trials", "labels"])
def test_the_state_of_another_training_is_neither_taken_nor_lost(tmp_path: Path, what: str) -> None:
    _build(max_epochs=1).fit(SIGNALS, LABELS, Monitor(folder=tmp_path))
    kept = (tmp_path / FILE).read_bytes()
    other = _build(max_epochs=2 if what == "settings" else 1)
    other.seed = 1 if what == "seed" else 0
    labels = (LABELS + 1) % 3 if what == "labels" else LABELS
    signals = _data(LABELS, seed=3) if what == "trials" else SIGNALS
    with pytest.raises(UserError, match="training.safetensors: an unfinished training with other settings"):
        other.fit(signals, labels, Monitor(folder=tmp_path))
    assert (tmp_path / FILE).read_bytes() == kept


def test_damaged_state_is_said(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"half")
    with pytest.raises(UserError, match="training.safetensors"):
        _build().fit(SIGNALS, LABELS, Monitor(folder=tmp_path))


def test_a_memory_map_is_read_batch_by_batch_and_trains_the_same(tmp_path: Path) -> None:
    np.save(tmp_path / "signals.npy", SIGNALS)
    mapped = np.load(tmp_path / "signals.npy", mmap_mode="r")
    _same(_build().fit(mapped, LABELS), _build().fit(SIGNALS, LABELS))


def test_only_what_a_batch_needs_is_read() -> None:
    read: list[int] = []

    class Watched(np.ndarray):
        def __getitem__(self, places: Any) -> Any:
            assert np.all(np.diff(places) > 0), "a file is read from front to back"
            read.append(len(places))
            return np.asarray(super().__getitem__(places))

    batches = shuffled(np.arange(310), 64, np.random.default_rng(0))
    tensors = list(fetched(SIGNALS.view(Watched), batches, torch.device("cpu")))
    assert read == [62] * 5
    assert sorted(np.concatenate(batches).tolist()) == list(range(310))
    np.testing.assert_array_equal(tensors[3].numpy(), SIGNALS[batches[3]])


def test_batches_are_of_one_size_and_leave_over_less_than_one_trial_a_batch() -> None:
    for n_trials in (1, 63, 64, 65, 257, 1000):
        batches = shuffled(np.arange(n_trials), 64, np.random.default_rng(0))
        assert len({len(batch) for batch in batches}) == 1
        assert n_trials - sum(map(len, batches)) < len(batches)


def test_bfloat16_decodes_no_worse_than_float32() -> None:
    test_labels = np.random.default_rng(2).integers(0, 3, size=600)
    test_signals, signals = _data(test_labels, size=0.7, seed=9), _data(LABELS, size=0.7)
    accuracy = {}
    for precision in ("float32", "bfloat16"):
        values = {**QUICK["sparse-cnn"], "training": {**TRAINING, "precision": precision}}
        settings = decoder_settings("sparse-cnn", values)
        decoded = [settings.build(RATE, seed).fit(signals, LABELS).predict(test_signals) for seed in range(3)]
        accuracy[precision] = np.mean(np.stack(decoded) == test_labels)
    assert accuracy["bfloat16"] > 1 / 3 + 5 * np.sqrt(2 / 9 / 600)
    assert accuracy["bfloat16"] > accuracy["float32"] - 0.03


def test_the_state_of_a_network_in_bfloat16_is_float32() -> None:
    arrays = _build(precision="bfloat16", max_epochs=1).fit(SIGNALS, LABELS).arrays()
    assert {array.dtype for name, array in arrays.items() if "num_batches" not in name} <= {
        np.dtype(np.float32),
        np.dtype(np.float64),
    }


@pytest.mark.parametrize(("choice", "has"), [("precision", "has_bfloat16"), ("compiled", "has_compiler")])
def test_what_is_not_there_is_done_without_and_said_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, choice: str, has: str
) -> None:
    hardware.say_once.cache_clear()
    monkeypatch.setattr(hardware, has, lambda *_: False)
    wanted = {"precision": "bfloat16", "compiled": "yes"}[choice]
    plain = _build(precision="float32", max_epochs=2).fit(SIGNALS, LABELS)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            _same(_build(**{"precision": "float32", "max_epochs": 2, choice: wanted}).fit(SIGNALS, LABELS), plain)
    assert len(caplog.records) == 1


def test_a_compiler_that_fails_ends_no_training(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        def run(signals: torch.Tensor) -> torch.Tensor:
            raise RuntimeError("g++ has crashed")

        return run

    hardware.say_once.cache_clear()
    monkeypatch.setattr(torch, "compile", broken)
    monkeypatch.setattr(hardware, "has_compiler", lambda: True)
    with caplog.at_level(logging.WARNING):
        compiled = _build(compiled="yes").fit(SIGNALS, LABELS)
    assert "cannot be compiled here" in caplog.text
    _same(compiled, _build(compiled="no").fit(SIGNALS, LABELS))


def test_a_trial_run_of_the_compiled_network_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "compile", lambda network, **_: network)
    monkeypatch.setattr(hardware, "has_compiler", lambda: True)
    _same(_build(compiled="yes").fit(SIGNALS, LABELS), _build(compiled="no").fit(SIGNALS, LABELS))


def test_short_trainings_are_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardware, "has_compiler", lambda: True)
    for work, expected in ((1000, False), (10**9, True)):
        assert Hardware.choose("cpu", "auto", "auto", frozenset({"compiling"}), work).compiled is expected
        assert not Hardware.choose("cpu", "auto", "auto", frozenset(), work).compiled


def test_a_gpu_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match="device: torch finds no GPU"):
        _build(device="cuda").fit(SIGNALS, LABELS)
    with pytest.raises(UserError, match="training.device: must be 'auto', 'cpu' or 'cuda'"):
        _build(device="tpu")


def test_augmented_trials_train_the_same_with_the_same_seed_and_otherwise_than_plain_ones() -> None:
    names = ("ft-surrogate", "channels-dropout", "smooth-time-mask", "gaussian-noise")
    augmented = _build(augmentation=names, max_epochs=2).fit(SIGNALS, LABELS)
    _same(_build(augmentation=names, max_epochs=2).fit(SIGNALS, LABELS), augmented)
    plain = _build(max_epochs=2).fit(SIGNALS, LABELS)
    assert augmented.history_[0]["train_loss"] != plain.history_[0]["train_loss"]


def test_an_augmented_training_that_was_stopped_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    names = ("smooth-time-mask", "gaussian-noise")
    unbroken = _build(augmentation=names, max_epochs=3).fit(SIGNALS, LABELS)
    with pytest.raises(KeyboardInterrupt):
        monitor = Monitor(_stopping_at(1, _interrupt), tmp_path)
        _build(augmentation=names, max_epochs=3).fit(SIGNALS, LABELS, monitor)
    _same(_build(augmentation=names, max_epochs=3).fit(SIGNALS, LABELS, Monitor(folder=tmp_path)), unbroken)
