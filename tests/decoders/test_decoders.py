from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mindglyph import Trials
from mindglyph.decoders import DECODERS, DecodingPipeline, decoder_settings
from mindglyph.decoders.base import Decoder
from mindglyph.errors import UserError
from mindglyph.preprocessing import PreprocessingSettings
from tests.decoders.quick import QUICK

RATE = 64.0
LEARNING = [name for name in QUICK if name != "chance"]


def _build(name: str, seed: int = 0) -> Decoder[Any]:
    return decoder_settings(name, QUICK[name]).build(sfreq=RATE, seed=seed)


def _data(labels: np.ndarray, size: float = 1.5, n_channels: int = 3, seed: int = 0) -> np.ndarray:
    """Return noise with a smooth response that differs from label to label."""
    rng = np.random.default_rng(seed)
    times = np.arange(80) / RATE
    _, codes = np.unique(labels, return_inverse=True)
    centre = 0.2 + 0.1 * codes[:, None, None]
    weight = np.linspace(1, -0.5, n_channels)[:, None] if n_channels > 1 else np.ones((1, 1))
    response = np.exp(-0.5 * ((times - centre) / 0.05) ** 2) * weight
    return (size * response + rng.standard_normal((len(labels), n_channels, 80))).astype(np.float32)


LABELS = np.random.default_rng(1).integers(0, 3, size=300) * 2 + 1
TEST_LABELS = np.random.default_rng(2).integers(0, 3, size=200) * 2 + 1


@pytest.fixture(scope="module")
def fitted() -> dict[str, Decoder[Any]]:
    return {name: _build(name).fit(_data(LABELS), LABELS) for name in QUICK}


def test_every_registered_decoder_is_tested_here() -> None:
    assert set(DECODERS) <= set(QUICK)


@pytest.mark.parametrize("name", LEARNING)
def test_it_beats_chance_where_there_is_a_signal(fitted: dict[str, Decoder[Any]], name: str) -> None:
    accuracy = np.mean(fitted[name].predict(_data(TEST_LABELS, seed=5)) == TEST_LABELS)
    assert accuracy > 1 / 3 + 5 * np.sqrt(2 / 9 / 200)


@pytest.mark.parametrize("name", LEARNING)
def test_it_stays_at_chance_and_says_so_where_there_is_none(name: str) -> None:
    decoder = _build(name).fit(_data(LABELS, size=0.0), LABELS)
    signals = _data(TEST_LABELS, size=0.0, seed=5)
    accuracy = np.mean(decoder.predict(signals) == TEST_LABELS)
    assert abs(accuracy - 1 / 3) < 4 * np.sqrt(2 / 9 / 200)
    # A decoder that cannot decode must not be sure of itself: its pictures would be.
    assert decoder.predict_proba(signals).max(axis=1).mean() < 0.6


@pytest.mark.parametrize("name", QUICK)
def test_probabilities_and_embedding_have_their_shapes(fitted: dict[str, Decoder[Any]], name: str) -> None:
    signals = _data(TEST_LABELS, seed=5)
    probabilities, embedding = fitted[name].predict_proba(signals), fitted[name].embed(signals)
    assert fitted[name].classes_.tolist() == [1, 3, 5]
    assert probabilities.shape == (200, 3)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert embedding.dtype == np.float32
    assert embedding.ndim == 2
    assert len(embedding) == 200
    np.testing.assert_array_equal(fitted[name].classes_[probabilities.argmax(axis=1)], fitted[name].predict(signals))


@pytest.mark.parametrize("name", QUICK)
def test_the_same_seed_gives_the_same_decoder(fitted: dict[str, Decoder[Any]], name: str) -> None:
    signals = _data(TEST_LABELS, seed=5)
    again = clone(fitted[name]).fit(_data(LABELS), LABELS)
    np.testing.assert_array_equal(again.predict_proba(signals), fitted[name].predict_proba(signals))


@pytest.mark.parametrize("name", ["common-lstm", "sparse-cnn", "zoo:EEGNet"])
def test_training_leaves_torchs_own_generator_alone(name: str) -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    settings = {**QUICK[name], "training": {"max_epochs": 1}}
    decoder_settings(name, settings).build(RATE, seed=3).fit(_data(LABELS), LABELS)
    np.testing.assert_array_equal(torch.rand(3), expected)


@pytest.mark.parametrize("name", QUICK)
def test_parameters_can_be_read_set_and_cloned(name: str) -> None:
    decoder = _build(name)
    assert set(decoder.get_params()) == {"settings", "sfreq", "seed", "tmin"}
    assert clone(decoder.set_params(seed=4)).get_params()["seed"] == 4
    assert clone(decoder).settings == decoder.settings


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("kind", ["digits", "words"])
def test_a_pipeline_comes_back_from_disk_as_it_was(tmp_path: Path, name: str, kind: str) -> None:
    labels = LABELS if kind == "digits" else np.where(LABELS == 1, "face", "house")
    n_channels = 3 if kind == "digits" else 1
    channels = ["TP9", "AF7", "AF8"][:n_channels]
    trials = Trials.from_arrays(_data(labels, n_channels=n_channels), labels, RATE, channels)
    pipeline = DecodingPipeline(name, _build(name), PreprocessingSettings()).fit(trials)
    pipeline.save(tmp_path / "decoder.safetensors")
    back = DecodingPipeline.load(tmp_path / "decoder.safetensors")
    for expected, found in zip(pipeline.outputs(trials), back.outputs(trials), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert back.decoder.classes_.tolist() == np.unique(labels).tolist()


def test_another_headset_is_refused() -> None:
    trials = Trials.from_arrays(_data(LABELS), LABELS, RATE, ["TP9", "AF7", "AF8"])
    pipeline = DecodingPipeline("lda", _build("lda"), PreprocessingSettings()).fit(trials)
    other = Trials.from_arrays(_data(LABELS), LABELS, RATE, ["TP9", "AF7", "TP10"])
    with pytest.raises(UserError, match="same headset, or carry .* by 'mindglyph train STORE --from DECODER'"):
        pipeline.outputs(other)
    with pytest.raises(UserError, match="give a recording of the same headset"):
        pipeline.decoder.predict(_data(LABELS, n_channels=2))


def test_trials_that_begin_at_another_time_are_refused() -> None:
    trials = Trials.from_arrays(_data(LABELS), LABELS, RATE, ["TP9", "AF7", "AF8"], tmin=-0.1)
    pipeline = DecodingPipeline("lda", _build("lda"), PreprocessingSettings(margin=0.1)).fit(trials)
    # Of 6.4 samples of margin 6 are cut off.
    assert pipeline.decoder.tmin == pytest.approx(-0.1 + 6 / RATE)
    pipeline.outputs(replace(trials, tmin=-0.099))
    with pytest.raises(UserError, match="trials from -0.1 s after the picture on, these begin at 0.2 s"):
        pipeline.outputs(replace(trials, tmin=0.2))


@pytest.mark.parametrize("name", ["common-lstm", "sparse-cnn"])
def test_training_stops_by_the_held_out_block_and_keeps_the_best_epoch(name: str) -> None:
    settings = {**QUICK[name], "training": {"max_epochs": 60, "patience": 3, "learning_rate": 2e-2}}
    decoder = decoder_settings(name, settings).build(RATE).fit(_data(LABELS, size=0.3), LABELS)
    losses = [epoch["valid_loss"] for epoch in decoder.history_]
    best = int(np.argmin(losses))
    assert len(losses) < 60
    assert len(losses) - 1 - best == 3
    held_out = np.arange(300 - 45, 300)
    _, codes = np.unique(LABELS, return_inverse=True)
    scores = torch.from_numpy(decoder._scores(_data(LABELS, size=0.3)[held_out]))
    loss = torch.nn.functional.cross_entropy(scores, torch.from_numpy(codes[held_out]))
    assert loss.item() == pytest.approx(losses[best], rel=1e-4)


def test_a_network_that_diverges_is_said() -> None:
    settings = {**QUICK["sparse-cnn"], "training": {"max_epochs": 2, "learning_rate": 1e30}}
    with pytest.raises(UserError, match="diverged"):
        decoder_settings("sparse-cnn", settings).build(RATE).fit(_data(LABELS), LABELS)


def test_a_label_that_only_the_held_out_block_has_is_said() -> None:
    labels = np.repeat([0, 1], [270, 30])
    with pytest.raises(UserError, match="no trial of 1 is left to learn from"):
        _build("sparse-cnn").fit(_data(labels), labels)


@pytest.mark.parametrize(
    ("name", "values", "message"),
    [
        ("ldaa", {}, "there is no decoder 'ldaa': choose one of default, chance"),
        ("lda", {"rate": -1}, "settings of lda: rate: must be greater than 0"),
        ("lda", {"ratte": 1}, "settings of lda: ratte"),
        ("lda", {"start": 2.0}, "start lies after stop"),
        ("zoo:Nothing", {}, "braindecode has no network 'Nothing'"),
    ],
)
def test_a_wrong_wish_is_explained(name: str, values: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        decoder_settings(name, values).build(128.0)


def test_one_class_cannot_be_learned() -> None:
    with pytest.raises(UserError, match="only one class"):
        _build("lda").fit(_data(LABELS), np.ones(300))


@pytest.mark.parametrize("name", ["chance", "lda"])
def test_a_trial_of_each_class_is_too_few(name: str) -> None:
    labels = np.arange(3)
    with pytest.raises(UserError, match="3 trials of 3 labels are too few"):
        _build(name).fit(_data(labels), labels)
