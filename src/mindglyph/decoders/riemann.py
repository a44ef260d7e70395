"""`riemann`: covariances of each trial with the evoked responses, in the tangent space.

References
----------
Barachant & Congedo (2014), "A plug&play P300 BCI using information geometry",
https://doi.org/10.48550/arXiv.1409.0107;
Rivet et al. (2009), "xDAWN algorithm to enhance evoked potentials",
https://doi.org/10.1109/TBME.2009.2012869.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from pyriemann.estimation import ERPCovariances, XdawnCovariances
from pyriemann.tangentspace import TangentSpace
from sklearn.base import ClassifierMixin
from sklearn.linear_model import LogisticRegression

from mindglyph.decoders.averaging import averaged
from mindglyph.decoders.base import DecoderSettings
from mindglyph.decoders.linear import LinearDecoder
from mindglyph.errors import UserError
from mindglyph.preprocessing import parts_of
from mindglyph.search import Between, OneOf, WholeBetween

_REFERENCE_TRIALS = 500
"""Trials at most, evenly spaced, whose mean covariance is the reference: it takes many passes over them."""

_FLOOR = 1e-6
"""Share of the mean variance below which a direction of the background counts as empty."""


class RiemannSettings(DecoderSettings):
    """What the covariances are made of.

    Attributes
    ----------
    prototypes : {"xdawn", "erp"}
        How each class's evoked response is reduced to components: by spatial filters that
        raise it over the background, or by its own principal components.
    components : int
        Components of each class's evoked response that stand beside the channels.
    rate : float
        Samples a second that the covariances are taken from.
    regularization : float
        Inverse strength of the logistic regression's penalty.
    """

    prototypes: Annotated[Literal["xdawn", "erp"], OneOf("xdawn", "erp")] = "xdawn"
    components: Annotated[int, WholeBetween(1, 6)] = Field(2, ge=1)
    rate: Annotated[float, Between(32.0, 256.0, log=True)] = Field(128.0, gt=0)
    regularization: Annotated[float, Between(1e-3, 10.0, log=True)] = Field(0.1, gt=0)

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
    # Its features are many: of more trials they would take gigabytes, and the regression hours.
    most_trials = 20_000

    def _fit_features(self, signals: np.ndarray, codes: np.ndarray) -> None:
        self._refuse_what_has_no_covariance(signals)
        components = self._components(signals.shape[1:])
        places = np.unique(np.linspace(0, len(signals) - 1, min(len(signals), _REFERENCE_TRIALS)).round().astype(int))
        few = signals[places]
        # The prototypes come of the mean of each class alone, so each is fitted as if it were one trial.
        means = self._class_means(signals, codes)
        if self.settings_.prototypes == "xdawn":
            background = np.cov(np.concatenate(list(self._thinned(few)), axis=1)).reshape(2 * few.shape[1:2])
            covariances = XdawnCovariances(components, applyfilters=False, baseline_cov=_with_floor(background))
        else:
            covariances = ERPCovariances(svd=components)
        self.prototypes_ = covariances.fit(means, np.arange(len(means))).P_
        self.reference_ = TangentSpace().fit(self._covariances(few)).reference_

    def _refuse_what_has_no_covariance(self, signals: np.ndarray) -> None:
        if self._thinned(signals[:1]).shape[-1] < 2:
            raise UserError(
                f"trials of {signals.shape[-1]} samples are too short for riemann: give longer ones, or a higher rate"
            )
        if not any(np.ptp(signals[part], axis=-1).any() for part in parts_of(signals.shape)):
            raise UserError("every channel holds one value in every trial: nothing was recorded")

    def _class_means(self, signals: np.ndarray, codes: np.ndarray) -> np.ndarray:
        classes = range(len(self.classes_))
        sums = np.zeros((len(classes), *self._thinned(signals[:1]).shape[1:]))
        for part in parts_of(signals.shape):
            thinned = self._thinned(signals[part])
            sums += np.stack([thinned[codes[part] == code].sum(axis=0) for code in classes])
        means: np.ndarray = sums / np.bincount(codes, minlength=len(classes))[:, None, None]
        return means

    def _classifier(self) -> ClassifierMixin:
        settings = self.settings_
        return LogisticRegression(C=settings.regularization, class_weight=settings.class_weight, max_iter=500)

    def _thinned(self, signals: np.ndarray) -> np.ndarray:
        step = max(1, int(self.sfreq / self.settings_.rate))
        return averaged(signals, step).astype(np.float64)

    def _covariances(self, signals: np.ndarray) -> np.ndarray:
        covariances = ERPCovariances(estimator="oas")
        covariances.P_ = self.prototypes_
        return covariances.transform(self._thinned(signals))

    def _features(self, signals: np.ndarray) -> np.ndarray:
        space = TangentSpace()
        space.reference_ = self.reference_
        return space.transform(self._covariances(signals))

    def _components(self, shape: tuple[int, ...]) -> int:
        return min(self.settings_.components, *shape)

    def n_parameters(self, shape: tuple[int, int], n_classes: int) -> int:
        """Return how many numbers are learned: prototypes, reference, and the weights in its tangent space."""
        n_prototypes = n_classes * self._components(shape)
        n_bins = self._thinned(np.zeros((1, *shape), dtype=np.float32)).shape[-1]
        n = shape[0] + n_prototypes
        return n_prototypes * n_bins + n * n + n_classes * (n * (n + 1) // 2 + 1)

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"prototypes": self.prototypes_, "reference": self.reference_, **super()._arrays()}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        super()._restore(arrays)
        self.prototypes_, self.reference_ = arrays["prototypes"], arrays["reference"]


def _with_floor(covariance: np.ndarray) -> np.ndarray:
    """Return a covariance that can be inverted: a channel that is dead or copied, or a common reference, forbids it."""
    floor = _FLOOR * np.trace(covariance) / len(covariance)
    if np.linalg.eigvalsh(covariance)[0] > floor:
        return covariance
    return covariance + floor * np.eye(len(covariance))
