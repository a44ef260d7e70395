from pathlib import Path

import numpy as np
import pytest
from scipy.signal import butter, filtfilt, iirnotch, sosfiltfilt

from mindglyph.errors import UserError
from mindglyph.preprocessing import (
    BandPass,
    OffsetRemoval,
    PreprocessingSettings,
    RobustChannelScaler,
    fit_in_parts,
    parts_of,
    scaling_places,
    transform_in_parts,
)

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


@pytest.mark.parametrize("n_times", [64, 256, 881, 1025])
@pytest.mark.parametrize(("lowpass", "mains"), [(30.0, None), (30.0, 50.0), (100.0, None)])
def test_the_filter_is_scipys_within_the_rounding_of_float32(n_times: int, lowpass: float, mains: float | None) -> None:
    rng = np.random.default_rng(0)
    signals = OffsetRemoval().transform(4200 + np.cumsum(rng.normal(size=(30, 2, n_times)), axis=-1))
    if lowpass < RATE / 2:
        sections = butter(2, [0.5, lowpass], "bandpass", fs=RATE, output="sos")
    else:
        sections = butter(2, 0.5, "highpass", fs=RATE, output="sos")
    expected = sosfiltfilt(sections, signals.astype(np.float64), axis=-1)
    if mains is not None:
        expected = filtfilt(*iirnotch(mains, 30, RATE), expected, axis=-1)
    found = BandPass(RATE, 0.5, lowpass, mains=mains).transform(signals)
    assert found.dtype == np.float32
    # Of a sum of n_times products, each rounded to 24 bits.
    tolerance = 2**-24 * np.sqrt(n_times) * np.abs(signals).max()
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)


def test_signals_of_any_layout_are_filtered_alike() -> None:
    signals = np.random.default_rng(0).normal(size=(256, 3, 20)).astype(np.float32).T.swapaxes(0, 1)
    expected = BandPass(RATE, 0.5, 30.0).transform(np.ascontiguousarray(signals))
    np.testing.assert_array_equal(BandPass(RATE, 0.5, 30.0).transform(signals), expected)


def test_scaling_looks_at_all_of_few_trials_and_at_thousands_of_many() -> None:
    np.testing.assert_array_equal(scaling_places((4000, 14, 256)), np.arange(4000))
    places = scaling_places((418_000, 14, 256))
    assert 4000 <= len(places) <= 5000
    assert places[0] == 0
    assert places[-1] == 417_999
    assert np.diff(places).max() - np.diff(places).min() <= 1
    # A thousand trials of 128 channels hold a quarter of a gigabyte.
    assert len(scaling_places((100_000, 128, 500))) == 1048


def test_parts_give_what_the_whole_gives(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    signals = 4200 + 20 * rng.normal(size=(1500, 14, 256)).astype(np.float32)
    np.save(tmp_path / "signals.npy", signals)
    mapped = np.load(tmp_path / "signals.npy", mmap_mode="r")
    expected = PreprocessingSettings().build(RATE).fit_transform(signals)
    steps = PreprocessingSettings().build(RATE)
    fit_in_parts(steps, mapped)
    found = np.empty_like(signals)
    transform_in_parts(steps, mapped, found)
    assert len(list(parts_of(signals.shape))) == 2
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_parts_cover_all_trials_once() -> None:
    for n_trials in (0, 1, 256, 5000):
        parts = list(parts_of((n_trials, 14, 256)))
        np.testing.assert_array_equal(np.concatenate([np.arange(n_trials)[part] for part in parts]), range(n_trials))
