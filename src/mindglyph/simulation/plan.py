"""What is shown when: digits, pictures, sessions, the clock and the length of each trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindglyph.errors import UserError
from mindglyph.simulation.settings import N_CLASSES, SimulationSettings

NOTHING = -1
"""Digit and picture of a trial in which none was shown."""

_RUN_LENGTH = 20  # events of one digit in a row in the world `drift`
_BLOCK_LENGTH = 40  # trials between two rests
_TRIAL_SECONDS = 2.0
_REST_SECONDS = 30.0
_PAUSE_SECONDS = (3600.0, 5 * 86400.0)  # between two sessions


@dataclass(frozen=True)
class Plan:
    """What is shown when, in the order of recording.

    Attributes
    ----------
    digits : ndarray, shape (n_trials,)
        Number of the class shown; -1 is none.
    pictures : ndarray, shape (n_trials,)
        Place of the picture in its set; -1 is none.
    sessions, blocks, positions : ndarray, shape (n_trials,)
        Number of the session, of the block in it and of the trial in that, each from 1.
    seconds : ndarray, shape (n_trials,)
        Since the first trial.
    skips : ndarray, shape (n_trials,)
        By how much the text files' event number grows from the trial before.
    """

    digits: np.ndarray
    pictures: np.ndarray
    sessions: np.ndarray
    blocks: np.ndarray
    positions: np.ndarray
    seconds: np.ndarray
    skips: np.ndarray

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.digits)

    @property
    def shown(self) -> np.ndarray:
        """Whether anything was shown: (n_trials,)."""
        return self.digits != NOTHING

    @classmethod
    def draw(
        cls, settings: SimulationSettings, labels: np.ndarray, rng: np.random.Generator, clock_rng: np.random.Generator
    ) -> Plan:
        """Draw a plan.

        Parameters
        ----------
        settings : SimulationSettings
            What is simulated.
        labels : ndarray, shape (n_images,)
            Digits of the pictures that may be shown; each is shown once before any is again.
        rng : Generator
            For what is shown.
        clock_rng : Generator
            For rests, sessions and the clock.

        Returns
        -------
        Plan
            Every digit as often as every other, up to one.

        Raises
        ------
        UserError
            If there is no picture of a digit.
        """
        n_trials = settings.events
        shown = _shown(settings, clock_rng)
        digits = np.full(n_trials, NOTHING)
        digits[shown] = _digits(settings.confound == "drift", int(shown.sum()), rng)
        pictures = np.full(n_trials, NOTHING)
        pictures[shown] = _pictures(digits[shown], labels, rng)
        sessions = 1 + np.arange(n_trials) * settings.sessions // n_trials
        place = np.arange(n_trials) - np.searchsorted(sessions, sessions)
        borders = np.diff(sessions, prepend=1) > 0
        # Events count across devices and lost trials, so real numbers skip here and there.
        skips = 1 + rng.binomial(3, 0.05, size=n_trials)
        skips[borders] += clock_rng.integers(500, 2000, size=borders.sum())
        pauses = _TRIAL_SECONDS + clock_rng.uniform(0, 0.02, size=n_trials)
        pauses[(place % _BLOCK_LENGTH == 0) & (place > 0)] += _REST_SECONDS
        pauses[borders] += clock_rng.uniform(*_PAUSE_SECONDS, size=borders.sum())
        pauses[0] = 0
        return cls(
            digits=digits,
            pictures=pictures,
            sessions=sessions,
            blocks=1 + place // _BLOCK_LENGTH,
            positions=1 + place % _BLOCK_LENGTH,
            seconds=np.cumsum(pauses),
            skips=skips,
        )


def _shown(settings: SimulationSettings, rng: np.random.Generator) -> np.ndarray:
    """Say in which trials a digit is shown."""
    place = np.arange(settings.events)
    if settings.has_pixels:
        return place % 2 == 0
    n_rests = round(settings.rest * settings.events)
    return rng.permutation(place) >= n_rests if n_rests else np.ones(settings.events, dtype=bool)


def _digits(in_runs: bool, n_shown: int, rng: np.random.Generator) -> np.ndarray:
    if in_runs:
        runs = rng.permutation(np.arange(-(-n_shown // _RUN_LENGTH)) % N_CLASSES)
        return np.repeat(runs, _RUN_LENGTH)[:n_shown]
    return rng.permutation(np.arange(n_shown) % N_CLASSES)


def _pictures(digits: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    pictures = np.empty(len(digits), dtype=np.int64)
    for digit in np.unique(digits):
        wanted = digits == digit
        available = np.flatnonzero(labels == digit)
        if not len(available):
            raise UserError(f"the set of pictures holds no {digit}: give one with every digit")
        rounds = -(-int(wanted.sum()) // len(available))
        pictures[wanted] = np.concatenate([rng.permutation(available) for _ in range(rounds)])[: wanted.sum()]
    return pictures
