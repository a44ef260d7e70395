from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.base import clone

from mindglyph import Trials
from mindglyph.decoders import AutoencoderSettings, DecodingPipeline, decoder_settings
from mindglyph.decoders.autoencoder import Autoencoder
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings
from mindglyph.preprocessing import PreprocessingSettings

RATE = 64.0
CHANNELS = ["TP9", "AF7", "AF8", "TP10"]
QUICK: dict[str, Any] = {"dimension": 2, "rate": 32.0, "filters": 8, "kernel": 5}
MIXING = np.random.default_rng(9).normal(size=(4, 2))


def _waves(n_trials: int, seed: int, noise: float = 0.0) -> np.ndarray:
    """Return slow waves of two sources in four channels, so that two code channels can hold them."""
    rng = np.random.default_rng(seed)
    times = np.arange(81) / RATE
    frequencies, phases = rng.uniform(2, 6, (n_trials, 2, 1)), rng.uniform(0, 2 * np.pi, (n_trials, 2, 1))
    sources = np.sin(2 * np.pi * frequencies * times + phases)
    signals = np.einsum("cs,nst->nct", MIXING, sources) + noise * rng.standard_normal((n_trials, 4, 81))
    return signals.astype(np.float32)


def _labelled(n_trials: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return noise with an evoked response whose channels tell the label, and the labels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=n_trials)
    wave = np.exp(-0.5 * ((np.arange(81) / RATE - 0.4) / 0.06) ** 2)
    response = np.where(labels == 1, 1.0, -1.0)[:, None, None] * MIXING[:, :1] * wave
    return (response + 0.7 * rng.standard_normal((n_trials, 4, 81))).astype(np.float32), labels


def _fitted(**values: Any) -> Autoencoder:
    return AutoencoderSettings(**{**QUICK, **values}).build(RATE).fit(_waves(240, 0))


@pytest.fixture(scope="module")
def fitted() -> Autoencoder:
    return _fitted()


def test_it_rebuilds_what_its_code_has_room_for(fitted: Autoencoder) -> None:
    later = _waves(100, 1)
    rebuilt = fitted.inverse_transform(fitted.transform(later))
    unexplained = np.mean((rebuilt - later) ** 2) / np.mean(later**2)
    assert unexplained < 0.1
    assert fitted.reconstruction_error_ == pytest.approx(unexplained, abs=0.02)
    # A code of fewer numbers has not the room.
    assert _fitted(dimension=1, rate=8.0).reconstruction_error_ > 2 * fitted.reconstruction_error_


def test_the_error_is_that_of_the_block_held_out_at_the_best_pass(fitted: Autoencoder) -> None:
    held_out = _waves(240, 0)[192:]
    error = np.mean((fitted.reconstruct(held_out) - held_out) ** 2) / np.mean(held_out**2)
    assert fitted.reconstruction_error_ == pytest.approx(error, rel=1e-3)
    assert fitted.reconstruction_error_ == min(epoch["valid_loss"] for epoch in fitted.history_)


def test_codes_have_the_lower_rate_and_unit_spread(fitted: Autoencoder) -> None:
    codes = fitted.transform(_waves(240, 0))
    assert codes.shape == (240, 2, 41)
    assert codes.shape[1:] == fitted.transformed_shape_
    assert codes.dtype == np.float32
    np.testing.assert_allclose(codes.mean(axis=(0, 2)), 0, atol=0.1)
    np.testing.assert_allclose(codes.std(axis=(0, 2)), 1, rtol=0.1)
    assert fitted.inverse_transform(codes).shape == (240, 4, 81)


@pytest.mark.parametrize("n_times", [79, 80, 81, 82])
@pytest.mark.parametrize("rate", [16.0, 20.0, 32.0, 64.0])
def test_every_length_comes_back_whole(n_times: int, rate: float) -> None:
    settings = AutoencoderSettings(**{**QUICK, "rate": rate, "training": {"max_epochs": 1}})
    signals = _waves(60, 0)[..., :1].repeat(n_times, axis=-1)
    autoencoder = settings.build(RATE).fit(signals)
    codes = autoencoder.transform(signals)
    assert codes.shape[-1] == -(-n_times // settings.step(RATE))
    assert autoencoder.inverse_transform(codes).shape == signals.shape


def test_a_code_stands_where_its_signal_stood(fitted: Autoencoder) -> None:
    quiet, clicked = np.zeros((1, 4, 81), np.float32), np.zeros((1, 4, 81), np.float32)
    clicked[..., 40] = 5.0
    moved = np.abs(fitted.transform(clicked) - fitted.transform(quiet)).sum(axis=(0, 1))
    assert np.average(np.arange(41), weights=moved) == pytest.approx(20, abs=1)


def test_a_reconstruction_loses_noise_and_keeps_the_signal() -> None:
    noisy, clean = _waves(240, 0, noise=0.5), _waves(240, 0)
    settings = AutoencoderSettings(**{**QUICK, "output": "reconstruction"})
    autoencoder = settings.build(RATE)
    rebuilt = autoencoder.fit_transform(noisy)
    assert rebuilt.shape == noisy.shape
    assert np.mean((rebuilt[192:] - clean[192:]) ** 2) < 0.8 * np.mean((noisy[192:] - clean[192:]) ** 2)
    assert settings.decoded_sfreq(RATE) == RATE
    np.testing.assert_array_equal(autoencoder.inverse_transform(rebuilt), rebuilt)


def test_the_same_seed_gives_the_same_codes_and_torchs_generator_is_left_alone(fitted: Autoencoder) -> None:
    signals = _waves(50, 3)
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    again = clone(fitted).fit(_waves(240, 0))
    np.testing.assert_array_equal(torch.rand(3), expected)
    np.testing.assert_array_equal(again.transform(signals), fitted.transform(signals))
    other = clone(fitted).set_params(seed=1).fit(_waves(240, 0))
    assert not np.array_equal(other.transform(signals), fitted.transform(signals))


def test_it_learns_from_a_memory_map_as_from_memory(fitted: Autoencoder, tmp_path: Path) -> None:
    np.save(tmp_path / "signals.npy", _waves(240, 0))
    mapped = np.load(tmp_path / "signals.npy", mmap_mode="r")
    again = clone(fitted).fit(mapped)
    np.testing.assert_array_equal(again.transform(mapped), fitted.transform(_waves(240, 0)))


def test_every_epoch_is_told(fitted: Autoencoder) -> None:
    told: list[Progress] = []
    again = clone(fitted).fit(_waves(240, 0), monitor=Monitor(told.append, part="autoencoder"))
    assert [one.epoch for one in told] == [epoch["epoch"] for epoch in again.history_]
    assert {one.part for one in told} == {"autoencoder"}


def test_it_stops_when_the_held_out_block_no_longer_gains() -> None:
    signals = np.random.default_rng(0).standard_normal((60, 4, 81)).astype(np.float32)
    training = {"max_epochs": 300, "patience": 2, "learning_rate": 3e-2}
    autoencoder = AutoencoderSettings(**{**QUICK, "training": training}).build(RATE).fit(signals)
    losses = [epoch["valid_loss"] for epoch in autoencoder.history_]
    assert len(losses) < 300
    assert len(losses) - 1 - int(np.argmin(losses)) == 2


def test_dead_signals_give_codes_without_a_value_that_is_none() -> None:
    dead = np.zeros((60, 4, 81), np.float32)
    autoencoder = AutoencoderSettings(**{**QUICK, "training": {"max_epochs": 2}}).build(RATE).fit(dead)
    assert autoencoder.reconstruction_error_ == 0
    assert np.isfinite(autoencoder.transform(dead)).all()


@pytest.mark.parametrize(
    ("signals", "settings", "message"),
    [
        (np.zeros((1, 4, 81), np.float32), {}, "too few for an auto-encoder"),
        (np.zeros((50, 81), np.float32), {}, "give \\(n_trials, n_channels, n_times\\)"),
        (_waves(60, 0), {"training": {"learning_rate": 1e30}}, "diverged"),
    ],
)
def test_what_cannot_be_learned_is_said(signals: np.ndarray, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        AutoencoderSettings(**{**QUICK, **settings}).build(RATE).fit(signals)


def test_another_shape_is_refused(fitted: Autoencoder) -> None:
    with pytest.raises(UserError, match="give a recording of the same headset"):
        fitted.transform(_waves(5, 0)[:, :3])


@pytest.mark.parametrize("output", ["code", "reconstruction"])
@pytest.mark.parametrize("name", ["lda", "riemann", "sparse-cnn"])
def test_every_kind_of_decoder_decodes_what_comes_out_of_it(name: str, output: str, tmp_path: Path) -> None:
    quick = {"sparse-cnn": {"filters": (8, 8), "kernel": 5, "training": {"max_epochs": 15, "learning_rate": 5e-3}}}
    settings = EvaluationSettings(
        decoder=name,
        decoder_settings=quick.get(name, {}),
        autoencoder={**QUICK, "output": output, "training": {"max_epochs": 5}},
    )
    pipeline = settings.pipeline(RATE)
    assert pipeline.decoder.sfreq == (32.0 if output == "code" else 64.0)
    trials = Trials.from_arrays(*_labelled(300, 0), RATE, CHANNELS)
    later = Trials.from_arrays(*_labelled(150, 1), RATE, CHANNELS)
    pipeline.fit(trials)
    probabilities, embedding = pipeline.outputs(later)
    assert np.mean(probabilities.argmax(axis=1) == later.labels) > 0.7
    assert pipeline.decoder.shape_ == ((2, 41) if output == "code" else (4, 81))
    pipeline.save(tmp_path / "decoder.safetensors")
    back = DecodingPipeline.load(tmp_path / "decoder.safetensors")
    assert back.autoencoder is not None
    assert back.autoencoder.reconstruction_error_ == pipeline.autoencoder.reconstruction_error_
    for expected, found in zip((probabilities, embedding), back.outputs(later), strict=True):
        np.testing.assert_array_equal(found, expected)


def test_labels_play_no_part_in_the_code() -> None:
    signals, labels = _labelled(200, 0)
    settings = EvaluationSettings(decoder="lda", autoencoder={**QUICK, "training": {"max_epochs": 2}})
    codes = []
    for shown in (labels, labels[::-1]):
        pipeline = settings.pipeline(RATE).fit(Trials.from_arrays(signals, shown, RATE, CHANNELS))
        codes.append(pipeline.autoencoder.arrays())
    for name, array in codes[0].items():
        np.testing.assert_array_equal(codes[1][name], array, err_msg=name)


def test_a_rate_that_no_whole_step_gives_does_not_lose_the_recordings_own() -> None:
    settings = AutoencoderSettings(**{**QUICK, "rate": 60.0, "training": {"max_epochs": 1}})
    rate = 200.1
    pipeline = DecodingPipeline.build("lda", decoder_settings("lda"), PreprocessingSettings(), settings, rate, 0)
    trials = Trials.from_arrays(*_labelled(60, 0), rate, CHANNELS)
    assert pipeline.fit(trials).outputs(trials)[0].shape == (60, 2)
    assert pipeline.decoder.sfreq == pytest.approx(66.7)
