"""A Bayesian model of evoked responses: what is known of them beforehand, built in.

A trial is the response of its class, late or early by an unknown few milliseconds, in a
background that is separable over channels and time and louder in some trials than in others.
A response is the part common to all classes plus the class's own; both are smooth waves. The
own parts are drawn from a Gaussian whose covariance (over channels, and along time) is learned
with them, so that a class seen in few trials is not believed to have a response that its trials
do not vouch for.

References
----------
MacKay (1992), "Bayesian interpolation", https://doi.org/10.1162/neco.1992.4.3.415;
Woody (1967), on responses of variable latency, https://doi.org/10.1007/BF02474247;
Lange et al. (1989), on weighing trials by their own variance,
https://doi.org/10.1080/01621459.1989.10478852.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, softmax

from mindglyph.decoders.averaging import averaged
from mindglyph.decoders.separable_noise import SeparableNoise

_TRIALS_FOR_NOISE = 4000
_TRIALS_AT_ONCE = 2000
_ROUNDS = 2  # of estimating the background from what the responses leave
_ITERATIONS = 12  # of expectation and maximization in each
_FIRST_SIZE = 1e-2  # of the classes' own responses, in whitened units squared
_COMMON_SIZE = 10.0  # of the response common to all, likewise: so large that it hardly matters


@dataclass(frozen=True)
class Basis:
    """Smooth bumps that responses are made of, at each latency.

    Attributes
    ----------
    span : ndarray, shape (n_times, n_span)
        Orthonormal; holds the bumps of all latencies.
    shifted : ndarray, shape (n_latencies, n_span, n_bumps)
        The bumps at each latency, in terms of `span`.
    """

    span: np.ndarray
    shifted: np.ndarray

    @classmethod
    def of_bumps(cls, times: np.ndarray, centres: np.ndarray, width: float, latencies: np.ndarray) -> Basis:
        """Make Gaussian bumps of `width` s around `centres` (s), late by each of `latencies` (s).

        Parameters
        ----------
        times : ndarray, shape (n_times,)
            Of the samples, in s after the picture.
        centres : ndarray, shape (n_bumps,)
            Of the bumps, in s after the picture.
        width : float
            Standard deviation of a bump in s.
        latencies : ndarray, shape (n_latencies,)
            By which the response may be late, in s.

        Returns
        -------
        Basis
            One set of bumps a latency.
        """
        late = times[:, None, None] - centres - latencies[:, None]
        bumps = np.exp(-0.5 * (late / width) ** 2)
        left, sizes, _ = np.linalg.svd(bumps.reshape(len(times), -1), full_matrices=False)
        span = left[:, sizes > 1e-4 * sizes[0]]
        return cls(span, np.einsum("ts,tlb->lsb", span, bumps))


@dataclass(frozen=True)
class _Prior:
    """Covariance of the classes' own responses: over whitened channels, and of each bump."""

    over_channels: np.ndarray
    bumps: np.ndarray


class ResponseModel:
    """Learns responses and background from trials, and gives the likelihood of each class.

    Parameters
    ----------
    basis : Basis
        Of the trials' sampling after averaging.
    step : int
        Samples that are averaged.

    Attributes
    ----------
    spatial_ : ndarray, shape (n_channels, n_channels)
        Whitening over channels.
    temporal_ : ndarray, shape (n_times, n_times)
        Whitening over time, from the right.
    responses_ : ndarray, shape (n_classes, n_channels, n_bumps)
        In whitened channels.
    log_latencies_ : ndarray, shape (n_latencies,)
        Logarithm of how often each latency occurs.
    """

    def __init__(self, basis: Basis, step: int) -> None:
        self._basis = basis
        self._step = step

    def fit(self, trials: np.ndarray, codes: np.ndarray, n_classes: int) -> ResponseModel:
        """Learn from trials (n_trials, n_channels, n_times) of the classes `codes` (n_trials,).

        The trials, possibly memory-mapped, are read part by part.

        Parameters
        ----------
        trials : ndarray, shape (n_trials, n_channels, n_times)
            Signals.
        codes : ndarray, shape (n_trials,)
            Place of each trial's class.
        n_classes : int
            Labels to tell apart.

        Returns
        -------
        ResponseModel
            Itself.
        """
        n_channels = trials.shape[1]
        n_latencies, _, n_bumps = self._basis.shifted.shape
        few = np.unique(np.linspace(0, len(trials) - 1, min(len(trials), _TRIALS_FOR_NOISE)).astype(int))
        for_noise, codes_of_few = averaged(np.asarray(trials[few], dtype=np.float32), self._step), codes[few]
        background = for_noise.copy()
        for code in np.unique(codes_of_few):
            background[codes_of_few == code] -= background[codes_of_few == code].mean(axis=0)
        prior = _Prior(_FIRST_SIZE * np.eye(n_channels), np.ones(n_bumps))
        common, own = np.zeros((n_channels, n_bumps)), np.zeros((n_classes, n_channels, n_bumps))
        self.log_latencies_ = np.full(n_latencies, -np.log(n_latencies))
        posterior = np.full((len(trials), n_latencies), 1 / n_latencies)
        weights = np.ones(len(trials))
        # One array for both rounds: of a store larger than memory this is what takes most.
        statistics = np.empty((len(trials), n_channels, self._basis.span.shape[1]), dtype=np.float32)
        for _ in range(_ROUNDS):
            background *= np.sqrt(weights[few])[:, None, None].astype(np.float32)
            self._take_noise(SeparableNoise.estimate(background))
            self._gather(trials, statistics, weights)
            for _ in range(_ITERATIONS):
                common, own, prior = self._maximize(statistics, weights, codes, posterior, (common, own, prior))
                self.responses_ = np.ascontiguousarray(common + own)
                posterior = softmax(self._of_own_class(statistics, weights, codes), axis=1)
                occurring = posterior.mean(axis=0) + 1e-6
                self.log_latencies_ = np.log(occurring / occurring.sum())
            background = for_noise - self._expected(codes_of_few, posterior[few])
        return self

    def log_likelihoods(self, trials: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of each class, up to a constant of the trial: (n_trials, n_classes).

        Parameters
        ----------
        trials : ndarray, shape (n_trials, n_channels, n_times)
            Signals.

        Returns
        -------
        ndarray, shape (n_trials, n_classes)
            In nats.
        """
        return np.concatenate([logsumexp(self._joint(*part), axis=2) for part in self._parts(trials)])

    def projections(self, trials: np.ndarray) -> np.ndarray:
        """Return what a trial says of its response, its latency averaged out: (n_trials, n_channels * n_bumps).

        Parameters
        ----------
        trials : ndarray, shape (n_trials, n_channels, n_times)
            Signals.

        Returns
        -------
        ndarray, shape (n_trials, n_channels * n_bumps)
            Features.
        """
        parts = []
        for statistics, weights in self._parts(trials):
            joint = self._joint(statistics, weights)
            latency = softmax(logsumexp(joint, axis=1), axis=1)
            mixed = np.einsum("nl,lsb->nsb", latency, self._basis.shifted)
            parts.append(np.matmul(statistics, mixed).reshape(len(statistics), -1))
        return np.concatenate(parts)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what was learned."""
        return {
            "spatial": self.spatial_,
            "temporal": self.temporal_,
            "responses": self.responses_,
            "log_latencies": self.log_latencies_,
        }

    def restore(self, arrays: dict[str, np.ndarray]) -> ResponseModel:
        """Take back what `arrays` gave."""
        self._take_noise(SeparableNoise(arrays["spatial"], arrays["temporal"]))
        self.responses_, self.log_latencies_ = arrays["responses"], arrays["log_latencies"]
        return self

    def _take_noise(self, noise: SeparableNoise) -> None:
        # In one layout, whether learned or read, so that products come out the same to the last bit.
        self.spatial_ = np.ascontiguousarray(noise.over_channels)
        self.temporal_ = np.ascontiguousarray(noise.over_time)
        self._noise = SeparableNoise(self.spatial_, self.temporal_)
        white = self.temporal_.T @ self._basis.span
        self._span = (self.temporal_ @ white).astype(np.float32)
        # Products of the whitened bumps of one latency with one another: (n_latencies, n_bumps, n_bumps).
        bumps = np.einsum("ts,lsb->ltb", white, self._basis.shifted)
        self._gram = np.einsum("lta,ltb->lab", bumps, bumps)

    def _parts(self, trials: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the sufficient statistics (n, n_channels, n_span) and the weights (n,) of some trials at a time."""
        spatial = self.spatial_.astype(np.float32)
        for start in range(0, max(1, len(trials)), _TRIALS_AT_ONCE):
            part = averaged(np.asarray(trials[start : start + _TRIALS_AT_ONCE], dtype=np.float32), self._step)
            weights = self._noise.precision(part)
            yield (spatial @ (part @ self._span)) * weights[:, None, None].astype(np.float32), weights

    def _gather(self, trials: np.ndarray, statistics: np.ndarray, weights: np.ndarray) -> None:
        """Write the sufficient statistics and weights of all trials."""
        start = 0
        for part, of_part in self._parts(trials):
            stop = start + len(part)
            statistics[start:stop], weights[start:stop] = part, of_part
            start = stop

    def _filters(self) -> np.ndarray:
        """Return the matched filter of each class and latency: (n_classes, n_latencies, n_channels, n_span)."""
        return np.einsum("kcb,lsb->klcs", self.responses_, self._basis.shifted, optimize=True)

    def _energies(self) -> np.ndarray:
        """Return half the energy of each class's whitened response at each latency: (n_classes, n_latencies)."""
        return 0.5 * np.einsum("kca,lab,kcb->kl", self.responses_, self._gram, self.responses_, optimize=True)

    def _joint(self, statistics: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of classes and latencies: (n_trials, n_classes, n_latencies)."""
        filters, energies = self._filters(), self._energies()
        products = statistics.reshape(len(statistics), -1) @ filters.reshape(energies.size, -1).T.astype(np.float32)
        return products.reshape(-1, *energies.shape) - weights[:, None, None] * energies + self.log_latencies_

    def _of_own_class(self, statistics: np.ndarray, weights: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return the log-likelihood of the latencies, the class known: (n_trials, n_latencies)."""
        filters, energies = self._filters(), self._energies()
        known = np.empty((len(codes), len(self.log_latencies_)))
        for code, (filters_of_class, energy) in enumerate(zip(filters, energies, strict=True)):
            of_class = codes == code
            flat = filters_of_class.reshape(len(energy), -1).T.astype(np.float32)
            products = statistics[of_class].reshape(-1, len(flat)) @ flat
            known[of_class] = products - weights[of_class, None] * energy
        return known + self.log_latencies_

    def _maximize(
        self,
        statistics: np.ndarray,
        weights: np.ndarray,
        codes: np.ndarray,
        posterior: np.ndarray,
        now: tuple[np.ndarray, np.ndarray, _Prior],
    ) -> tuple[np.ndarray, np.ndarray, _Prior]:
        """Return the common response, the classes' own ones and their prior, given where the latencies lie."""
        common, own, prior = now
        n_classes, n_channels, n_bumps = own.shape
        sums, grams = np.empty(own.shape), np.empty((n_classes, n_bumps, n_bumps))
        for code in range(n_classes):
            of_class = codes == code
            shares = posterior[of_class]
            flat = statistics[of_class].reshape(len(shares), -1)
            by_latency = (shares.T.astype(np.float32) @ flat).reshape(-1, n_channels, statistics.shape[2])
            sums[code] = np.einsum("lcs,lsb->cb", by_latency, self._basis.shifted, optimize=True)
            grams[code] = np.tensordot(weights[of_class] @ shares, self._gram, 1)
        stiffness = np.diag(1 / (_COMMON_SIZE * prior.bumps))
        common = np.linalg.solve(grams.sum(axis=0) + stiffness, (sums - own @ grams).sum(axis=0).T).T
        # Along the axes of the prior each component is a small problem of its own.
        sizes, axes = np.linalg.eigh(prior.over_channels)
        sizes = sizes.clip(1e-8)
        left = np.einsum("cd,kcb->kdb", axes, sums - common @ grams)
        stiffness = np.eye(n_bumps) / (sizes[:, None] * prior.bumps)[:, :, None]
        spread = np.linalg.inv(grams[:, None] + stiffness)
        mean = np.einsum("kdab,kdb->kda", spread, left)
        variances = np.einsum("kdbb->kdb", spread)
        second = np.einsum("kdb,keb,b->de", mean, mean, 1 / prior.bumps)
        second += np.diag(np.einsum("kdb,b->d", variances, 1 / prior.bumps))
        bumps = np.einsum("kdb,d->b", mean**2 + variances, 1 / sizes)
        prior = _Prior(axes @ (second / (n_classes * n_bumps)) @ axes.T, bumps / bumps.mean())
        return common, np.einsum("cd,kdb->kcb", axes, mean), prior

    def _expected(self, codes: np.ndarray, posterior: np.ndarray) -> np.ndarray:
        """Return the response in each trial, in the trials' own units: (n_trials, n_channels, n_times)."""
        unwhitened = np.linalg.solve(self.spatial_, self.responses_)
        mixed = np.einsum("nl,lsb->nbs", posterior, self._basis.shifted)
        return (np.matmul(unwhitened[codes], mixed) @ self._basis.span.T).astype(np.float32)
