import numpy as np
import pytest

from mindglyph.inspection.spectra import SpectrumMean, mains_db, mains_seen


def _spectrum(sfreq: float, n_times: int, mains: float = 0.0, size: float = 0.0) -> SpectrumMean:
    rng = np.random.default_rng(0)
    signals = np.cumsum(rng.normal(size=(200, 2, n_times)), axis=-1) + 5 * rng.normal(size=(200, 2, n_times))
    phase = rng.uniform(0, 2 * np.pi, (200, 1))
    signals[:, 1] += size * np.sin(2 * np.pi * mains * np.arange(n_times) / sfreq + phase)
    spectrum = SpectrumMean(2, n_times, sfreq)
    spectrum.add(signals, np.ones((200, 2), dtype=bool))
    return spectrum


@pytest.mark.parametrize(("sfreq", "n_times"), [(128.0, 256), (512.0, 880), (250.0, 500), (220.0, 400)])
@pytest.mark.parametrize("mains", [50.0, 60.0])
def test_the_mains_are_found_at_every_headset_s_rate(sfreq: float, n_times: int, mains: float) -> None:
    spectrum = _spectrum(sfreq, n_times, mains, 8.0)
    decibels = mains_db(spectrum.frequencies, spectrum.power)
    quiet, humming = decibels[mains]
    assert quiet < 3
    assert humming > 12
    other = decibels[110 - mains]
    assert other.max() < 3
    assert mains_seen(decibels) == mains


def test_nothing_is_seen_where_there_is_nothing() -> None:
    spectrum = _spectrum(128.0, 256)
    assert mains_seen(mains_db(spectrum.frequencies, spectrum.power)) is None


def test_the_power_is_a_density() -> None:
    rng = np.random.default_rng(0)
    spectrum = SpectrumMean(1, 256, 128.0)
    spectrum.add(rng.normal(0, 3, size=(400, 1, 256)), np.ones((400, 1), dtype=bool))
    assert spectrum.power[0, 1:-1].mean() == pytest.approx(9 / 64, rel=0.05)


def test_trials_that_are_left_out_leave_no_trace() -> None:
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(20, 2, 200))
    usable = np.ones((20, 2), dtype=bool)
    usable[3, 0] = False
    loud = signals.copy()
    loud[3, 0] *= 1000
    powers = []
    for trials in (signals, loud):
        spectrum = SpectrumMean(2, 200, 100.0)
        spectrum.add(trials, usable)
        powers.append(spectrum.power)
    np.testing.assert_array_equal(*powers)


def test_mains_beyond_the_rate_or_the_length_are_not_judged() -> None:
    spectrum = _spectrum(100.0, 200)
    assert mains_db(spectrum.frequencies, spectrum.power) == {50.0: None, 60.0: None}
    spectrum = _spectrum(512.0, 100)
    assert mains_db(spectrum.frequencies, spectrum.power) == {50.0: None, 60.0: None}
    dead = mains_db(np.arange(100.0), np.zeros((1, 100)))[50.0]
    assert dead is not None
    assert np.isnan(dead).all()
