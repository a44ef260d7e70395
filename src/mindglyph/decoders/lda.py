"""`lda`: linear discriminant analysis with shrinkage, the baseline that is hard to beat.

References
----------
Blankertz et al. (2011), "Single-trial analysis and classification of ERP components",
https://doi.org/10.1016/j.neuroimage.2010.06.048.
"""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field, model_validator
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mindglyph.decoders.averaging import averaged
from mindglyph.decoders.base import DecoderSettings
from mindglyph.decoders.linear import LinearDecoder
from mindglyph.errors import UserError
from mindglyph.search import Between, OneOf


class LDASettings(DecoderSettings):
    """What the linear discriminant sees.

    Attributes
    ----------
    rate : float
        Samples a second after averaging; responses to pictures hold little above half of 32 Hz.
    start, stop : float
        Seconds after the picture between which it looks: the response to a picture that is
        flashed is over within about 0.8 s.
    shrinkage : float or None
        Of the covariance towards a multiple of the identity; None takes Ledoit and Wolf's.
    """

    rate: Annotated[float, Between(12.0, 64.0, log=True)] = Field(32.0, gt=0)
    start: Annotated[float, Between(0.0, 0.2)] = 0.0
    stop: Annotated[float, Between(0.4, 1.2)] = Field(0.8, gt=0)
    shrinkage: Annotated[float | None, OneOf(None, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)] = Field(None, ge=0, le=1)

    @model_validator(mode="after")
    def _window(self) -> LDASettings:
        if self.start >= self.stop:
            raise ValueError("start lies after stop: swap them")
        return self

    def build(self, sfreq: float, seed: int = 0) -> LDA:
        """Return the decoder."""
        return LDA(self, sfreq=sfreq, seed=seed)


class LDA(LinearDecoder[LDASettings]):
    """Averages samples down to `rate`, then discriminates linearly; the averages are the embedding."""

    settings_class = LDASettings

    def _fit_features(self, signals: np.ndarray, codes: np.ndarray) -> None:
        if not self._features(signals[:1]).size:
            raise UserError("the trials end before the window in which lda looks: set start and stop to fit them")

    def _classifier(self) -> ClassifierMixin:
        settings = self.settings_
        n_classes = len(self.classes_)
        # Equal priors weigh both the offsets and the classes' shares in the common covariance.
        priors = None if settings.class_weight is None else np.full(n_classes, 1 / n_classes)
        shrinkage = "auto" if settings.shrinkage is None else settings.shrinkage
        return LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage, priors=priors)

    def _features(self, signals: np.ndarray) -> np.ndarray:
        settings = self.settings_
        step = max(1, round(self.sfreq / settings.rate))
        start, stop = (max(0, round((edge - self.tmin) * self.sfreq)) for edge in (settings.start, settings.stop))
        window = signals[..., start:stop]
        binned = averaged(window, step)
        return binned.reshape(len(signals), binned.shape[1] * binned.shape[2])

    def n_parameters(self, shape: tuple[int, int], n_classes: int) -> int:
        """Return how many numbers are learned: a weight of each average for each class, and an offset."""
        n_features = self._features(np.zeros((1, *shape), dtype=np.float32)).size
        return n_classes * (n_features + 1)
