"""Makes signals ready for a decoder: offset removal, zero-phase filters, robust scaling.

Transformers of scikit-learn over (n_trials, n_channels, n_times). The first two look at one
trial at a time; the scaling learns from trials, so it is fitted inside the training fold.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from scipy.signal import butter, filtfilt, iirnotch, sosfiltfilt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from mindglyph.errors import UserError
from mindglyph.search import Between, WholeBetween
from mindglyph.settings import Settings


class PreprocessingSettings(Settings):
    """What is done to the signals.

    Attributes
    ----------
    highpass, lowpass : float
        Edges of the band in Hz.
    order : int
        Order of the Butterworth filter; running it forwards and backwards doubles it.
    mains : float or None
        Mains frequency in Hz to notch out; None leaves it to the low-pass.
    margin : float
        Seconds at either end of a trial that are cut off once it is filtered. A filter knows
        nothing of what lies beyond a trial, so its first and last moments come out wrong:
        trials that are cut wider than they are needed leave those outside.
    clip : float
        Values beyond this many robust standard deviations are clipped.
    """

    highpass: Annotated[float, Between(0.1, 2.0, log=True)] = Field(0.5, gt=0)
    lowpass: Annotated[float, Between(10.0, 45.0, log=True)] = Field(30.0, gt=0)
    order: Annotated[int, WholeBetween(1, 4)] = Field(2, ge=1, le=8)
    mains: float | None = Field(None, gt=0)
    margin: float = Field(0.0, ge=0)
    clip: Annotated[float, Between(3.0, 20.0, log=True)] = Field(10.0, gt=0)

    @model_validator(mode="after")
    def _band(self) -> PreprocessingSettings:
        if self.highpass >= self.lowpass:
            raise ValueError("highpass lies above lowpass: swap them")
        return self

    def build(self, sfreq: float) -> Pipeline:
        """Return the transformer for signals of `sfreq` Hz."""
        return Pipeline(
            [
                ("offset", OffsetRemoval()),
                ("filter", BandPass(sfreq, self.highpass, self.lowpass, self.order, self.mains)),
                ("margin", MarginRemoval(round(self.margin * sfreq))),
                ("scale", RobustChannelScaler(self.clip)),
            ]
        )

    def kept(self, n_times: int, sfreq: float) -> int:
        """Return how many samples of a trial are left."""
        return n_times - 2 * round(self.margin * sfreq)


class _Stateless(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> _Stateless:  # noqa: N803
        """Learn nothing."""
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Say that nothing needs to be learned."""
        return True


class OffsetRemoval(_Stateless):
    """Subtracts each channel's median in each trial.

    The headsets' values stand on an offset of hundreds or thousands of microvolts that
    wanders; the median is not moved by a blink.
    """

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return signals around zero: (n_trials, n_channels, n_times), float32.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Signals in microvolts.

        Returns
        -------
        ndarray, shape (n_trials, n_channels, n_times)
            Signals in microvolts, float32.
        """
        signals = np.asarray(X, dtype=np.float32)
        return signals - np.median(signals, axis=-1, keepdims=True)


class BandPass(_Stateless):
    """Band-pass and notch without a shift in time.

    Parameters
    ----------
    sfreq : float
        Rate in Hz.
    highpass, lowpass : float
        Edges in Hz; a low-pass at or above half the rate is left out.
    order : int
        Order of the Butterworth filter.
    mains : float or None
        Frequency of the notch in Hz.
    """

    def __init__(
        self, sfreq: float, highpass: float, lowpass: float, order: int = 2, mains: float | None = None
    ) -> None:
        self.sfreq = sfreq
        self.highpass = highpass
        self.lowpass = lowpass
        self.order = order
        self.mains = mains

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return filtered signals: (n_trials, n_channels, n_times), float32.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Signals.

        Returns
        -------
        ndarray, shape (n_trials, n_channels, n_times)
            Filtered signals.

        Raises
        ------
        UserError
            If the trials are too short for the filter.
        """
        nyquist = self.sfreq / 2
        if self.highpass >= nyquist:
            raise UserError(f"a high-pass of {self.highpass:g} Hz lies above half the rate of {self.sfreq:g} Hz")
        signals = np.asarray(X)
        shortest = 3 * (2 * len(self._sections()) + 1)
        if signals.shape[-1] <= shortest:
            raise UserError(f"trials of {signals.shape[-1]} samples are too short to be filtered: give longer ones")
        # A thousand trials at a time keep the copies small.
        parts = np.array_split(signals, max(1, len(signals) // 1000))
        one = self._filtered if signals.shape[-1] > _LONGEST_AS_MATRIX else self._multiplied
        return np.concatenate([one(part) for part in parts])

    def _sections(self) -> np.ndarray:
        if self.lowpass < self.sfreq / 2:
            return butter(self.order, [self.highpass, self.lowpass], "bandpass", fs=self.sfreq, output="sos")
        return butter(self.order, self.highpass, "highpass", fs=self.sfreq, output="sos")

    def _filtered(self, signals: np.ndarray) -> np.ndarray:
        """Filter by recursion, sample after sample."""
        filtered = sosfiltfilt(self._sections(), signals, axis=-1)
        if self.mains is not None and self.mains < self.sfreq / 2:
            filtered = filtfilt(*iirnotch(self.mains, 30, self.sfreq), filtered, axis=-1)
        return filtered.astype(np.float32)

    def _multiplied(self, signals: np.ndarray) -> np.ndarray:
        """Filter by one multiplication.

        Running a filter forwards and backwards, its padding included, is linear in the trial:
        what it makes of the unit pulses is the matrix that does the same to any trial.
        """
        n_times = signals.shape[-1]
        key = self.sfreq, self.highpass, self.lowpass, self.order, self.mains
        flat = np.ascontiguousarray(signals, dtype=np.float32).reshape(-1, n_times)
        return (flat @ _as_matrix(key, n_times)).reshape(signals.shape)


_LONGEST_AS_MATRIX = 1024
"""Samples of a trial beyond which the recursion is about as fast as the multiplication."""


@lru_cache(maxsize=4)
def _as_matrix(key: tuple[float, float, float, int, float | None], n_times: int) -> np.ndarray:
    """Return the matrix (n_times, n_times) that trials are multiplied with from the right."""
    return BandPass(*key)._filtered(np.eye(n_times))


class MarginRemoval(_Stateless):
    """Cuts samples off both ends of each trial.

    Parameters
    ----------
    samples : int
        At either end.
    """

    def __init__(self, samples: int) -> None:
        self.samples = samples

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return the middle of the trials: (n_trials, n_channels, n_times - 2 * samples).

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Signals.

        Returns
        -------
        ndarray, shape (n_trials, n_channels, n_times - 2 * samples)
            What is left.

        Raises
        ------
        UserError
            If nothing would be left.
        """
        n_times = X.shape[-1]
        if n_times <= 2 * self.samples:
            raise UserError(f"trials of {n_times} samples are all margin: take a smaller one, or cut longer trials")
        return X[..., self.samples : n_times - self.samples]


class RobustChannelScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Scales each channel by the spread that it has in the training trials.

    Parameters
    ----------
    clip : float
        Scaled values beyond this are clipped.

    Attributes
    ----------
    centre_, scale_ : ndarray, shape (n_channels,)
        Median, and interquartile range as a standard deviation, in microvolts.
    """

    def __init__(self, clip: float = 10.0) -> None:
        self.clip = clip

    def fit(self, X: np.ndarray, y: np.ndarray | None = None) -> RobustChannelScaler:  # noqa: N803
        """Learn centre and spread: X is (n_trials, n_channels, n_times), of which `scaling_places` are looked at."""
        places = scaling_places(X.shape)
        signals = X if len(places) == len(X) else X[places]
        quartiles = np.stack(
            [np.quantile(signals[:, channel], [0.25, 0.5, 0.75]) for channel in range(signals.shape[1])], axis=1
        )
        spread = (quartiles[2] - quartiles[0]) / 1.349
        self.centre_ = quartiles[1].astype(np.float32)
        # A dead channel has no spread; dividing by 1 leaves it at zero.
        self.scale_ = np.where(spread > 0, spread, 1).astype(np.float32)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return scaled signals: (n_trials, n_channels, n_times), float32.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Signals.

        Returns
        -------
        ndarray, shape (n_trials, n_channels, n_times)
            Signals in units of the channel's spread.
        """
        scaled = (X - self.centre_[:, None]) / self.scale_[:, None]
        return np.clip(scaled, -self.clip, self.clip)


def scaling_places(shape: tuple[int, ...]) -> np.ndarray:
    """Return the places of the trials that a scaling is learned from.

    All of them where they are few; else thousands evenly spaced in time: a quartile of a
    million samples is known to a thousandth of the spread, and all samples need not be held.

    Parameters
    ----------
    shape : tuple of int
        (n_trials, n_channels, n_times).

    Returns
    -------
    ndarray of int
        In ascending order.
    """
    n_trials, n_channels, n_times = shape
    enough = max(500, min(_SCALING_SAMPLES, _SCALING_VALUES // n_channels) // n_times)
    if n_trials <= enough:
        return np.arange(n_trials)
    return np.linspace(0, n_trials - 1, enough).round().astype(int)


_SCALING_SAMPLES = 2**20  # a channel
_SCALING_VALUES = 2**26  # in all


_VALUES_AT_ONCE = 2**22


def parts_of(shape: tuple[int, ...]) -> Iterator[slice]:
    """Yield the stretches of trials that are preprocessed at a time, so that the copies stay small.

    Parameters
    ----------
    shape : tuple of int
        (n_trials, n_channels, n_times).
    """
    n_trials, *of_trial = shape
    step = max(256, _VALUES_AT_ONCE // int(np.prod(of_trial)) // 256 * 256)
    for start in range(0, max(1, n_trials), step):
        yield slice(start, min(start + step, n_trials))


def fit_in_parts(steps: Pipeline, signals: np.ndarray) -> None:
    """Fit what `PreprocessingSettings.build` gave to signals that need not fit into memory.

    Parameters
    ----------
    steps : Pipeline
        The transformer, whose last step learns and whose others do not.
    signals : ndarray, shape (n_trials, n_channels, n_times)
        Possibly memory-mapped: a part is read at a time.
    """
    places = scaling_places(signals.shape)
    parts = parts_of((len(places), *signals.shape[1:]))
    steps[-1].fit(np.concatenate([steps[:-1].transform(signals[places[part]]) for part in parts]))


def transform_in_parts(steps: Pipeline, signals: np.ndarray, out: np.ndarray) -> None:
    """Write the preprocessed signals into `out`, a part at a time.

    Parameters
    ----------
    steps : Pipeline
        The fitted transformer.
    signals : ndarray, shape (n_trials, n_channels, n_times)
        Possibly memory-mapped.
    out : ndarray, shape (n_trials, n_channels, n_times)
        Possibly memory-mapped.
    """
    for part in parts_of(signals.shape):
        out[part] = steps.transform(signals[part])
