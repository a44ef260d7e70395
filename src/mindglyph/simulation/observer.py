"""The ideal observer: the best that any decoder can do on a simulated recording.

It knows the templates, the covariance of the background and every nuisance, and sums over
the latencies. The shown picture's own response it takes to be Gaussian: as long as that is
small beside the digit's, no decoder gains by knowing the pictures better.

What it sees of a trial is only the trial's products with the whitened templates, which are a
sufficient statistic: so its accuracy is found by drawing those products, a few hundred numbers
a trial, in place of whole trials.

References
----------
Geisler (2011), "Contributions of ideal observer theory to vision research",
https://doi.org/10.1016/j.visres.2010.09.027.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh, solve_triangular
from scipy.optimize import brentq
from scipy.special import logsumexp, ndtri, softmax
from scipy.stats import rankdata

from mindglyph.errors import UserError
from mindglyph.simulation.brain import EVOKED_SHARE, LATENCIES, PICTURE_COMPONENTS, Brain

_SOLVING_DRAWS = 4000
_FINAL_DRAWS = 20000
_PICTURE_DRAWS = 4000


@dataclass(frozen=True)
class Ceiling:
    """How much signal was planted and what it allows.

    Attributes
    ----------
    amplitude : float
        Size of the digits' own responses, in standard deviations of the background.
    picture_amplitude : float
        Size of each picture component's response, likewise.
    accuracy : float
        Accuracy of the ideal observer.
    standard_error : float
        Of that accuracy, by the number of draws.
    picture_correlation : float or None
        Mean pixel correlation of the picture shown with the best guess of it, the mean of what
        the trial leaves possible; None where no signal is planted.
    picture_correlation_label_only : float or None
        The same of a guess that knows what the trial says of the digit, and nothing else.
    """

    amplitude: float
    picture_amplitude: float
    accuracy: float
    standard_error: float
    picture_correlation: float | None = None
    picture_correlation_label_only: float | None = None


class IdealObserver:
    """Computes the ceiling of a simulated person's recordings.

    Parameters
    ----------
    brain : Brain
        The person.
    n_times : int
        Samples of a trial that a decoder may see.
    coefficients : ndarray, shape (n_pictures, PICTURE_COMPONENTS)
        Components of the pictures that may be shown, of mean 0 and covariance 1 within
        each digit; the observer takes them to be Gaussian.
    rng : Generator
        For the draws.
    """

    def __init__(self, brain: Brain, n_times: int, coefficients: np.ndarray, rng: np.random.Generator) -> None:
        self._n_classes = len(brain.digits)
        groups = [brain.evoked, *brain.digits, *brain.pictures]
        spatial = np.linalg.cholesky(brain.spatial)
        temporal = np.linalg.cholesky(brain.temporal_covariance(n_times))
        bank = []
        for latency in LATENCIES:
            patterns = brain.patterns(groups, n_times, latency)
            over_space = np.linalg.solve(spatial, patterns)
            whitened = solve_triangular(temporal, over_space.transpose(2, 0, 1).reshape(n_times, -1), lower=True)
            bank.append(whitened.reshape(n_times, len(groups), -1).transpose(1, 0, 2).reshape(len(groups), -1))
        # Products of all templates at all latencies with one another: (latency, group, latency, group).
        flat = np.concatenate(bank)
        products = flat @ flat.T
        self._gram = products.reshape(len(LATENCIES), len(groups), len(LATENCIES), len(groups))
        values, vectors = np.linalg.eigh(products)
        self._noise_shape = vectors * np.sqrt(values.clip(0))
        self._coefficients = coefficients
        self._rng = rng

    def solve(self, ceiling: float, picture_signal: float) -> Ceiling:
        """Find the amplitudes that give a wanted ceiling.

        Parameters
        ----------
        ceiling : float
            Accuracy of the ideal observer; the chance level or less plants no signal.
        picture_signal : float
            Share of the variance of the picture's components that the ideal observer
            recovers when it knows digit and latency: 0 plants none.

        Returns
        -------
        Ceiling
            The amplitudes, and the accuracy by fresh draws.

        Raises
        ------
        UserError
            If the ceiling is out of reach.
        """
        picture_amplitude = self._picture_amplitude(picture_signal)
        amplitude = 0.0
        if ceiling > 1 / self._n_classes + 1e-9:
            amplitude = self._amplitude(ceiling, picture_amplitude)
        if not amplitude:
            # Known without any draws: nothing tells the digits apart.
            return Ceiling(0.0, picture_amplitude, 1 / self._n_classes, 0.0)
        accuracy = self.accuracy(amplitude, picture_amplitude, _FINAL_DRAWS, self._rng)
        error = np.sqrt(accuracy * (1 - accuracy) / _FINAL_DRAWS)
        return Ceiling(amplitude, picture_amplitude, accuracy, float(error))

    def _amplitude(self, ceiling: float, picture_amplitude: float) -> float:
        seed = int(self._rng.integers(1 << 31))

        def miss(log_amplitude: float) -> float:
            # The same draws at every amplitude make the accuracy a smooth rising function of it.
            rng = np.random.default_rng(seed)
            return self.accuracy(np.exp(log_amplitude), picture_amplitude, _SOLVING_DRAWS, rng) - ceiling

        low, high = np.log(1e-3), np.log(30.0)
        if miss(low) >= 0:
            return float(np.exp(low))
        if miss(high) < 0:
            raise UserError(f"a ceiling of {ceiling:g} is out of reach with this headset: ask for less")
        return float(np.exp(brentq(miss, low, high, xtol=1e-3)))

    def _picture_amplitude(self, share: float) -> float:
        if share <= 0:
            return 0.0
        pictures = slice(1 + self._n_classes, None)
        middle = len(LATENCIES) // 2
        eigenvalues = np.linalg.eigvalsh(self._gram[middle, pictures, middle, pictures])

        def miss(log_amplitude: float) -> float:
            gain = np.exp(2 * log_amplitude) * eigenvalues
            return float(np.mean(gain / (1 + gain))) - share

        return float(np.exp(brentq(miss, np.log(1e-6), np.log(1e4))))

    def accuracy(self, amplitude: float, picture_amplitude: float, n_draws: int, rng: np.random.Generator) -> float:
        """Return the share of drawn trials whose digit the ideal observer names.

        Parameters
        ----------
        amplitude, picture_amplitude : float
            Sizes of the planted responses, in standard deviations of the background.
        n_draws : int
            Number of trials.
        rng : Generator
            For the draws.

        Returns
        -------
        float
            Between 0 and 1.
        """
        labels = rng.integers(self._n_classes, size=n_draws)
        latencies = rng.integers(len(LATENCIES), size=n_draws)
        coefficients = self._coefficients[rng.integers(len(self._coefficients), size=n_draws)]
        products = self._products(labels, latencies, (amplitude, picture_amplitude * coefficients), rng)
        posterior = logsumexp(self._joint(products, amplitude, picture_amplitude), axis=0)
        return float(np.mean(posterior.argmax(axis=1) == labels))

    def picture_correlations(
        self, ceiling: Ceiling, images: np.ndarray, labels: np.ndarray, rng: np.random.Generator
    ) -> tuple[float, float]:
        """Return how like the picture shown the best guess of it is.

        Parameters
        ----------
        ceiling : Ceiling
            The amplitudes.
        images : ndarray, shape (n_pictures, 28, 28)
            Those whose coefficients the observer was given.
        labels : ndarray, shape (n_pictures,)
            Their digits.
        rng : Generator
            For the draws.

        Returns
        -------
        correlation, label_only : float
            Mean pixel correlation, of the posterior mean of the picture, and of that of the digits'
            mean pictures.
        """
        flat = np.asarray(images, dtype=np.float64).reshape(len(images), -1) / 255
        means = np.stack([flat[labels == digit].mean(axis=0) for digit in range(self._n_classes)])
        # What a picture is beyond its digit's mean, as far as its coefficients tell: of one shape for all digits,
        # as the coefficients are.
        shapes, *_ = np.linalg.lstsq(self._coefficients, flat - means[labels], rcond=None)
        shown = rng.integers(len(flat), size=_PICTURE_DRAWS)
        latencies = rng.integers(len(LATENCIES), size=_PICTURE_DRAWS)
        sizes = ceiling.amplitude, ceiling.picture_amplitude * self._coefficients[shown]
        products = self._products(labels[shown], latencies, sizes, rng)
        expected = np.zeros((len(LATENCIES), _PICTURE_DRAWS, self._n_classes, PICTURE_COMPONENTS))
        joint = self._joint(products, ceiling.amplitude, ceiling.picture_amplitude, expected)
        shares = softmax(joint.transpose(1, 0, 2).reshape(_PICTURE_DRAWS, -1), axis=1)
        shares = shares.reshape(_PICTURE_DRAWS, len(LATENCIES), -1)
        believed = shares.sum(axis=1) @ means
        beyond = np.einsum("nlk,lnkc->nc", shares, expected, optimize=True)
        return (
            float(_correlations(believed + beyond @ shapes, flat[shown]).mean()),
            float(_correlations(believed, flat[shown]).mean()),
        )

    def _products(
        self, labels: np.ndarray, latencies: np.ndarray, sizes: tuple[float, np.ndarray], rng: np.random.Generator
    ) -> np.ndarray:
        """Draw the products of trials with all templates: (n_draws, n_latencies, n_groups)."""
        n_latencies, n_groups = self._gram.shape[:2]
        weights = np.zeros((len(labels), n_groups))
        weights[:, 0] = EVOKED_SHARE
        weights[np.arange(len(labels)), 1 + labels], weights[:, 1 + self._n_classes :] = sizes
        # The noise of the products has the products of the templates as its covariance.
        products = rng.standard_normal((len(weights), n_latencies * n_groups)) @ self._noise_shape.T
        for latency in range(n_latencies):
            chosen = latencies == latency
            products[chosen] += weights[chosen] @ self._gram[latency].reshape(n_groups, -1)
        return products.reshape(len(weights), n_latencies, n_groups)

    def _joint(
        self,
        products: np.ndarray,
        amplitude: float,
        picture_amplitude: float,
        expected: np.ndarray | None = None,
    ) -> np.ndarray:
        """Return log p(trial | digit, latency), (n_latencies, n_draws, n_classes), up to a constant of the trial.

        The mean of the picture's coefficients, given trial, latency and digit, is written into
        `expected`, (n_latencies, n_draws, n_classes, PICTURE_COMPONENTS), where one is given.
        """
        n_classes = self._n_classes
        total = np.empty((len(LATENCIES), len(products), n_classes))
        means = np.concatenate([np.full((n_classes, 1), EVOKED_SHARE), amplitude * np.eye(n_classes)], axis=1)
        known = slice(0, 1 + n_classes)
        pictures = slice(1 + n_classes, None)
        for latency in range(len(LATENCIES)):
            gram = self._gram[latency, :, latency]
            energy = np.einsum("cg,gh,ch->c", means, gram[known, known], means)
            total[latency] = products[:, latency, known] @ means.T - energy / 2
            if not picture_amplitude:
                continue
            # The picture is unknown: its components are integrated out (Woodbury's identity).
            spread = np.eye(PICTURE_COMPONENTS) + picture_amplitude**2 * gram[pictures, pictures]
            factor = cho_factor(spread)
            without = means @ gram[known, pictures]
            rest = picture_amplitude * (products[:, latency, None, pictures] - without)
            solved = cho_solve(factor, rest.reshape(-1, PICTURE_COMPONENTS).T).T.reshape(rest.shape)
            total[latency] += (rest * solved).sum(axis=2) / 2 - np.log(np.diag(factor[0])).sum()
            if expected is not None:
                expected[latency] = solved
        return total


def _correlations(guessed: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return the Pearson correlation of each row with that of the other."""
    one, other = (rows - rows.mean(axis=1, keepdims=True) for rows in (guessed, shown))
    return (one * other).sum(axis=1) / (np.linalg.norm(one, axis=1) * np.linalg.norm(other, axis=1))


def picture_coefficients(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return what is peculiar to each picture beside its digit.

    Parameters
    ----------
    images : ndarray, shape (n_images, 28, 28)
        Grey values.
    labels : ndarray, shape (n_images,)
        Digits.

    Returns
    -------
    ndarray, shape (n_images, PICTURE_COMPONENTS)
        Principal components of the picture less its digit's mean picture, whitened and made
        normal within each digit: so they say which 7 it was and, up to what higher moments
        they share with one another, not that it was a 7.
    """
    flat = np.asarray(images, dtype=np.float64).reshape(len(images), -1) / 255
    for label in np.unique(labels):
        flat[labels == label] -= flat[labels == label].mean(axis=0)
    n_pixels = flat.shape[1]
    _, vectors = eigh(flat.T @ flat, subset_by_index=[n_pixels - PICTURE_COMPONENTS, n_pixels - 1])
    scores = flat @ vectors[:, ::-1]
    for label in np.unique(labels):
        scores[labels == label] = _gaussianised(scores[labels == label])
    return scores


def _gaussianised(scores: np.ndarray, rounds: int = 10) -> np.ndarray:
    """Return scores of covariance 1 whose skewness and tails, too, tell nothing of where they come from.

    Whitening and normal scores by turns (after Laparra et al. 2011,
    https://doi.org/10.1109/TNN.2011.2106511). The whitening is the symmetric one, so that an
    axis means the same in every digit.
    """
    for _ in range(rounds):
        scores = ndtri((rankdata(_whitened(scores), axis=0) - 0.5) / len(scores))
    return _whitened(scores)


def _whitened(scores: np.ndarray) -> np.ndarray:
    scores = scores - scores.mean(axis=0)
    variances, axes = np.linalg.eigh(scores.T @ scores / len(scores))
    return scores @ (axes / np.sqrt(variances)) @ axes.T
