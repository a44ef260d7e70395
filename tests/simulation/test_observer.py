import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal

from mindglyph.errors import UserError
from mindglyph.headsets import Headset
from mindglyph.images.sets import load_digits
from mindglyph.simulation.brain import EVOKED_SHARE, LATENCIES, PICTURE_COMPONENTS, Brain
from mindglyph.simulation.observer import IdealObserver, picture_coefficients

SMALL = Headset("XX", "small", ("AF3", "O1"), 64.0, 40, 0.0, 1.0, 1.0, 0)
N_TIMES = 40
N_CLASSES = 3


@pytest.fixture(scope="module")
def brain() -> Brain:
    return Brain.draw(SMALL, N_CLASSES, np.random.default_rng(0))


@pytest.fixture(scope="module")
def coefficients() -> np.ndarray:
    return np.random.default_rng(1).standard_normal((500, PICTURE_COMPONENTS))


def _observer(brain: Brain, coefficients: np.ndarray, seed: int = 0) -> IdealObserver:
    return IdealObserver(brain, N_TIMES, coefficients, np.random.default_rng(seed))


def _templates(brain: Brain) -> np.ndarray:
    groups = [brain.evoked, *brain.digits, *brain.pictures]
    patterns = np.stack([brain.patterns(groups, N_TIMES, latency) for latency in LATENCIES])
    return patterns.reshape(len(LATENCIES), len(groups), -1)


def _trials(
    brain: Brain, amplitude: float, pictures: float, n: int, coefficients: np.ndarray
) -> tuple[np.ndarray, ...]:
    """Draw whole trials: signals (n, channels × times), labels."""
    rng = np.random.default_rng(2)
    templates = _templates(brain)
    labels, latencies = rng.integers(N_CLASSES, size=n), rng.integers(len(LATENCIES), size=n)
    weights = np.zeros((n, templates.shape[1]))
    weights[:, 0] = EVOKED_SHARE
    weights[np.arange(n), 1 + labels] = amplitude
    weights[:, 1 + N_CLASSES :] = pictures * coefficients[rng.integers(len(coefficients), size=n)]
    covariance = np.kron(brain.spatial, brain.temporal_covariance(N_TIMES))
    noise = rng.standard_normal((n, len(covariance))) @ np.linalg.cholesky(covariance).T
    return np.einsum("ng,ngd->nd", weights, templates[latencies]) + noise, labels


def _by_brute_force(brain: Brain, signals: np.ndarray, amplitude: float, pictures: float) -> np.ndarray:
    """Return log p(trial | digit) from the full covariance of whole trials."""
    templates = _templates(brain)
    covariance = np.kron(brain.spatial, brain.temporal_covariance(N_TIMES))
    result = np.empty((len(LATENCIES), len(signals), N_CLASSES))
    for latency, bank in enumerate(templates):
        mixing = pictures * bank[1 + N_CLASSES :].T
        for label in range(N_CLASSES):
            mean = EVOKED_SHARE * bank[0] + amplitude * bank[1 + label]
            density = multivariate_normal(mean, covariance + mixing @ mixing.T)
            result[latency, :, label] = density.logpdf(signals)
    return logsumexp(result, axis=0)


@pytest.mark.parametrize(("amplitude", "pictures"), [(0.3, 0.0), (0.4, 0.5)])
def test_the_observer_agrees_with_brute_force(
    brain: Brain, coefficients: np.ndarray, amplitude: float, pictures: float
) -> None:
    signals, labels = _trials(brain, amplitude, pictures, 1500, coefficients)
    expected = _by_brute_force(brain, signals, amplitude, pictures)
    whitening = np.linalg.inv(np.kron(brain.spatial, brain.temporal_covariance(N_TIMES)))
    products = np.einsum("nd,de,lge->nlg", signals, whitening, _templates(brain), optimize=True)
    observer = _observer(brain, coefficients)
    found = observer._log_likelihood(products, amplitude, pictures)
    # Up to a constant of the trial.
    difference = found - expected
    np.testing.assert_allclose(difference - difference[:, :1], 0, atol=1e-6)
    # The accuracy on whole trials is the one that the products alone give.
    on_trials = np.mean(expected.argmax(axis=1) == labels)
    on_products = observer.accuracy(amplitude, pictures, 20_000, np.random.default_rng(5))
    assert on_trials == pytest.approx(on_products, abs=4 * np.sqrt(0.25 / 1500))
    assert on_products > 0.4


def test_the_ceiling_is_met(brain: Brain, coefficients: np.ndarray) -> None:
    for wanted in (0.5, 0.8):
        ceiling = _observer(brain, coefficients).solve(wanted, 0.3)
        assert ceiling.accuracy == pytest.approx(wanted, abs=0.03)
        assert ceiling.picture_amplitude > 0


def test_no_signal_leaves_chance(brain: Brain, coefficients: np.ndarray) -> None:
    ceiling = _observer(brain, coefficients).solve(1 / N_CLASSES, 0.0)
    assert ceiling.amplitude == ceiling.picture_amplitude == 0
    assert ceiling.accuracy == 1 / N_CLASSES
    drawn = _observer(brain, coefficients).accuracy(0.0, 0.0, 5000, np.random.default_rng(0))
    assert drawn == pytest.approx(1 / N_CLASSES, abs=4 * np.sqrt(0.25 / 5000))


def test_a_ceiling_out_of_reach_is_said(brain: Brain, coefficients: np.ndarray) -> None:
    with pytest.raises(UserError, match="out of reach"):
        _observer(brain, coefficients)._amplitude(1.1, 0.0)


def test_coefficients_say_which_picture_and_never_which_digit() -> None:
    digits = load_digits("train")
    coefficients = picture_coefficients(digits.images, digits.labels)
    for digit in range(10):
        own = coefficients[digits.labels == digit]
        np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-8)
        np.testing.assert_allclose(np.cov(own.T, bias=True), np.eye(PICTURE_COMPONENTS), atol=1e-8)
        np.testing.assert_allclose((own**3).mean(axis=0), 0, atol=0.2)
        np.testing.assert_allclose((own**4).mean(axis=0), 3, atol=0.4)
