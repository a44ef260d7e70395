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
    found = logsumexp(observer._joint(products, amplitude, pictures), axis=0)
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


def test_the_best_guess_of_a_picture_is_its_mean_given_the_trial(brain: Brain, coefficients: np.ndarray) -> None:
    # Pictures that are their coefficients, so that the mean can be taken by weighing draws from the prior.
    observer = _observer(brain, coefficients)
    amplitude, size = 0.4, 0.1
    rng = np.random.default_rng(3)
    labels, latencies = np.array([0, 2]), np.array([4, 4])
    products = observer._products(labels, latencies, (amplitude, size * coefficients[:2]), rng)
    expected = np.zeros((len(LATENCIES), 2, N_CLASSES, PICTURE_COMPONENTS))
    observer._joint(products, amplitude, size, expected)
    draws = rng.standard_normal((200_000, PICTURE_COMPONENTS))
    gram = observer._gram[4, :, 4]
    for trial, label in enumerate(labels):
        weights = np.zeros((len(draws), len(gram)))
        weights[:, 0], weights[:, 1 + label], weights[:, 1 + N_CLASSES :] = EVOKED_SHARE, amplitude, size * draws
        fit = weights @ products[trial, 4] - np.einsum("ng,gh,nh->n", weights, gram, weights) / 2
        likelihood = np.exp(fit - fit.max())
        by_draws = likelihood @ draws / likelihood.sum()
        np.testing.assert_allclose(expected[4, trial, label], by_draws, atol=0.05)


def test_what_is_known_of_the_picture_shows_in_its_best_guess() -> None:
    digits = load_digits("train")
    headset = Headset("XX", "small", ("AF3", "O1", "O2", "PZ"), 64.0, 60, 0.0, 1.0, 1.0, 0)
    person = Brain.draw(headset, 10, np.random.default_rng(0))
    observer = IdealObserver(person, 60, picture_coefficients(digits.images, digits.labels), np.random.default_rng(1))

    def found(picture_signal: float) -> tuple[float, float]:
        ceiling = observer.solve(0.8, picture_signal)
        return observer.picture_correlations(ceiling, digits.images, digits.labels, np.random.default_rng(2))

    both, label_only = found(0.0)
    assert both == label_only
    assert 0.5 < label_only < 0.75
    both, label_only = found(0.5)
    assert both > label_only + 0.03
