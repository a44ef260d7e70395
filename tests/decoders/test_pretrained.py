from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mindglyph import Trials
from mindglyph.decoders import DecodingPipeline, decoder_settings
from mindglyph.decoders.pretrained import pretrained_arrays
from mindglyph.decoders.zoo import Zoo
from mindglyph.errors import UserError
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.trials.braindecode import quiet

RATE = 64.0
SIGNALS = np.random.default_rng(0).standard_normal((60, 3, 80)).astype(np.float32)
LABELS = np.arange(60) % 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights as braindecode writes them: safetensors, and a pickle beside them."""
    path = tmp_path_factory.mktemp("published")
    with quiet():
        from braindecode.models import EEGNet

        with torch.random.fork_rng():
            torch.manual_seed(5)
            EEGNet(n_chans=3, n_outputs=3, n_times=80, sfreq=RATE).save_pretrained(path)
    return path


def _fitted(where: Path | str, labels: np.ndarray = LABELS, frozen: str = "body", **training: Any) -> Zoo:
    values = {"pretrained": str(where), "frozen": frozen, "training": {"max_epochs": 1, **training}}
    decoder = decoder_settings("zoo:EEGNet", values).build(RATE)
    assert isinstance(decoder, Zoo)
    return decoder.fit(SIGNALS, labels)  # type: ignore[return-value]


def test_what_is_frozen_is_what_was_published(folder: Path) -> None:
    published, config = pretrained_arrays(str(folder))
    assert config["n_chans"] == 3
    arrays = _fitted(folder, max_epochs=2, learning_rate=0.1).arrays()
    same = {name for name, array in published.items() if np.array_equal(arrays[f"body.{name}"], array)}
    changed = set(published) - same
    # The statistics of the batch norms, too, stay; only the last layer learned.
    assert changed
    assert all(name.startswith("final_layer") for name in changed)
    assert any("running_mean" in name for name in same)


def test_a_file_does_as_well_as_its_folder_and_all_may_learn(folder: Path) -> None:
    published, _ = pretrained_arrays(str(folder / "model.safetensors"))
    arrays = _fitted(folder / "model.safetensors", frozen="none", learning_rate=1e-6).arrays()
    fresh = decoder_settings("zoo:EEGNet", {"training": {"max_epochs": 1, "learning_rate": 1e-6}}).build(RATE)
    anew = fresh.fit(SIGNALS, LABELS).arrays()
    weights = [name for name in published if "weight" in name or "original" in name]
    assert weights
    for name in weights:
        np.testing.assert_allclose(arrays[f"body.{name}"], published[name], atol=1e-3)
    assert any(not np.allclose(anew[f"body.{name}"], published[name], atol=1e-2) for name in weights)


def test_another_number_of_classes_gets_a_head_of_its_own(folder: Path) -> None:
    decoder = _fitted(folder, labels=np.arange(60) % 2)
    assert decoder.predict_proba(SIGNALS).shape == (60, 2)


def test_the_fitted_decoder_needs_the_published_weights_no_more(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    moved.mkdir()
    for file in folder.iterdir():
        (moved / file.name).write_bytes(file.read_bytes())
    trials = Trials.from_arrays(SIGNALS, LABELS, RATE, ["TP9", "AF7", "AF8"])
    settings = decoder_settings("zoo:EEGNet", {"pretrained": str(moved), "training": {"max_epochs": 1}})
    pipeline = DecodingPipeline("zoo:EEGNet", settings.build(RATE), PreprocessingSettings()).fit(trials)
    pipeline.save(tmp_path / "model.safetensors")
    for file in moved.iterdir():
        file.unlink()
    back = DecodingPipeline.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(back.outputs(trials)[0], pipeline.outputs(trials)[0])


def test_a_pickle_is_never_opened(folder: Path, tmp_path: Path) -> None:
    pickle = tmp_path / "pytorch_model.bin"
    pickle.write_bytes((folder / "pytorch_model.bin").read_bytes())
    with pytest.raises(UserError, match="is a pickle, which could run anything: give weights as safetensors"):
        _fitted(pickle)
    with pytest.raises(UserError, match="holds only pytorch_model.bin, a pickle that could run anything"):
        _fitted(tmp_path)


def test_weights_that_do_not_fit_are_said(folder: Path, tmp_path: Path) -> None:
    with quiet():
        from braindecode.models import EEGNet

        EEGNet(n_chans=5, n_outputs=3, n_times=90, sfreq=128.0).save_pretrained(tmp_path / "other")
    with pytest.raises(UserError, match="do not fit the network: .* trained with n_chans 5, n_times 90, sfreq 128"):
        _fitted(tmp_path / "other")
    (tmp_path / "model.safetensors").write_bytes(b"nonsense")
    with pytest.raises(UserError, match="is no file of safetensors, or is damaged"):
        _fitted(tmp_path)
    with pytest.raises(UserError, match="no such file or folder; weights on the hub are called 'hub OWNER/NAME'"):
        _fitted(tmp_path / "absent.safetensors")


def test_a_hub_out_of_reach_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    settings = decoder_settings("zoo:EEGNet", {"pretrained": "hub somebody/eegnet"})
    decoder = settings.build(RATE)  # reads nothing yet
    with pytest.raises(UserError, match="hub somebody/eegnet: the hub cannot be reached") as caught:
        decoder.fit(SIGNALS, LABELS)
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="hub no name: cannot be fetched"):
        pretrained_arrays("hub no name")
