"""What the decoders that end in a linear classifier of scikit-learn have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin

from mindglyph.decoders.base import AnyDecoderSettings, Decoder
from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.linear_start import LinearStart, one_row_a_class
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.refitted import HELD_OUT, RefittedDecoder
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

    _start: LinearStart | None = None

    def start_from(self, source: Decoder[Any], frozen: bool = False, new_head: bool = False) -> None:
        """Let the next fits begin with the scores of another decoder.

        A few new weights decide by the source's scores; unless it is frozen, they are mixed
        with those of a fit to the trials alone, in the shares that suit stretches held out.
        The head is new in any case, since the source's scores may mean something else here.

        Parameters
        ----------
        source : Decoder
            A fitted one of the same kind, for trials of the same shape.
        frozen : bool
            Whether the new weights are of the source's scores alone.
        new_head : bool
            Without effect.
        """
        self._start = LinearStart(source.arrays(), frozen, self.settings_.class_weight is not None)

    most_trials: int | None = None
    """Trials at most, evenly spaced, that the weights are learned from; None takes all."""

    @abstractmethod
    def _fit_features(self, signals: np.ndarray, codes: np.ndarray) -> None:
        """Fit whatever the features need."""

    @abstractmethod
    def _features(self, signals: np.ndarray) -> np.ndarray:
        """Return the features (n_trials, n_features) of some trials, once `_fit_features` is done."""

    @abstractmethod
    def _classifier(self) -> ClassifierMixin:
        """Return an unfitted classifier with `coef_` and `intercept_`, which heeds `class_weight`."""

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        if self._start is None:
            return super()._fit(signals, codes, monitor)
        return self._go_on(self._start, signals, codes)

    def _fit_all(self, signals: np.ndarray, codes: np.ndarray) -> None:
        self._fit_features(signals, codes)
        embedding, codes = self._learned(signals, codes)
        self.coef_, self.intercept_ = one_row_a_class(self._classifier().fit(embedding, codes))

    def _learned(self, signals: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return features and codes of the trials that the weights are learned from."""
        if self.most_trials is None or len(codes) <= self.most_trials:
            return self._embedding(signals), codes
        chosen = np.linspace(0, len(codes) - 1, self.most_trials).round().astype(int)
        # Read part by part, as `_embedding` does: the signals may not fit into memory.
        parts = [self._embedding(signals[part]) for part in np.array_split(chosen, 20)]
        return np.concatenate(parts), codes[chosen]

    def _go_on(self, start: LinearStart, signals: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        # What stands before the weights is the source's, so that its weights mean here what they mean there.
        self._restore(dict(start.arrays))
        embedding = self._embedding(signals)
        share = start.best_share(self._classifier, embedding, codes)
        learning, held_out = last_block(len(codes), HELD_OUT)
        scores = np.empty((0, len(self.classes_)))
        # A covariance within each class needs two trials of it.
        if np.bincount(codes[learning], minlength=len(self.classes_)).min() >= 2:
            learning = self._learned_from(learning, codes)
            coef, intercept = start.mixed(self._classifier(), embedding[learning], codes[learning])[share]
            scores = embedding[held_out] @ coef.T + intercept
        else:
            held_out = np.arange(0)
        learned = self._learned_from(np.arange(len(codes)), codes)
        self.coef_, self.intercept_ = start.mixed(self._classifier(), embedding[learned], codes[learned])[share]
        return held_out, scores

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
