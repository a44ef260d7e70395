import numpy as np
import pytest

from mindglyph.decoders.separable_noise import SeparableNoise


def _noise(n_trials: int, n_channels: int, n_times: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return trials of a known covariance, and its two factors."""
    rng = np.random.default_rng(seed)
    mixing = rng.standard_normal((n_channels, n_channels))
    spatial = mixing @ mixing.T + np.eye(n_channels)
    lags = np.abs(np.subtract.outer(np.arange(n_times), np.arange(n_times)))
    temporal = 0.8**lags
    white = rng.standard_normal((n_trials, n_channels, n_times))
    trials = np.linalg.cholesky(spatial) @ white @ np.linalg.cholesky(temporal).T
    return trials.astype(np.float32), spatial, temporal


def _whitened(noise: SeparableNoise, trials: np.ndarray) -> np.ndarray:
    return noise.over_channels @ trials @ noise.over_time


def test_whitened_background_is_white_over_channels_and_time() -> None:
    trials, _, _ = _noise(400, 5, 40)
    fresh, _, _ = _noise(400, 5, 40, seed=0)
    noise = SeparableNoise.estimate(trials)
    flat = _whitened(noise, fresh).reshape(len(fresh), -1)
    covariance = flat.T @ flat / len(flat)
    assert np.diag(covariance).mean() == pytest.approx(1, abs=0.05)
    off = covariance - np.diag(np.diag(covariance))
    # Chance alone leaves 1 / sqrt(400) between two numbers that are not correlated.
    assert np.sqrt((off**2).mean()) < 0.06


def test_the_factors_are_those_that_made_the_trials() -> None:
    trials, spatial, temporal = _noise(600, 4, 30)
    noise = SeparableNoise.estimate(trials)
    whole = noise.over_channels @ spatial @ noise.over_channels.T
    np.testing.assert_allclose(whole / whole[0, 0], np.eye(4), atol=0.08)
    whole = noise.over_time.T @ temporal @ noise.over_time
    np.testing.assert_allclose(whole / whole[0, 0], np.eye(30), atol=0.2)


def test_few_trials_of_one_channel_are_drawn_to_a_stationary_background() -> None:
    """Ten trials cannot tell forty variances apart; that they are alike can be told."""
    trials, _, _ = _noise(10, 1, 40)
    fresh, _, _ = _noise(2000, 1, 40, seed=1)
    white = _whitened(SeparableNoise.estimate(trials), fresh)
    variances = white.var(axis=(0, 1))
    sample = trials[:, 0].T @ trials[:, 0] / 10 + 1e-4 * np.eye(40)
    singular = (np.linalg.inv(np.linalg.cholesky(sample)) @ fresh[:, 0].T).var(axis=1)
    assert variances.max() / variances.min() < singular.max() / singular.min() / 10


def test_a_dead_channel_is_not_blown_up() -> None:
    trials, _, _ = _noise(100, 3, 20)
    trials[:, 1] = 0
    noise = SeparableNoise.estimate(trials)
    assert np.isfinite(noise.over_channels).all()
    assert np.isfinite(noise.over_time).all()
    assert np.abs(_whitened(noise, trials)[:, 1]).max() < 1e-6 + np.abs(_whitened(noise, trials)).max()


def test_a_loud_trial_has_a_small_precision() -> None:
    trials, _, _ = _noise(200, 3, 30)
    noise = SeparableNoise.estimate(trials)
    loud = trials.copy()
    loud[7] *= 5
    precision = noise.precision(loud)
    assert np.median(precision) == pytest.approx(1, abs=0.1)
    assert precision[7] == pytest.approx(noise.precision(trials)[7] / 25, rel=1e-3)
