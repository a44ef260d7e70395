"""What the simulated brain does: evoked responses and the activity that hides them.

A response is a few sources, each a topography on the headset's real montage times a smooth
wave; the background is Gaussian with a covariance that is the product of one over space
and one over time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import toeplitz

from mindglyph.headsets import MNIST_8B, Headset
from mindglyph.trials import make_info

RESPONSE_WINDOW = (0.080, 0.600)
"""Seconds after the picture between which a response differs from zero."""

LATENCIES = np.linspace(-0.024, 0.024, 9)
"""Seconds by which a response may come early or late; all are equally likely."""

PICTURE_COMPONENTS = 8
"""Principal components of the shown picture that a recording can carry."""

EVOKED_SHARE = 0.35
"""Size of the response common to all digits, in standard deviations of the background."""


@dataclass(frozen=True)
class Source:
    """One source: a place on the head and a wave.

    Attributes
    ----------
    topography : ndarray, shape (n_channels,)
        Weight in each channel, largest magnitude 1 over these channels or the whole head.
    centre, width, frequency, phase : float
        Wave in s, s, Hz, rad: a Gaussian envelope times a cosine.
    """

    topography: np.ndarray
    centre: float
    width: float
    frequency: float
    phase: float

    def signal(self, times: np.ndarray) -> np.ndarray:
        """Return the source's signal at `times` (s): shape (n_channels, n_times).

        Parameters
        ----------
        times : ndarray, shape (n_times,)
            In s after the picture.

        Returns
        -------
        ndarray, shape (n_channels, n_times)
            Without a unit: the amplitude is not in it.
        """
        envelope = np.exp(-0.5 * ((times - self.centre) / self.width) ** 2)
        wave = envelope * np.cos(2 * np.pi * self.frequency * (times - self.centre) + self.phase)
        start, stop = RESPONSE_WINDOW
        place = np.clip((times - start) / (stop - start), 0, 1)
        # Half a sine brings the wave to zero at both ends, which keeps its spectrum low.
        return self.topography[:, None] * (wave * np.sin(np.pi * place))


@dataclass(frozen=True)
class Brain:
    """Sources and background of one simulated person with one headset.

    Attributes
    ----------
    headset : Headset
        Channels, rate, scale.
    evoked : list of Source
        Response common to all digits.
    digits : list of list of Source
        What each digit adds.
    pictures : list of list of Source
        What each component of the shown picture adds.
    drifts : list of list of Source
        Patterns whose strength wanders slowly in the world `drift`.
    spatial : ndarray, shape (n_channels, n_channels)
        Covariance of the background over channels, mean variance 1.
    """

    headset: Headset
    evoked: list[Source]
    digits: list[list[Source]]
    pictures: list[list[Source]]
    drifts: list[list[Source]]
    spatial: np.ndarray

    @classmethod
    def draw(
        cls, headset: Headset, n_classes: int, rng: np.random.Generator, over_the_whole_head: bool = False
    ) -> Brain:
        """Draw a person.

        Parameters
        ----------
        headset : Headset
            Whose montage the topographies follow.
        n_classes : int
            Number of digits.
        rng : Generator
            Where everything comes from; how much is drawn does not depend on the headset, so
            the same state gives sources at the same places whichever headset looks on.
        over_the_whole_head : bool
            Whether a source's size is that on the whole head, so that also its share in a
            response is the same whichever headset looks on, and a headset that is far from it
            sees less of it. Otherwise every source is as strong at the headset's own best
            electrode.

        Returns
        -------
        Brain
            A new person for each state of `rng`.
        """
        positions = electrode_positions(headset)
        everywhere = electrode_positions(MNIST_8B["mnist8b"]) if over_the_whole_head else positions

        def sources(count: int) -> list[Source]:
            return [_draw_source(positions, everywhere, rng) for _ in range(count)]

        return cls(
            headset=headset,
            evoked=sources(4),
            digits=[sources(int(rng.integers(3, 6))) for _ in range(n_classes)],
            pictures=[sources(2) for _ in range(PICTURE_COMPONENTS)],
            drifts=[sources(2) for _ in range(6)],
            spatial=_spatial_covariance(positions, everywhere, rng),
        )

    def patterns(self, groups: list[list[Source]], n_times: int, latency: float) -> np.ndarray:
        """Return the signal of each group of sources, scaled to a root mean square of 1 in its window.

        Parameters
        ----------
        groups : list of list of Source
            For example `self.digits`.
        n_times : int
            Samples from the moment of the picture on.
        latency : float
            Seconds by which the response is late.

        Returns
        -------
        ndarray, shape (n_groups, n_channels, n_times)
            Signals without unit.
        """
        times = np.arange(n_times) / self.headset.sfreq
        return np.stack([self._pattern(group, times, latency) for group in groups])

    def _pattern(self, group: list[Source], times: np.ndarray, latency: float) -> np.ndarray:
        window = np.arange(*RESPONSE_WINDOW, 1 / self.headset.sfreq)
        scale = np.sqrt(np.mean(sum(source.signal(window) for source in group) ** 2))
        return sum(source.signal(times - latency) for source in group) / scale

    def temporal_covariance(self, n_times: int) -> np.ndarray:
        """Return the covariance of the background over time: 1/f, an alpha peak and a floor.

        Parameters
        ----------
        n_times : int
            Samples of a trial.

        Returns
        -------
        ndarray, shape (n_times, n_times)
            Toeplitz, variance 1.
        """
        n_long = 1 << int(np.ceil(np.log2(8 * n_times)))
        frequencies = np.fft.rfftfreq(n_long, 1 / self.headset.sfreq)
        spectrum = 1 / (1 + frequencies) ** 1.5 + 0.15 * np.exp(-0.5 * ((frequencies - 10) / 1.0) ** 2) + 0.003
        autocovariance = np.fft.irfft(spectrum)[:n_times]
        return toeplitz(autocovariance / autocovariance[0])


def electrode_positions(headset: Headset) -> np.ndarray:
    """Return where the electrodes sit: (n_channels, 3) on a sphere of radius 1; x is right, y front, z up."""
    # Around the head's own centre line, as the dipoles below expect.
    info = make_info(headset.channels, headset.sfreq)
    places = np.array([channel["loc"][:3] for channel in info["chs"]])
    return places / np.linalg.norm(places, axis=1, keepdims=True)


def _draw_topography(positions: np.ndarray, everywhere: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    # Potential of a current dipole in an unbounded conductor; the depth keeps it smooth.
    direction = rng.standard_normal(3)
    direction[2] = abs(direction[2])
    dipole = rng.uniform(0.4, 0.75) * direction / np.linalg.norm(direction)
    moment = rng.standard_normal(3)

    def potential(at: np.ndarray) -> np.ndarray:
        away = at - dipole
        return away @ moment / np.linalg.norm(away, axis=1) ** 3

    return potential(positions) / np.abs(potential(everywhere)).max()


def _draw_source(positions: np.ndarray, everywhere: np.ndarray, rng: np.random.Generator) -> Source:
    # Frequency and width keep the spectrum below 20 Hz: 8 Hz plus three times 1 / (2 pi 0.04 s).
    return Source(
        topography=_draw_topography(positions, everywhere, rng),
        centre=rng.uniform(0.15, 0.50),
        width=rng.uniform(0.04, 0.10),
        frequency=rng.uniform(1.0, 8.0),
        phase=rng.uniform(0, 2 * np.pi),
    )


def _spatial_covariance(positions: np.ndarray, everywhere: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mixing = np.stack([_draw_topography(positions, everywhere, rng) for _ in range(60)], axis=1)
    covariance = mixing @ mixing.T
    covariance = covariance / np.trace(covariance) * len(positions)
    return 0.9 * covariance + 0.1 * np.eye(len(positions))
