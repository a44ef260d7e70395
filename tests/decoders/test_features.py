from pathlib import Path

import numpy as np
import pytest

from mindglyph.decoders.features import BANDS, band_powers, channel_statistics


def test_means_then_standard_deviations(tmp_path: Path) -> None:
    signals = np.random.default_rng(0).normal(3, 2, size=(2100, 3, 50)).astype(np.float32)
    np.save(tmp_path / "signals.npy", signals)
    found = channel_statistics(np.load(tmp_path / "signals.npy", mmap_mode="r"))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:, :3], signals.mean(axis=2), rtol=1e-5)
    np.testing.assert_allclose(found[:, 3:], signals.std(axis=2), rtol=1e-5)


@pytest.mark.parametrize(("frequency", "band"), [(2, "delta"), (6, "theta"), (10, "alpha"), (20, "beta")])
def test_a_wave_shows_in_its_band_and_channel(frequency: float, band: str) -> None:
    rng = np.random.default_rng(0)
    signals = 0.01 * rng.normal(size=(4, 2, 256))
    signals[:, 1] += np.sin(2 * np.pi * frequency * np.arange(256) / 128)
    powers = band_powers(signals, 128.0).reshape(4, len(BANDS), 2)
    assert (powers[:, :, 1].argmax(axis=1) == list(BANDS).index(band)).all()
    assert (powers[:, list(BANDS).index(band), 1] > powers[:, :, 0].max() + 4).all()


def test_a_dead_channel_and_a_short_trial_give_numbers() -> None:
    assert np.isfinite(band_powers(np.zeros((2, 3, 256)), 128.0)).all()
    short = band_powers(np.ones((2, 3, 16)), 128.0)
    assert short.shape == (2, 3 * 2)
    assert np.isfinite(short).all()


def test_no_trials_give_no_rows() -> None:
    assert channel_statistics(np.zeros((0, 3, 50), dtype=np.float32)).shape == (0, 6)
