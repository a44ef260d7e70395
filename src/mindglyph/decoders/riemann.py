"""`riemann`: covariances of each trial with the evoked responses, in the tangent space.

References
----------
Barachant & Congedo (2014), "A plug&play P300 BCI using information geometry",
https://doi.org/10.48550/arXiv.1409.0107.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field
from pyriemann.estimation import ERPCovariances
from pyriemann.tangentspace import TangentSpace
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression

from mindglyph.decoders.base import DecoderSettings
from mindglyph.decoders.linear import LinearDecoder
from mindglyph.preprocessing import parts_of

_REFERENCE_TRIALS = 10_000
"""Trials at most, evenly spaced, whose mean covariance is the reference: more would change little and take memory."""


class RiemannSettings(DecoderSettings):
    """What the covariances are made of.

    Attributes
    ----------
    components : int
        Components of each class's evoked response that stand beside the channels.
    rate : float
        Samples a second that the covariances are taken from.
    regularization : float
        Inverse strength of the logistic regression's penalty.
    """

    components: int = Field(1, ge=1)
    rate: float = Field(64.0, gt=0)
    regularization: float = Field(0.01, gt=0)

    def build(self, sfreq: float, seed: int = 0) -> Riemann:
        """Return the decoder."""
        return Riemann(self, sfreq=sfreq, seed=seed)


class Riemann(LinearDecoder[RiemannSettings]):
    """Tangent vectors of evoked-response covariances, which are the embedding.

    Attributes
    ----------
    prototypes_ : ndarray, shape (n_prototypes, n_times)
        Evoked responses beside which each trial is put.
    reference_ : ndarray, shape (n, n)
        Covariance at which the tangent space touches, n = channels and prototypes.
    """

    settings_class = RiemannSettings

    def _fit_features(self, signals: np.ndarray, codes: np.ndarray) -> None:
        components = min(self.settings_.components, *signals.shape[1:])
        # The prototypes come of the mean of each class alone, so each is fitted as if it were one trial.
        means = self._class_means(signals, codes)
        self.prototypes_ = ERPCovariances(estimator="oas", svd=components).fit(means, np.arange(len(means))).P_
        places = np.unique(np.linspace(0, len(signals) - 1, min(len(signals), _REFERENCE_TRIALS)).round().astype(int))
        shape = (len(places), *signals.shape[1:])
        covariances = [self._covariances(signals[places[part]]) for part in parts_of(shape)]
        self.reference_ = TangentSpace().fit(np.concatenate(covariances)).reference_

    def _class_means(self, signals: np.ndarray, codes: np.ndarray) -> np.ndarray:
        classes = range(len(self.classes_))
        sums = np.zeros((len(classes), *self._thinned(signals[:1]).shape[1:]))
        for part in parts_of(signals.shape):
            thinned = self._thinned(signals[part])
            sums += np.stack([thinned[codes[part] == code].sum(axis=0) for code in classes])
        means: np.ndarray = sums / np.bincount(codes, minlength=len(classes))[:, None, None]
        return means

    def _classifier(self) -> ClassifierMixin:
        return LogisticRegression(C=self.settings_.regularization, max_iter=500)

    def _thinned(self, signals: np.ndarray) -> np.ndarray:
        step = max(1, int(self.sfreq / self.settings_.rate))
        n_bins = signals.shape[-1] // step
        thinned: np.ndarray = signals[..., : n_bins * step].reshape(*signals.shape[:2], n_bins, step).mean(axis=-1)
        return thinned.astype(np.float64)

    def _covariances(self, signals: np.ndarray) -> np.ndarray:
        covariances = ERPCovariances(estimator="oas")
        covariances.P_ = self.prototypes_
        return covariances.transform(self._thinned(signals))

    def _features(self, signals: np.ndarray) -> np.ndarray:
        space = TangentSpace()
        space.reference_ = self.reference_
        return space.transform(self._covariances(signals))

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"prototypes": self.prototypes_, "reference": self.reference_, **super()._arrays()}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        super()._restore(arrays)
        self.prototypes_, self.reference_ = arrays["prototypes"], arrays["reference"]
