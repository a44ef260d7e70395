"""The signals of a simulated recording, a stretch of trials at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mindglyph.simulation.artifacts import Artifacts
from mindglyph.simulation.brain import EVOKED_SHARE, LATENCIES, Brain
from mindglyph.simulation.observer import Ceiling
from mindglyph.simulation.plan import Plan

_DRIFT_EVENTS = 60  # events over which the drift forgets
_DRIFT_SHARE = 1.0  # size of the drift, in standard deviations of the background
_LEVEL_SHARE = 2.0  # size of the electrodes' wandering, likewise
_SESSION_LEVEL_SHARE = 5.0  # by how much a session's level differs from the first one's, likewise
_SESSION_GAIN = 0.1  # by how much its gain does, as a share
_VALUES_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class Signals:
    """Everything that the signals of a recording are made of.

    Attributes
    ----------
    brain : Brain
        The person.
    n_times : int
        Samples of a trial.
    plan : Plan
        What is shown when.
    ceiling : Ceiling
        How large the responses are.
    coefficients : ndarray, shape (n_pictures, PICTURE_COMPONENTS)
        Components of the pictures.
    drifting : bool
        Whether patterns wander, as in the world `drift`.
    artifacts : Artifacts or None
        What spoils the trials.
    noise, sessions, spoiling : SeedSequence
        Where background, sessions and the artifacts' noise come from.
    """

    brain: Brain
    n_times: int
    plan: Plan
    ceiling: Ceiling
    coefficients: np.ndarray
    drifting: bool
    artifacts: Artifacts | None
    noise: np.random.SeedSequence
    sessions: np.random.SeedSequence
    spoiling: np.random.SeedSequence

    def chunks(self, order: np.ndarray) -> Iterator[np.ndarray]:
        """Yield the trials, the same at each call.

        Parameters
        ----------
        order : ndarray, shape (n_trials,)
            Trials in the order in which they are wanted. The background of the first trial
            that is wanted is the first one drawn, so another order gives other signals.

        Yields
        ------
        ndarray, shape (n, n_channels, n_times)
            Microvolts on the level of the headset's raw values.
        """
        headset, n_channels = self.brain.headset, len(self.brain.headset.channels)
        rng, spoiling_rng = np.random.default_rng(self.noise), np.random.default_rng(self.spoiling)
        groups = [self.brain.evoked, *self.brain.digits, *self.brain.pictures, *self.brain.drifts]
        weights = self._weights(len(groups), rng)
        used = np.flatnonzero(weights.any(axis=0))
        banks = [self.brain.patterns([groups[group] for group in used], self.n_times, late) for late in LATENCIES]
        spatial = np.linalg.cholesky(self.brain.spatial)
        temporal = np.linalg.cholesky(self.brain.temporal_covariance(self.n_times))
        latencies = rng.integers(len(LATENCIES), size=len(self.plan))
        # The electrodes' own level is a nuisance that every decoder can remove, and so leaves the ceiling alone.
        levels = headset.offset + _LEVEL_SHARE * headset.noise * _wander(len(self.plan), n_channels, rng)
        session_levels, gains = self._of_sessions()
        at_once = max(1, _VALUES_AT_ONCE // (n_channels * self.n_times))
        for start in range(0, len(order), at_once):
            part = order[start : start + at_once]
            white = rng.standard_normal((len(part), n_channels, self.n_times))
            signals = spatial @ (white.reshape(-1, self.n_times) @ temporal.T).reshape(white.shape)
            for latency, bank in enumerate(banks):
                chosen = np.flatnonzero(latencies[part] == latency)
                responses = weights[np.ix_(part[chosen], used)] @ bank.reshape(len(used), -1)
                signals[chosen] += responses.reshape(-1, n_channels, self.n_times)
            session = self.plan.sessions[part] - 1
            signals *= headset.noise * gains[session, :, None]
            signals += (levels[part] + session_levels[session])[..., None]
            if self.artifacts is not None:
                self.artifacts.add(signals, part, headset, spoiling_rng)
            yield signals

    def _weights(self, n_groups: int, rng: np.random.Generator) -> np.ndarray:
        """Return the size of each group of sources in each trial: (n_trials, n_groups)."""
        shown, digits = self.plan.shown, self.plan.digits
        n_classes, n_drifts = len(self.brain.digits), len(self.brain.drifts)
        weights = np.zeros((len(self.plan), n_groups))
        weights[shown, 0] = EVOKED_SHARE
        weights[shown, 1 + digits[shown]] = self.ceiling.amplitude
        coefficients = self.coefficients[self.plan.pictures[shown]]
        weights[shown, 1 + n_classes : n_groups - n_drifts] = self.ceiling.picture_amplitude * coefficients
        if self.drifting:
            weights[:, n_groups - n_drifts :] = _DRIFT_SHARE * _wander(len(self.plan), n_drifts, rng)
        return weights

    def _of_sessions(self) -> tuple[np.ndarray, np.ndarray]:
        """Return level (microvolts) and gain of each session, (n_sessions, n_channels); the first changes nothing."""
        headset = self.brain.headset
        rng = np.random.default_rng(self.sessions)
        shape = (int(self.plan.sessions[-1]), len(headset.channels))
        levels = _SESSION_LEVEL_SHARE * headset.noise * rng.standard_normal(shape)
        gains = np.exp(_SESSION_GAIN * rng.standard_normal(shape))
        levels[0], gains[0] = 0, 1
        return levels, gains


def _wander(n_events: int, n_series: int, rng: np.random.Generator) -> np.ndarray:
    """Return slowly drifting series of variance 1: (n_events, n_series)."""
    keep = np.exp(-1 / _DRIFT_EVENTS)
    series = rng.standard_normal((n_events, n_series))
    series[1:] *= np.sqrt(1 - keep**2)
    for place in range(1, n_events):
        series[place] += keep * series[place - 1]
    return series
