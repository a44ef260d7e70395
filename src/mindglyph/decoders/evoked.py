"""`evoked`: a Bayesian model of evoked responses, smooth and of variable latency, in separable noise."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator

from mindglyph.decoders.base import DecoderSettings
from mindglyph.decoders.refitted import RefittedDecoder
from mindglyph.decoders.response_model import Basis, ResponseModel
from mindglyph.errors import UserError
from mindglyph.search import Between
from mindglyph.trials.chosen import chosen_rows

MOST_TRIALS = 200_000
"""Trials at most, evenly spaced, that responses and background are learned from: 320 MB of an EPOC's."""


class EvokedSettings(DecoderSettings):
    """What is known of the responses beforehand.

    Attributes
    ----------
    start, stop : float
        Seconds after the picture between which responses lie. All of the trial is used to
        tell the background in that window from the response.
    width : float
        Of the bumps that responses are made of, as a standard deviation in s: 0.035 s holds
        waves up to about 10 Hz.
    latency : float
        By how many s a response may be early or late in a single trial; 0 takes it to be
        always the same.
    latencies : int
        Latencies that are told apart.
    rate : float
        Samples a second after averaging.
    """

    start: Annotated[float, Between(0.0, 0.2)] = 0.05
    stop: Annotated[float, Between(0.4, 1.2)] = 0.75
    width: Annotated[float, Between(0.015, 0.08, log=True)] = Field(0.035, gt=0)
    latency: Annotated[float, Between(0.0, 0.06)] = Field(0.03, ge=0)
    latencies: int = Field(7, ge=2)
    rate: Annotated[float, Between(32.0, 128.0, log=True)] = Field(64.0, gt=0)

    @model_validator(mode="after")
    def _window(self) -> EvokedSettings:
        if self.start >= self.stop:
            raise ValueError("start lies after stop: swap them")
        return self

    def build(self, sfreq: float, seed: int = 0) -> Evoked:
        """Return the decoder."""
        return Evoked(self, sfreq=sfreq, seed=seed)


class Evoked(RefittedDecoder[EvokedSettings]):
    """Class probabilities by Bayes' rule; the trial's projections on smooth waves are the embedding.

    Attributes
    ----------
    model_ : ResponseModel
        Responses and background.
    log_frequencies_ : ndarray, shape (n_classes,)
        Logarithm of how often each class occurred.
    """

    settings_class = EvokedSettings

    def _fit_all(self, signals: np.ndarray, codes: np.ndarray) -> None:
        weights = self._class_weights(codes)
        counts = np.bincount(codes) if weights is None else np.bincount(codes) * weights
        self.log_frequencies_ = np.log(counts / counts.sum())
        if len(codes) > MOST_TRIALS:
            chosen = np.linspace(0, len(codes) - 1, MOST_TRIALS).round().astype(int)
            signals, codes = chosen_rows(signals, chosen), codes[chosen]
        self.model_ = ResponseModel(self._basis(self.shape_[1]), self._step()).fit(signals, codes, len(self.classes_))

    def _basis(self, n_times: int) -> Basis:
        settings = self.settings_
        step = self._step()
        times = self.tmin + (np.arange(n_times // step) + 0.5) * step / self.sfreq
        stop = min(settings.stop, times[-1])
        if stop <= settings.start:
            raise UserError("the trials end before the window in which evoked looks: set start and stop to fit them")
        centres = np.arange(settings.start, stop + 1e-9, 0.85 * settings.width)
        latencies = np.linspace(-settings.latency, settings.latency, settings.latencies)
        return Basis.of_bumps(times, centres, settings.width, latencies if settings.latency else np.zeros(1))

    def _step(self) -> int:
        return max(1, round(self.sfreq / self.settings_.rate))

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        return self.model_.log_likelihoods(signals) + self.log_frequencies_

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return self.model_.projections(signals)

    def n_parameters(self, shape: tuple[int, int], n_classes: int) -> int:
        """Return how many numbers are learned: responses, both whitenings, latencies and frequencies."""
        basis = self._basis(shape[1])
        n_bins = len(basis.span)
        n_latencies, _, n_bumps = basis.shifted.shape
        return n_classes * (shape[0] * n_bumps + 1) + shape[0] ** 2 + n_bins**2 + n_latencies

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"log_frequencies": self.log_frequencies_, **self.model_.arrays()}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.log_frequencies_ = arrays["log_frequencies"]
        self.model_ = ResponseModel(self._basis(self.shape_[1]), self._step()).restore(arrays)
