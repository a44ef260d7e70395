import json
import shutil
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from mindglyph import Trials
from mindglyph.decoders import DecodingPipeline, decoder_settings
from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays
from mindglyph.preprocessing import PreprocessingSettings

RATE = 64.0
QUICK: dict[str, Any] = {"filters": (4, 4), "training": {"max_epochs": 2}}


def some_trials(n_trials: int = 120) -> Trials:
    rng = np.random.default_rng(0)
    labels = np.arange(n_trials) % 3
    signals = rng.normal(size=(n_trials, 3, 80)) + labels[:, None, None] * np.hanning(80)
    return Trials.from_arrays(signals, labels, RATE, ["TP9", "AF7", "AF8"])


def new_pipeline(name: str = "lda", values: dict[str, Any] | None = None) -> DecodingPipeline:
    return DecodingPipeline(name, decoder_settings(name, values).build(RATE), PreprocessingSettings())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "decoder.safetensors"
    assert new_pipeline("sparse-cnn", QUICK).fit(some_trials()).save(path) == [path]
    return path


def test_nothing_on_disk_is_pickled(model: Path) -> None:
    assert set(load_file(str(model))) > {"scale.centre", "decoder.temperature"}
    assert [path.name for path in model.parent.iterdir()] == ["decoder.safetensors"]


def test_one_changed_bit_of_the_weights_is_found(model: Path, tmp_path: Path) -> None:
    content = bytearray(model.read_bytes())
    content[-3] ^= 1
    (tmp_path / "model.safetensors").write_bytes(content)
    with pytest.raises(UserError, match="model.safetensors: was damaged or changed since it was written"):
        DecodingPipeline.load(tmp_path / "model.safetensors")


def test_a_changed_description_is_found(model: Path, tmp_path: Path) -> None:
    arrays, about = read_arrays(model)
    for changed in ({"channels": ["TP10", "AF7", "AF8"]}, {"classes": [7, 8, 9]}, {"forests": {"a": "0"}}):
        write_arrays(tmp_path / "model.safetensors", arrays, {**about, **changed})
        with pytest.raises(UserError, match="changed since it was written"):
            DecodingPipeline.load(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        (None, "is no model that mindglyph wrote"),
        ({"about": "[]"}, "is no model of this version"),
        ({"about": json.dumps({"kind": "decoder"})}, "is no model of this version"),
        ({"format": "pt"}, "is no model that mindglyph wrote"),
    ],
)
def test_a_foreign_file_is_refused(tmp_path: Path, metadata: dict[str, str] | None, message: str) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"weight": np.zeros(3)}, str(path), metadata=metadata)
    with pytest.raises(UserError, match=message):
        DecodingPipeline.load(path)
    path.write_bytes(b"\x80\x04K\x01.")  # a pickle
    with pytest.raises(UserError, match="is no model that mindglyph wrote"):
        DecodingPipeline.load(path)


class _Forest:
    """Stands for a fitted estimator, whose file is any text."""

    def __init__(self, text: str = "trees") -> None:
        self.text = text


@pytest.fixture
def forested(monkeypatch: pytest.MonkeyPatch) -> DecodingPipeline:
    """Give a fitted pipeline whose decoder has two forests."""
    files = SimpleNamespace(
        write_forest=lambda path, forest: path.write_text(forest.text),
        read_forest=lambda path: _Forest(path.read_text()),
    )
    monkeypatch.setitem(sys.modules, "mindglyph.decoders.forests", files)
    pipeline = new_pipeline().fit(some_trials())
    monkeypatch.setattr(type(pipeline.decoder), "_forests", lambda _: {"oak": _Forest(), "1.fir-2": _Forest("needles")})
    monkeypatch.setattr(
        type(pipeline.decoder), "_restore_forests", lambda self, forests: setattr(self, "trees", forests)
    )
    return pipeline


def test_forests_stand_beside_the_numbers_and_come_back(forested: DecodingPipeline, tmp_path: Path) -> None:
    files = forested.save(tmp_path / "one.safetensors")
    assert [path.name for path in files] == ["one.safetensors", "one.oak.skops", "one.1.fir-2.skops"]
    back = DecodingPipeline.load(tmp_path / "one.safetensors")
    assert {name: forest.text for name, forest in back.decoder.trees.items()} == {"oak": "trees", "1.fir-2": "needles"}


def test_a_forest_of_another_model_is_refused(forested: DecodingPipeline, tmp_path: Path) -> None:
    path = tmp_path / "one.safetensors"
    forested.save(path)
    (tmp_path / "one.oak.skops").write_text("other trees")
    with pytest.raises(UserError, match="one.oak.skops: is not the one that one.safetensors was written with"):
        DecodingPipeline.load(path)
    (tmp_path / "one.oak.skops").unlink()
    with pytest.raises(UserError, match="one.oak.skops: no such file, and one.safetensors needs it"):
        DecodingPipeline.load(path)


def test_a_model_cannot_name_a_file_elsewhere(
    forested: DecodingPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(forested.decoder), "_forests", lambda _: {"../elsewhere": _Forest()})
    with pytest.raises(UserError, match="names a forest"):
        forested.save(tmp_path / "one.safetensors")
    assert not list(tmp_path.parent.glob("*.skops"))


def test_a_model_can_be_carried_elsewhere(model: Path, tmp_path: Path) -> None:
    shutil.copy(model, tmp_path / "renamed.safetensors")
    trials = some_trials()
    expected, _ = DecodingPipeline.load(model).outputs(trials)
    np.testing.assert_array_equal(DecodingPipeline.load(tmp_path / "renamed.safetensors").outputs(trials)[0], expected)


def test_many_trials_are_decoded_part_by_part() -> None:
    pipeline = new_pipeline().fit(some_trials())
    many = some_trials(256)
    expected = pipeline.outputs(many)
    # A part holds this many trials of so few samples.
    doubled = Trials.from_arrays(
        np.tile(many.signals, (70, 1, 1)), np.tile(many.labels, 70), RATE, many.info["ch_names"]
    )
    assert len(doubled) > 2**22 // (3 * 80)
    for whole, part in zip(pipeline.outputs(doubled), expected, strict=True):
        np.testing.assert_allclose(whole, np.tile(part, (70, 1)), atol=1e-5)
    for nothing in pipeline.outputs(many.select(np.arange(0))):
        assert len(nothing) == 0
