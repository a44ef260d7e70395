"""Signals of one headset as another one would have recorded them: channels, rate and stretch of time.

Channels of the same name are taken as they are; those that are missing are interpolated on the
head by spherical splines; then the rate is changed without a shift in time.

References
----------
Perrin et al. (1989), "Spherical splines for scalp potential and current density mapping",
https://doi.org/10.1016/0013-4694(89)90180-6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
from scipy.signal import resample_poly
from sklearn.base import BaseEstimator, TransformerMixin

from mindglyph.errors import UserError
from mindglyph.trials import Trials, make_info, positions_of

_HEAD_CENTRE = (0.0, 0.0, 0.04)
"""Centre of the sphere on which is interpolated, in m in MNE's head coordinates."""

_FADE_SECONDS = 0.25
"""Time in which a signal that ends too early goes from its last value to its median."""

_SIDES = ("recorded", "wanted")

_AT_ONCE = 500
"""Trials that are mapped at a time, which keeps the float64 copies small."""


@dataclass(frozen=True)
class Recorded:
    """What of a recording must be known to map signals from it or to it.

    Attributes
    ----------
    channels : tuple of str
        Names in their order.
    sfreq : float
        Rate in Hz.
    n_times : int
        Samples of a trial.
    tmin : float
        Time of the first sample in s after the event.
    positions : mapping of str to sequence of float
        Places of the electrodes in m in MNE's head coordinates, where they are known.
    """

    channels: tuple[str, ...]
    sfreq: float
    n_times: int
    tmin: float = 0.0
    positions: Mapping[str, Sequence[float]] = field(default_factory=dict)

    def alike(self, other: Recorded) -> bool:
        """Say whether trials of the one are trials of the other, sample by sample."""
        mine, others = (
            ([name.lower() for name in one.channels], one.sfreq, one.n_times, one.tmin) for one in (self, other)
        )
        return mine == others

    @classmethod
    def restored(cls, about: Mapping[str, Any]) -> Recorded:
        """Return what `dataclasses.asdict` and JSON made of it."""
        return cls(**{**about, "channels": tuple(about["channels"])})

    @classmethod
    def of(cls, trials: Trials) -> Recorded:
        """Return what is known of trials."""
        channels = tuple(trials.info["ch_names"])
        return cls(channels, trials.sfreq, trials.signals.shape[2], trials.tmin, positions_of(trials.info))


class ChannelMapping(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Maps trials of one headset to the channels, rate and stretch of time of another.

    Parameters
    ----------
    matrix : ndarray, shape (n_channels_to, n_channels_from)
        Weight of each channel that there is in each that is wanted.
    recorded, wanted : Recorded
        What the signals are, and what they become.
    """

    def __init__(self, matrix: np.ndarray, recorded: Recorded, wanted: Recorded) -> None:
        self.matrix = matrix
        self.recorded = recorded
        self.wanted = wanted

    @classmethod
    def between(cls, recorded: Recorded, wanted: Recorded) -> ChannelMapping:
        """Return the mapping from what was recorded to what is wanted.

        Parameters
        ----------
        recorded : Recorded
            The trials that are there.
        wanted : Recorded
            Those that a decoder takes.

        Returns
        -------
        ChannelMapping
            From the one to the other.

        Raises
        ------
        UserError
            If the two have no stretch of time in common, or a channel is missing whose place, or
            that of all others, is not known.
        """
        mapping = cls(interpolation_matrix(recorded, wanted), recorded, wanted)
        start, stop = recorded.tmin, recorded.tmin + recorded.n_times / recorded.sfreq
        if not (wanted.tmin < stop and start < wanted.tmin + wanted.n_times / wanted.sfreq):
            raise UserError(
                f"these trials hold {start:g} to {stop:g} s around the event, the decoder looks from {wanted.tmin:g} s "
                f"for {wanted.n_times / wanted.sfreq:g} s: give a recording of the same stretch of time"
            )
        return mapping

    @classmethod
    def restored(cls, matrix: np.ndarray, about: Mapping[str, Any]) -> ChannelMapping:
        """Return the mapping that has this matrix and of which `about` was said."""
        return cls(matrix, *(Recorded.restored(about[side]) for side in _SIDES))

    def about(self) -> dict[str, Any]:
        """Return what JSON can hold of it: all but the matrix."""
        return {side: asdict(getattr(self, side)) for side in _SIDES}

    @property
    def shape(self) -> tuple[int, int]:
        """Channels and samples of a mapped trial."""
        return len(self.wanted.channels), self.wanted.n_times

    @property
    def interpolated(self) -> list[str]:
        """Names of the wanted channels that are interpolated."""
        there = {name.lower() for name in self.recorded.channels}
        return [name for name in self.wanted.channels if name.lower() not in there]

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> ChannelMapping:  # noqa: N803
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Say that nothing needs to be learned."""
        return True

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return mapped signals around zero: (n_trials, n_channels, n_times) of what is wanted, float32.

        Each channel's median in each trial is taken away first: the headsets' offset would
        make a cliff where a signal ends.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Signals as recorded.

        Returns
        -------
        ndarray, shape (n_trials, n_wanted_channels, n_wanted_times)
            Signals as wanted.
        """
        mapped = np.empty((len(X), *self.shape), dtype=np.float32)
        for start in range(0, len(X), _AT_ONCE):
            signals = np.asarray(X[start : start + _AT_ONCE], dtype=np.float64)
            signals = self.matrix @ (signals - np.median(signals, axis=-1, keepdims=True))
            mapped[start : start + _AT_ONCE] = self._placed(self._resampled(signals))
        return mapped

    def _resampled(self, signals: np.ndarray) -> np.ndarray:
        ratio = Fraction(self.wanted.sfreq / self.recorded.sfreq).limit_denominator(1000)
        if ratio == 1:
            return signals
        # The filter is symmetric, so nothing moves in time; a line through the ends keeps them from ringing.
        return resample_poly(signals, ratio.numerator, ratio.denominator, axis=-1, padtype="line")

    def _placed(self, signals: np.ndarray) -> np.ndarray:
        """Cut what comes too early or too late, and let what is missing fade to zero."""
        first = round((self.wanted.tmin - self.recorded.tmin) * self.wanted.sfreq)
        places = np.arange(first, first + self.wanted.n_times)
        outside = np.maximum(np.maximum(-places, places - signals.shape[-1] + 1), 0) / self.wanted.sfreq
        fade = np.cos(np.pi / 2 * np.minimum(outside / _FADE_SECONDS, 1)) ** 2
        return signals[..., np.clip(places, 0, signals.shape[-1] - 1)] * fade


def interpolation_matrix(recorded: Recorded, wanted: Recorded) -> np.ndarray:
    """Return the weight of each channel that was recorded in each that is wanted.

    Parameters
    ----------
    recorded, wanted : Recorded
        Names in any case, and places.

    Returns
    -------
    ndarray, shape (n_channels_to, n_channels_from)
        A row of a channel that both have holds a single 1; the other rows sum to 1.

    Raises
    ------
    UserError
        If a wanted channel was not recorded and cannot be interpolated.
    """
    places = {name.lower(): place for place, name in enumerate(recorded.channels)}
    matrix = np.zeros((len(wanted.channels), len(recorded.channels)))
    missing = [name for name in wanted.channels if name.lower() not in places]
    for row, name in enumerate(wanted.channels):
        if name.lower() in places:
            matrix[row, places[name.lower()]] = 1
    if missing:
        rows = [name.lower() not in places for name in wanted.channels]
        matrix[rows] = _splines(recorded, wanted, missing)
    return matrix


def _splines(recorded: Recorded, wanted: Recorded, missing: list[str]) -> np.ndarray:
    import mne

    known = [place for place, name in enumerate(recorded.channels) if name in recorded.positions]
    nowhere = [name for name in missing if name not in wanted.positions]
    if nowhere or not known:
        raise UserError(
            f"the decoder needs the channel {(nowhere or missing)[0]}, which these trials do not have, and it cannot "
            f"be interpolated since the place of {'it' if nowhere else 'every one of theirs'} on the head is not "
            "known: name the channels by the 10-05 system"
        )
    positions = {f"from {place}": recorded.positions[recorded.channels[place]] for place in known}
    positions |= {f"to {name}": wanted.positions[name] for name in missing}
    info = make_info(list(positions), 1.0, positions)
    info["bads"] = [f"to {name}" for name in missing]
    # Each sample is 1 in one channel, so that what is interpolated is the weight of that channel.
    units = np.concatenate([np.eye(len(known)), np.zeros((len(missing), len(known)))])
    raw = mne.io.RawArray(units, info, verbose="error")
    raw.interpolate_bads(origin=_HEAD_CENTRE, verbose="error")
    weights = np.zeros((len(missing), len(recorded.channels)))
    weights[:, known] = raw.get_data()[len(known) :]
    return weights
