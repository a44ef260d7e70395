"""A simulated recording before it is written: who, what is shown when, and which signals that gives."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mindglyph.headsets import Headset
from mindglyph.simulation.artifacts import Artifacts
from mindglyph.simulation.brain import PICTURE_COMPONENTS, Brain, electrode_positions
from mindglyph.simulation.layouts import Layout, layout_of
from mindglyph.simulation.observer import Ceiling, IdealObserver, picture_coefficients
from mindglyph.simulation.plan import NOTHING, Plan
from mindglyph.simulation.settings import N_CLASSES, SimulationSettings
from mindglyph.simulation.signals import Signals

NO_SIGNAL = Ceiling(amplitude=0.0, picture_amplitude=0.0, accuracy=1 / N_CLASSES, standard_error=0.0)
"""What is known without an ideal observer where nothing is planted."""

_PERSON = 0x9E507
"""What sets the numbers of a person apart from those of a recording."""


@dataclass(frozen=True)
class Pictures:
    """The pictures that may be shown.

    Attributes
    ----------
    images : ndarray, shape (n_images, 28, 28)
        Grey values, uint8.
    labels : ndarray, shape (n_images,)
        Their digits.
    index : ndarray, shape (n_images,)
        Their places in the MNIST file that they come from.
    """

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray


@dataclass(frozen=True)
class SimulatedRecording:
    """Everything that a file is written from; trials stand in the order of recording.

    Attributes
    ----------
    settings : SimulationSettings
        What is simulated.
    layout : Layout
        How the format holds trials.
    pictures : Pictures
        What may be shown.
    plan : Plan
        What is shown when.
    lengths : ndarray, shape (n_trials, n_channels)
        Samples of each trial in each channel.
    order : ndarray, shape (n_trials,)
        Trials in the order of the file, which for `hf2022` is none.
    signals : Signals
        What is recorded.
    sensors : SeedSequence
        Where the sensors beside the EEG get their noise from.
    """

    settings: SimulationSettings
    layout: Layout
    pictures: Pictures
    plan: Plan
    lengths: np.ndarray
    order: np.ndarray
    signals: Signals
    sensors: np.random.SeedSequence

    @classmethod
    def draw(cls, settings: SimulationSettings, pictures: Pictures) -> SimulatedRecording:
        """Draw a person and a recording of them.

        Parameters
        ----------
        settings : SimulationSettings
            What is simulated; the same settings give the same recording.
        pictures : Pictures
            What may be shown.

        Returns
        -------
        SimulatedRecording
            Ready to be written.

        Raises
        ------
        UserError
            If the ceiling is out of reach or a digit has no picture.
        """
        seeds = np.random.SeedSequence(settings.seed).spawn(11)
        brain_rng, observer_rng, plan_rng, artifact_rng, clock_rng, order_rng = (
            np.random.default_rng(seeds[place]) for place in (0, 1, 2, 5, 6, 7)
        )
        layout = layout_of(settings)
        headset = layout.headset
        if settings.person is not None:
            # Kept apart from the seeds of recordings, so that person 3 and recording 3 share no numbers.
            brain_rng = np.random.default_rng((settings.person, _PERSON))
        brain = Brain.draw(headset, N_CLASSES, brain_rng, over_the_whole_head=settings.person is not None)
        coefficients = np.zeros((len(pictures.labels), PICTURE_COMPONENTS))
        if settings.picture_signal:
            coefficients = picture_coefficients(pictures.images, pictures.labels)
        plan = Plan.draw(settings, pictures.labels, plan_rng, clock_rng)
        lengths = layout.lengths(len(plan), plan_rng)
        artifacts = None
        if settings.artifacts:
            artifacts = Artifacts.draw(len(plan), electrode_positions(headset), artifact_rng)
        signals = Signals(
            brain=brain,
            n_times=layout.longest,
            plan=plan,
            ceiling=_ceiling(settings, brain, coefficients, pictures, (observer_rng, np.random.default_rng(seeds[10]))),
            coefficients=coefficients,
            drifting=settings.confound == "drift",
            artifacts=artifacts,
            noise=seeds[3],
            sessions=seeds[4],
            spoiling=seeds[8],
        )
        order = np.arange(len(plan))
        if not layout.ordered:
            order = order_rng.permutation(order)
        return cls(settings, layout, pictures, plan, lengths, order, signals, seeds[9])

    @property
    def headset(self) -> Headset:
        """The headset."""
        return self.layout.headset

    def chunks(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the recording in the order of the file.

        Yields
        ------
        trials : ndarray, shape (n,)
            Numbers of the trials in the order of recording.
        steps : ndarray, shape (n, n_channels, n_times)
            Their signals in whole steps of the headset's resolution.
        """
        done = 0
        for chunk in self.signals.chunks(self.order):
            trials = self.order[done : done + len(chunk)]
            yield trials, np.rint(chunk / self.headset.resolution).astype(np.int64)
            done += len(chunk)

    @property
    def labels(self) -> list[Any]:
        """What the file calls the class of each trial; -1 is none: (n_trials,)."""
        if self.layout.classes is None:
            return self.plan.digits.tolist()
        return [self.layout.classes[number] for number in self.plan.digits]

    def picture(self, trial: int) -> np.ndarray:
        """Return the grey values shown in a trial: (784,) uint8, black where nothing was shown."""
        place = self.plan.pictures[trial]
        if place == NOTHING:
            return np.zeros(784, dtype=np.uint8)
        return self.pictures.images[place].reshape(-1)

    def mnist_index(self, trial: int) -> int:
        """Return the place of a trial's picture in its MNIST file; -1 is none."""
        place = self.plan.pictures[trial]
        return NOTHING if place == NOTHING else int(self.pictures.index[place])


def _ceiling(
    settings: SimulationSettings,
    brain: Brain,
    coefficients: np.ndarray,
    pictures: Pictures,
    rngs: tuple[np.random.Generator, np.random.Generator],
) -> Ceiling:
    """Return what is planted and what it allows; the second generator is for the pictures."""
    if settings.ceiling <= 1 / N_CLASSES:
        return NO_SIGNAL
    observer = IdealObserver(brain, brain.headset.n_times, coefficients, rngs[0])
    ceiling = observer.solve(settings.ceiling, settings.picture_signal)
    both, label_only = observer.picture_correlations(ceiling, pictures.images, pictures.labels, rngs[1])
    return replace(ceiling, picture_correlation=both, picture_correlation_label_only=label_only)
