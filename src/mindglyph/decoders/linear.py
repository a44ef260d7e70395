"""What the decoders that end in a linear classifier of scikit-learn have in common."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from sklearn.base import ClassifierMixin

from mindglyph.decoders.base import AnyDecoderSettings
from mindglyph.decoders.refitted import RefittedDecoder
from mindglyph.preprocessing import parts_of


class LinearDecoder(RefittedDecoder[AnyDecoderSettings]):
    """Features, then a linear classifier.

    Attributes
    ----------
    coef_ : ndarray, shape (n_classes, n_features)
        Weights of the scores.
    intercept_ : ndarray, shape (n_classes,)
        Their offsets.
    """

    @abstractmethod
    def _fit_features(self, signals: np.ndarray, codes: np.ndarray) -> None:
        """Fit whatever the features need."""

    @abstractmethod
    def _features(self, signals: np.ndarray) -> np.ndarray:
        """Return the features (n_trials, n_features) of some trials, once `_fit_features` is done."""

    @abstractmethod
    def _classifier(self) -> ClassifierMixin:
        """Return an unfitted classifier with `coef_` and `intercept_`."""

    def _fit_all(self, signals: np.ndarray, codes: np.ndarray) -> None:
        self._fit_features(signals, codes)
        classifier = self._classifier().fit(self._embedding(signals), codes)
        self.coef_, self.intercept_ = classifier.coef_, classifier.intercept_
        if len(self.classes_) == 2:
            # scikit-learn keeps one row for two classes; the scores here are always one a class.
            self.coef_ = np.concatenate([-self.coef_ / 2, self.coef_ / 2])
            self.intercept_ = np.concatenate([-self.intercept_ / 2, self.intercept_ / 2])

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        return self._embedding(signals) @ self.coef_.T + self.intercept_

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        first = self._features(signals[:1])
        features = np.empty((len(signals), *first.shape[1:]), dtype=first.dtype)
        for part in parts_of(signals.shape):
            features[part] = self._features(signals[part])
        return features

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"coef": self.coef_, "intercept": self.intercept_}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.coef_, self.intercept_ = arrays["coef"], arrays["intercept"]
