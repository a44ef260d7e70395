"""What the decoders that end in a linear classifier of scikit-learn have in common."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mindglyph.decoders.base import AnyDecoderSettings, Decoder
from mindglyph.decoders.calibration import best_temperature, last_block
from mindglyph.decoders.monitor import Monitor
from mindglyph.preprocessing import parts_of

HELD_OUT = 0.2
"""Share of the training trials on which the temperature is found, before the fit to all of them."""

# The first is taken where nothing can be held out to choose by.
_SHARES = (0.5, 0.0, 0.25, 0.75, 1.0)


@dataclass(frozen=True)
class LinearStart:
    """What a linear decoder begins with.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        What the source has fitted, its features too.
    frozen : bool
        Whether it decides by the source's scores alone.
    """

    arrays: Mapping[str, np.ndarray]
    frozen: bool = False


class LinearDecoder(Decoder[AnyDecoderSettings]):
    """Features, then a linear classifier.

    Attributes
    ----------
    coef_ : ndarray, shape (n_classes, n_features)
        Weights of the scores.
    intercept_ : ndarray, shape (n_classes,)
        Their offsets.
    """

    _start: LinearStart | None = None

    def start_from(self, source: Decoder[Any], frozen: bool = False, new_head: bool = False) -> None:
        """Let the next fits begin with the scores of another decoder.

        A few new weights decide by the source's scores; unless it is frozen, they are mixed
        with those of a fit to the trials alone, in the shares that suit a stretch held out.
        The head is new in any case, since the source's scores may mean something else here.
        """
        self._start = LinearStart(source.arrays(), frozen)

    @abstractmethod
    def _fit_features(self, signals: np.ndarray, codes: np.ndarray) -> None:
        """Fit whatever the features need."""

    @abstractmethod
    def _features(self, signals: np.ndarray) -> np.ndarray:
        """Return the features (n_trials, n_features) of some trials, once `_fit_features` is done."""

    @abstractmethod
    def _classifier(self) -> ClassifierMixin:
        """Return an unfitted classifier with `coef_` and `intercept_`."""

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        learning, held_out = last_block(len(codes), HELD_OUT)
        scores = {}
        # A covariance within each class needs two trials of it.
        if np.bincount(codes[learning], minlength=len(self.classes_)).min() >= 2:
            # Both are stretches: cut, not indexed, they are no copies of signals that may not fit into memory.
            for share, weights in self._weights(signals[: len(learning)], codes[learning]).items():
                self.coef_, self.intercept_ = weights
                scores[share] = self._scores(signals[held_out[0] :])
        else:
            held_out = np.arange(0)
        weights_by_share = self._weights(signals, codes)
        share = min(scores or weights_by_share, key=lambda share: _surprise(scores.get(share), codes[held_out]))
        self.coef_, self.intercept_ = weights_by_share[share]
        return held_out, scores.get(share, np.empty((0, len(self.classes_))))

    def _weights(self, signals: np.ndarray, codes: np.ndarray) -> dict[float, tuple[np.ndarray, np.ndarray]]:
        """Fit the features, and return coefficients and intercepts for each share that the source may have."""
        if self._start is None:
            self._fit_features(signals, codes)
        else:
            # What stands before the weights is the source's, so that its weights mean here what they mean there.
            self._restore(dict(self._start.arrays))
        embedding = self._embedding(signals)
        coef, intercept = _one_row_a_class(self._classifier().fit(embedding, codes))
        if self._start is None:
            return {0.0: (coef, intercept)}
        source_coef, source_intercept = self._start.arrays["coef"], self._start.arrays["intercept"]
        head = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        head_coef, head_intercept = _one_row_a_class(head.fit(embedding @ source_coef.T + source_intercept, codes))
        # Both are linear, so together they are weights of the features like any others.
        taken_coef, taken_intercept = head_coef @ source_coef, head_coef @ source_intercept + head_intercept
        return {
            share: (share * taken_coef + (1 - share) * coef, share * taken_intercept + (1 - share) * intercept)
            for share in ((1.0,) if self._start.frozen else _SHARES)
        }

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        return self._embedding(signals) @ self.coef_.T + self.intercept_

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return np.concatenate([self._features(signals[part]) for part in parts_of(signals.shape)])

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"coef": self.coef_, "intercept": self.intercept_}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.coef_, self.intercept_ = arrays["coef"], arrays["intercept"]


def _one_row_a_class(classifier: Any) -> tuple[np.ndarray, np.ndarray]:
    coef, intercept = classifier.coef_, classifier.intercept_
    if len(coef) > 1:
        return coef, intercept
    # scikit-learn keeps one row for two classes; the scores here are always one a class.
    return np.concatenate([-coef / 2, coef / 2]), np.concatenate([-intercept / 2, intercept / 2])


def _surprise(scores: np.ndarray | None, codes: np.ndarray) -> float:
    """Return the mean surprise at the labels by scores of the best temperature; equal where there are no scores."""
    if scores is None:
        return 0.0
    log_probabilities = log_softmax(scores / best_temperature(scores, codes), axis=1)
    return -float(log_probabilities[np.arange(len(codes)), codes].mean())
