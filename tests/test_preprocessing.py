import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.preprocessing import BandPass, OffsetRemoval, PreprocessingSettings, RobustChannelScaler

RATE = 128.0
TIMES = np.arange(512) / RATE


def _wave(frequency: float) -> np.ndarray:
    return np.sin(2 * np.pi * frequency * TIMES)[None, None].astype(np.float32)


def _power(signal: np.ndarray) -> float:
    return float(np.mean(signal[..., 128:-128] ** 2))


def test_the_offset_goes_whatever_its_size() -> None:
    signals = np.random.default_rng(0).normal(size=(5, 3, 100)) + np.array([4200.0, -7.0, 0.0])[:, None]
    np.testing.assert_allclose(np.median(OffsetRemoval().transform(signals), axis=-1), 0, atol=1e-3)


@pytest.mark.parametrize(("frequency", "kept"), [(0.1, 0.0), (5.0, 1.0), (10.0, 1.0), (60.0, 0.0)])
def test_the_band_is_kept_and_the_rest_is_not(frequency: float, kept: float) -> None:
    wave = _wave(frequency)
    filtered = BandPass(RATE, 0.5, 30.0).transform(wave)
    assert _power(filtered) / _power(wave) == pytest.approx(kept, abs=0.06)


def test_the_filter_shifts_nothing_in_time() -> None:
    wave = _wave(8.0)
    filtered = BandPass(RATE, 0.5, 30.0).transform(wave)
    shifts = np.arange(-5, 6)
    likeness = [np.sum(wave[..., 64:-64] * np.roll(filtered, shift, axis=-1)[..., 64:-64]) for shift in shifts]
    assert shifts[int(np.argmax(likeness))] == 0


def test_the_mains_are_notched_out() -> None:
    wave = _wave(50.0) + _wave(10.0)
    filtered = BandPass(RATE, 0.5, 63.0, mains=50.0).transform(wave)
    assert _power(filtered) == pytest.approx(_power(_wave(10.0)), rel=0.05)


def test_a_low_pass_above_half_the_rate_is_left_out() -> None:
    wave = _wave(20.0)
    assert _power(BandPass(RATE, 0.5, 100.0).transform(wave)) == pytest.approx(_power(wave), rel=0.05)


def test_what_cannot_be_filtered_is_said() -> None:
    with pytest.raises(UserError, match="too short"):
        BandPass(RATE, 0.5, 30.0).transform(np.zeros((2, 1, 10)))
    with pytest.raises(UserError, match="above half the rate"):
        BandPass(RATE, 70.0, 80.0).transform(np.zeros((2, 1, 500)))


def test_scaling_is_learned_from_the_training_trials_alone() -> None:
    rng = np.random.default_rng(0)
    train = rng.normal(size=(200, 2, 50)) * np.array([10.0, 0.1])[:, None]
    scaler = RobustChannelScaler().fit(train)
    np.testing.assert_allclose(scaler.transform(train).std(axis=(0, 2)), 1, rtol=0.05)
    np.testing.assert_allclose(scaler.transform(3 * train).std(axis=(0, 2)), 3, rtol=0.05)


def test_artifacts_neither_set_the_scale_nor_pass_it() -> None:
    train = np.random.default_rng(0).normal(size=(200, 1, 50))
    train[:3] = 1e6
    scaler = RobustChannelScaler(clip=8.0).fit(train)
    assert scaler.scale_[0] == pytest.approx(1, rel=0.05)
    assert scaler.transform(train).max() == 8.0


def test_a_dead_channel_stays_at_zero() -> None:
    dead = np.zeros((10, 1, 50))
    assert np.all(RobustChannelScaler().fit(dead).transform(dead) == 0)


def test_the_settings_build_the_whole_and_refuse_a_crossed_band() -> None:
    signals = 4200 + np.random.default_rng(0).normal(size=(20, 2, 256))
    transformed = PreprocessingSettings().build(RATE).fit_transform(signals)
    assert transformed.shape == signals.shape
    assert transformed.dtype == np.float32
    with pytest.raises(ValueError, match="highpass lies above lowpass"):
        PreprocessingSettings(highpass=40, lowpass=30)
