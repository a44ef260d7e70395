import numpy as np
import pytest

from mindglyph.decoders.response_model import Basis, ResponseModel

RATE, N_TIMES, N_CHANNELS, N_CLASSES = 64.0, 64, 4, 3
TIMES = (np.arange(N_TIMES) + 0.5) / RATE
CENTRES = np.arange(0.05, 0.75, 0.03)
TOPOGRAPHIES = np.random.default_rng(5).standard_normal((N_CLASSES, N_CHANNELS, 1))


def _basis(latency: float = 0.03) -> Basis:
    return Basis.of_bumps(TIMES, CENTRES, 0.035, np.linspace(-latency, latency, 7) if latency else np.zeros(1))


def _trials(codes: np.ndarray, size: float, late: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return a response common to all, strong enough to show its latency, and a weak one of each class's own."""
    rng = np.random.default_rng(seed)
    since = TIMES - late[:, None, None]
    common = 3 * np.exp(-0.5 * ((since - 0.25) / 0.04) ** 2)
    own = (
        size * TOPOGRAPHIES[codes] * np.cos(2 * np.pi * 6 * (since - 0.4)) * np.exp(-0.5 * ((since - 0.4) / 0.06) ** 2)
    )
    return (common + own + rng.standard_normal((len(codes), N_CHANNELS, N_TIMES))).astype(np.float32)


def _latencies(n_trials: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.03, 0.03, n_trials)


CODES = np.random.default_rng(1).integers(0, N_CLASSES, 400)
TESTED = np.random.default_rng(2).integers(0, N_CLASSES, 600)


def _accuracy(model: ResponseModel, trials: np.ndarray) -> float:
    return float((model.log_likelihoods(trials).argmax(axis=1) == TESTED).mean())


def test_the_span_holds_the_bumps_of_every_latency() -> None:
    basis = _basis()
    for latency, shifted in zip(np.linspace(-0.03, 0.03, 7), basis.shifted, strict=True):
        bumps = np.exp(-0.5 * ((TIMES[:, None] - CENTRES - latency) / 0.035) ** 2)
        np.testing.assert_allclose(basis.span @ shifted, bumps, atol=2e-3)


def test_knowing_that_responses_may_be_late_decodes_late_ones() -> None:
    learned, tested = _trials(CODES, 0.7, _latencies(400, 3)), _trials(TESTED, 0.7, _latencies(600, 4), seed=9)
    late = _accuracy(ResponseModel(_basis(), 1).fit(learned, CODES, N_CLASSES), tested)
    fixed = _accuracy(ResponseModel(_basis(0), 1).fit(learned, CODES, N_CLASSES), tested)
    assert late > fixed + 0.05


def test_the_latency_of_a_trial_is_found() -> None:
    late = _latencies(400, 3)
    learned = _trials(CODES, 0.5, late)
    model = ResponseModel(_basis(), 1).fit(learned, CODES, N_CLASSES)
    joint = np.concatenate([model._joint(*part) for part in model._parts(learned)])
    of_latency = np.exp(joint - joint.max(axis=(1, 2), keepdims=True)).sum(axis=1)
    found = (of_latency / of_latency.sum(axis=1, keepdims=True)) @ np.linspace(-0.03, 0.03, 7)
    assert np.corrcoef(found, late)[0, 1] > 0.8


def test_responses_that_no_trial_vouches_for_are_believed_to_be_small() -> None:
    """Without a difference between classes the learned prior shrinks their own responses to next to nothing."""
    nothing = _trials(CODES, 0.0, _latencies(400, 3))
    model = ResponseModel(_basis(), 1).fit(nothing, CODES, N_CLASSES)
    fresh = _trials(TESTED, 0.0, _latencies(600, 4), seed=9)
    likelihoods = model.log_likelihoods(fresh)
    apart = likelihoods - likelihoods.mean(axis=1, keepdims=True)
    signal = ResponseModel(_basis(), 1).fit(_trials(CODES, 1.0, _latencies(400, 3)), CODES, N_CLASSES)
    likelihoods = signal.log_likelihoods(_trials(TESTED, 1.0, _latencies(600, 4), seed=9))
    assert apart.std() < 0.2 * (likelihoods - likelihoods.mean(axis=1, keepdims=True)).std()


def test_loud_trials_do_not_decide() -> None:
    learned = _trials(CODES, 1.0, np.zeros(400))
    spoiled = learned.copy()
    spoiled[::10] += 20 * np.random.default_rng(7).standard_normal(spoiled[::10].shape).astype(np.float32)
    tested = _trials(TESTED, 1.0, np.zeros(600), seed=9)
    clean = _accuracy(ResponseModel(_basis(0), 1).fit(learned, CODES, N_CLASSES), tested)
    assert _accuracy(ResponseModel(_basis(0), 1).fit(spoiled, CODES, N_CLASSES), tested) > clean - 0.05


def test_averaging_within_the_model_is_averaging_before_it() -> None:
    fine = np.repeat(_trials(CODES, 1.0, np.zeros(400)), 3, axis=-1)
    fine = np.concatenate([fine, fine[..., :2]], axis=-1)  # what does not fill a bin is left out
    coarse = fine[..., : 3 * N_TIMES].reshape(400, N_CHANNELS, N_TIMES, 3).mean(axis=-1)
    within = ResponseModel(_basis(), 3).fit(fine, CODES, N_CLASSES).log_likelihoods(fine)
    before = ResponseModel(_basis(), 1).fit(coarse, CODES, N_CLASSES).log_likelihoods(coarse)
    np.testing.assert_allclose(within, before, rtol=1e-3, atol=1e-3)


def test_what_was_learned_comes_back() -> None:
    learned = _trials(CODES, 1.0, _latencies(400, 3))
    model = ResponseModel(_basis(), 1).fit(learned, CODES, N_CLASSES)
    back = ResponseModel(_basis(), 1).restore(model.arrays())
    np.testing.assert_array_equal(back.log_likelihoods(learned), model.log_likelihoods(learned))
    np.testing.assert_array_equal(back.projections(learned), model.projections(learned))
    assert back.projections(learned).shape == (400, N_CHANNELS * len(CENTRES))


def test_the_trials_are_read_part_by_part(monkeypatch: pytest.MonkeyPatch) -> None:
    learned = _trials(CODES, 1.0, _latencies(400, 3))
    whole = ResponseModel(_basis(), 1).fit(learned, CODES, N_CLASSES).log_likelihoods(learned)
    monkeypatch.setattr("mindglyph.decoders.response_model._TRIALS_AT_ONCE", 64)
    parts = ResponseModel(_basis(), 1).fit(learned, CODES, N_CLASSES).log_likelihoods(learned)
    np.testing.assert_allclose(parts, whole, rtol=1e-3, atol=1e-2)
