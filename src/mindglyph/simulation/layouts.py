"""How each format holds trials, as far as the simulation must know it before it writes."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mindglyph.headsets import HEADSETS, IMAGENET, MNIST_8B, VISUAL_MNIST, Headset
from mindglyph.simulation.settings import SimulationSettings

WORDS = (
    "n02084071",
    "n02121620",
    "n01503061",
    "n02512053",
    "n02958343",
    "n02691156",
    "n04490091",
    "n03001627",
    "n07739125",
    "n11669921",
)
"""WordNet's dog, cat, bird, fish, car, aeroplane, truck, chair, apple and flower."""

_HF2022_TIMES = {"EP": 256, "MW": 1024, "MU": 440, "IN": 256}


@dataclass(frozen=True)
class Layout:
    """How a format holds trials.

    Attributes
    ----------
    headset : Headset
        The headset; its `n_times` are the samples of a trial that a decoder sees.
    longest : int
        Samples of the longest trial.
    ordered : bool
        Whether trials stand in the order of recording.
    classes : tuple of str or None
        What the classes are called, where that is not the digits.
    """

    headset: Headset
    longest: int
    ordered: bool = True
    classes: tuple[str, ...] | None = None

    def lengths(self, n_trials: int, rng: np.random.Generator) -> np.ndarray:
        """Draw the samples of each trial in each channel, (n_trials, n_channels), as the real files have them."""
        shape = (n_trials, len(self.headset.channels))
        if self.longest == self.headset.n_times:
            return np.full(shape, self.longest)
        if self.headset.code == "MW":
            return rng.integers(888, self.longest + 1, size=shape)
        if self.headset.code == "MU":
            return np.repeat(rng.integers(400, self.longest + 1, size=(n_trials, 1)), shape[1], axis=1)
        n_times = self.headset.n_times
        usual = rng.choice([0, 1, 2, 4], p=[0.85, 0.05, 0.05, 0.05], size=(n_trials, 1))
        lengths = np.repeat(n_times + usual, shape[1], axis=1)
        short = rng.random(n_trials) < 0.003
        missed = rng.integers(n_times - 16, n_times, size=short.sum())
        lengths[short, rng.integers(shape[1], size=n_trials)[short]] = missed
        return lengths


def layout_of(settings: SimulationSettings) -> Layout:
    """Return how the format of these settings holds trials."""
    if settings.format == "hf2022":
        headset = HEADSETS[(settings.headset or "ep").upper()]
        n_times = _HF2022_TIMES[headset.code]
        return Layout(replace(headset, n_times=n_times), n_times, ordered=False)
    if settings.format in VISUAL_MNIST:
        headset = VISUAL_MNIST[settings.format]
        return Layout(headset, headset.n_times)
    if settings.format in MNIST_8B:
        headset = MNIST_8B[settings.format]
        return Layout(headset, headset.n_times)
    if settings.format == "imagenet":
        return Layout(IMAGENET, IMAGENET.n_times + 4, classes=WORDS)
    headset = HEADSETS[settings.format.upper()]
    longest = {"EP": 260, "MW": 1024, "MU": 440, "IN": 260}[headset.code]
    return Layout(headset, longest)
