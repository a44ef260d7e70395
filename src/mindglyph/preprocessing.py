"""Makes signals ready for a decoder: offset removal, zero-phase filters, robust scaling.

Transformers of scikit-learn over (n_trials, n_channels, n_times). The first two look at one
trial at a time; the scaling learns from trials, so it is fitted inside the training fold.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator
from scipy.signal import butter, filtfilt, iirnotch, sosfiltfilt
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import Pipeline

from mindglyph.errors import UserError
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
    clip : float
        Values beyond this many robust standard deviations are clipped.
    """

    highpass: float = Field(0.5, gt=0)
    lowpass: float = Field(30.0, gt=0)
    order: int = Field(2, ge=1, le=8)
    mains: float | None = Field(None, gt=0)
    clip: float = Field(10.0, gt=0)

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
                ("scale", RobustChannelScaler(self.clip)),
            ]
        )


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
        """Return signals around zero: (n_trials, n_channels, n_times), float32."""
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

        Raises
        ------
        UserError
            If the trials are too short for the filter.
        """
        nyquist = self.sfreq / 2
        if self.highpass >= nyquist:
            raise UserError(f"a high-pass of {self.highpass:g} Hz lies above half the rate of {self.sfreq:g} Hz")
        if self.lowpass < nyquist:
            sections = butter(self.order, [self.highpass, self.lowpass], "bandpass", fs=self.sfreq, output="sos")
        else:
            sections = butter(self.order, self.highpass, "highpass", fs=self.sfreq, output="sos")
        signals = np.asarray(X)
        if signals.shape[-1] <= 3 * (2 * len(sections) + 1):
            raise UserError(f"trials of {signals.shape[-1]} samples are too short to be filtered: give longer ones")
        # A thousand trials at a time keep the filter's float64 copies small.
        parts = np.array_split(signals, max(1, len(signals) // 1000))
        return np.concatenate([self._filtered(part, sections, nyquist) for part in parts])

    def _filtered(self, signals: np.ndarray, sections: np.ndarray, nyquist: float) -> np.ndarray:
        filtered = sosfiltfilt(sections, signals, axis=-1)
        if self.mains is not None and self.mains < nyquist:
            filtered = filtfilt(*iirnotch(self.mains, 30, self.sfreq), filtered, axis=-1)
        return filtered.astype(np.float32)


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
        """Learn centre and spread: X is (n_trials, n_channels, n_times)."""
        quartiles = np.quantile(np.swapaxes(X, 0, 1).reshape(X.shape[1], -1), [0.25, 0.5, 0.75], axis=1)
        spread = (quartiles[2] - quartiles[0]) / 1.349
        self.centre_ = quartiles[1].astype(np.float32)
        # A dead channel has no spread; dividing by 1 leaves it at zero.
        self.scale_ = np.where(spread > 0, spread, 1).astype(np.float32)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return scaled signals: (n_trials, n_channels, n_times), float32."""
        scaled = (X - self.centre_[:, None]) / self.scale_[:, None]
        return np.clip(scaled, -self.clip, self.clip)
