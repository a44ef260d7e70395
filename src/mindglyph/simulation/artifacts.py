"""What hides a brain beside its own background: blinks, muscle, the mains, and electrodes without contact.

None of it knows which digit was shown. How large it is stands in standard deviations of the
background, so that it fits every headset.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mindglyph.headsets import Headset

_BLINKS, _BURSTS, _LINE_STRETCHES, _DEAD_STRETCHES = 0.06, 0.04, 0.01, 0.004  # share of the trials
_STRETCH = (5, 21)  # trials that line noise or a dead channel lasts
_EYES = np.array([[0.3, 0.9, -0.2], [-0.3, 0.9, -0.2]])
_MUSCLES = np.array([[0.9, 0.2, -0.3], [-0.9, 0.2, -0.3]])
_REACH = 0.6  # radii of the head over which a blink or a muscle is felt


@dataclass(frozen=True)
class Artifacts:
    """Which trials are spoilt, by what and how much.

    Attributes
    ----------
    blink, muscle, line : ndarray, shape (n_trials,)
        Size in standard deviations of the background; 0 is none.
    at : ndarray, shape (n_trials,)
        Where in the trial a blink or a burst stands, as a share of its length.
    phase : ndarray, shape (n_trials,)
        Of the mains at the trial's first sample, in rad.
    dead : ndarray, shape (n_trials,)
        Number of the channel that has lost its contact; -1 is none.
    frontal, temporal, pickup : ndarray, shape (n_channels,)
        Share of blinks, muscle and mains that each channel takes up.
    """

    blink: np.ndarray
    muscle: np.ndarray
    line: np.ndarray
    at: np.ndarray
    phase: np.ndarray
    dead: np.ndarray
    frontal: np.ndarray
    temporal: np.ndarray
    pickup: np.ndarray

    @classmethod
    def draw(cls, n_trials: int, positions: np.ndarray, rng: np.random.Generator) -> Artifacts:
        """Draw the artifacts of a recording.

        Parameters
        ----------
        n_trials : int
            Trials in the order of recording.
        positions : ndarray, shape (n_channels, 3)
            Electrodes on a sphere of radius 1; x is right, y is front.
        rng : Generator
            Where everything comes from; it has not seen the digits.

        Returns
        -------
        Artifacts
            For `add`.
        """
        dead = np.full(n_trials, -1)
        for stretch in _stretches(n_trials, _DEAD_STRETCHES, rng):
            dead[stretch] = rng.integers(len(positions))
        line = np.zeros(n_trials)
        for stretch in _stretches(n_trials, _LINE_STRETCHES, rng):
            line[stretch] = rng.uniform(0.5, 2.0)
        return cls(
            blink=rng.uniform(5, 12, n_trials) * (rng.random(n_trials) < _BLINKS),
            muscle=rng.uniform(1, 4, n_trials) * (rng.random(n_trials) < _BURSTS),
            line=line,
            at=rng.uniform(0.1, 0.9, n_trials),
            phase=rng.uniform(0, 2 * np.pi, n_trials),
            dead=dead,
            frontal=_felt(positions, _EYES),
            temporal=_felt(positions, _MUSCLES),
            pickup=rng.uniform(0.5, 1.5, len(positions)),
        )

    def add(self, signals: np.ndarray, trials: np.ndarray, headset: Headset, rng: np.random.Generator) -> None:
        """Spoil signals in place.

        Parameters
        ----------
        signals : ndarray, shape (n, n_channels, n_times)
            Microvolts.
        trials : ndarray, shape (n,)
            Which trials of the recording they are.
        headset : Headset
            Rate, mains and size of the background.
        rng : Generator
            For the muscle's noise.
        """
        times = np.arange(signals.shape[2]) / headset.sfreq
        mains = np.sin(2 * np.pi * headset.mains * times + self.phase[trials, None])
        size = headset.noise * self.line[trials]
        signals += size[:, None, None] * self.pickup[:, None] * mains[:, None, :]
        for place in np.flatnonzero(self.blink[trials] + self.muscle[trials]):
            trial = trials[place]
            since = times - self.at[trial] * times[-1]
            blink = self.blink[trial] * np.exp(-0.5 * (since / 0.07) ** 2)
            signals[place] += headset.noise * self.frontal[:, None] * blink
            burst = self.muscle[trial] * np.exp(-0.5 * (since / 0.10) ** 2)
            # Differences of white noise hold little below the beta band, as muscle does.
            noise = np.diff(rng.standard_normal((len(self.temporal), len(times) + 1))) / np.sqrt(2)
            signals[place] += headset.noise * self.temporal[:, None] * burst * noise
        for place in np.flatnonzero(self.dead[trials] >= 0):
            signals[place, self.dead[trials[place]]] = headset.offset

    def truth(self, events: np.ndarray, channels: tuple[str, ...]) -> dict[str, Any]:
        """Say at which events there is what.

        Parameters
        ----------
        events : ndarray, shape (n_trials,)
            Numbers of the events.
        channels : tuple of str
            Names of the channels.

        Returns
        -------
        dict
            Events with a `blink`, a `muscle` burst and `line_noise`; of `dead_channel` the
            events of each channel.
        """
        dead = {name: events[self.dead == place].tolist() for place, name in enumerate(channels)}
        return {
            "blink": events[self.blink > 0].tolist(),
            "muscle": events[self.muscle > 0].tolist(),
            "line_noise": events[self.line > 0].tolist(),
            "dead_channel": {name: where for name, where in dead.items() if where},
        }


def _stretches(n_trials: int, share: float, rng: np.random.Generator) -> list[slice]:
    starts = np.flatnonzero(rng.random(n_trials) < share / np.mean(_STRETCH))
    return [slice(start, start + rng.integers(*_STRETCH)) for start in starts.tolist()]


def _felt(positions: np.ndarray, sources: np.ndarray) -> np.ndarray:
    distances = np.linalg.norm(positions[:, None] - sources, axis=2).min(axis=1)
    return np.exp(-0.5 * (distances / _REACH) ** 2)
