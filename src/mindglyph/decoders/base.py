"""What every decoder is: a classifier with an embedding that can be written as arrays."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Generic, Literal, TypeVar

import numpy as np
from scipy.special import log_softmax
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from mindglyph.decoders.balance import balanced_weights, resampled
from mindglyph.decoders.calibration import LOWEST_TEMPERATURE, best_temperature, softmax
from mindglyph.decoders.confidence import least_confidence
from mindglyph.decoders.monitor import Monitor
from mindglyph.errors import UserError
from mindglyph.settings import Settings


class DecoderSettings(Settings, ABC):
    """Settings whose `build` gives a decoder.

    Attributes
    ----------
    class_weight : {"balanced"} or None
        With `balanced` each class counts the same, however many trials it has.
    resample : {"over", "under"} or None
        Learn from as many trials of each class: `over` repeats those of the rarer, `under`
        leaves out some of the more frequent. See `mindglyph.decoders.balance`.
    """

    class_weight: Literal["balanced"] | None = None
    resample: Literal["over", "under"] | None = None

    @property
    def in_parts(self) -> bool:
        """Whether parts of the decoder can be trained apart from one another, in several processes."""
        return False

    @abstractmethod
    def build(self, sfreq: float, seed: int = 0) -> Decoder[Any]:
        """Return an unfitted decoder for signals of `sfreq` Hz."""


AnyDecoderSettings = TypeVar("AnyDecoderSettings", bound=DecoderSettings)


class Decoder(ClassifierMixin, BaseEstimator, ABC, Generic[AnyDecoderSettings]):  # type: ignore[misc]
    """A classifier over trials.

    A subclass gives scores for its classes, before the softmax; the temperature that makes
    honest probabilities of them is found on trials of the training fold that the scores were
    not fitted to.

    Parameters
    ----------
    settings : DecoderSettings or None
        None takes the defaults.
    sfreq : float
        Rate of the signals in Hz.
    seed : int
        For all that is random.
    tmin : float
        Time of the first sample in s after the picture; the pipeline sets it by the trials.

    Attributes
    ----------
    classes_ : ndarray, shape (n_classes,)
        Labels in the order of the probabilities.
    shape_ : tuple of int
        (n_channels, n_times) of the trials it was fitted to.
    temperature_ : float
        By which the scores are divided before the softmax.
    history_ : list of dict
        Per epoch of training, for decoders that train in epochs.
    held_out_ : dict
        `n_trials`, `loss` and `accuracy` on the trials held out of the training fold, and the
        least `confidence` at which the decoder can be told from guessing there; None where there
        are none. The temperature, and a network's best epoch, were chosen on them: no score.
    """

    settings_class: type[AnyDecoderSettings]
    lowest_temperature = LOWEST_TEMPERATURE

    def __init__(
        self, settings: AnyDecoderSettings | None = None, sfreq: float = 128.0, seed: int = 0, tmin: float = 0.0
    ) -> None:
        self.settings = settings
        self.sfreq = sfreq
        self.seed = seed
        self.tmin = tmin

    @property
    def settings_(self) -> AnyDecoderSettings:
        """The settings in force."""
        return self.settings if self.settings is not None else self.settings_class()

    def fit(
        self,
        X: np.ndarray,  # noqa: N803
        y: np.ndarray,
        monitor: Monitor | None = None,
    ) -> Decoder[AnyDecoderSettings]:
        """Learn from trials.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed signals in the order of recording, so that what is held out for
            stopping and calibration is a stretch of time of its own.
        y : ndarray, shape (n_trials,)
            Labels.
        monitor : Monitor, optional
            Who is told of each epoch, and where an unfinished training is kept.

        Returns
        -------
        Decoder
            Itself.

        Raises
        ------
        UserError
            If the trials have another shape, fewer than two classes, or no class has two of them.
        """
        signals, codes = self._begun(X, y)
        held_out, held_out_scores = self._fit(signals, codes, monitor or Monitor())
        self._temper(held_out_scores, codes[held_out])
        return self

    def fit_scores(
        self,
        X: np.ndarray,  # noqa: N803
        y: np.ndarray,
        monitor: Monitor | None = None,
    ) -> Decoder[AnyDecoderSettings]:
        """Learn as `fit` does, for one who finds the temperature of several decoders together.

        Where a decoder needs no trials held out but for its temperature, none are, and its
        temperature stays 1.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            As `fit` takes them.
        y : ndarray, shape (n_trials,)
            Labels.
        monitor : Monitor, optional
            Who is told of each epoch, and where an unfinished training is kept.

        Returns
        -------
        Decoder
            Itself.

        Raises
        ------
        UserError
            If the trials have another shape, fewer than two classes, or no class has two of them.
        """
        self._fit_scores(*self._begun(X, y), monitor or Monitor())
        return self

    def _begun(self, X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:  # noqa: N803
        """Check trials and labels, take their classes and shape, and return signals and codes."""
        signals = _as_signals(X)
        if signals.ndim != 3 or len(signals) != len(y):
            raise UserError(
                f"signals of shape {signals.shape} for {len(y)} labels: give (n_trials, n_channels, n_times)"
            )
        classes, codes = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise UserError("only one class among the trials to learn from: give at least two")
        if len(signals) <= len(classes):
            raise UserError(
                f"{len(signals)} trials of {len(classes)} labels are too few to learn from: give a longer recording"
            )
        self.classes_ = classes
        self.shape_ = signals.shape[1:]
        self.history_: list[dict[str, float]] = []
        return signals, codes

    def start_from(self, source: Decoder[Any], frozen: bool = False, new_head: bool = False) -> None:
        """Let the next fits begin with what another decoder has learned.

        Parameters
        ----------
        source : Decoder
            A fitted one of the same kind and settings, for trials of the same shape.
        frozen : bool
            Whether what stands before the decision stays as it is.
        new_head : bool
            Whether the decision begins anew; it does so in any case where the classes differ.

        Raises
        ------
        UserError
            If a decoder of this kind can only begin anew.
        """
        raise UserError(
            f"a decoder of the kind {type(self).__name__} learns nothing that another one could begin with: "
            "train it anew, or start from lda, riemann or a network"
        )

    def _class_weights(self, codes: np.ndarray) -> np.ndarray | None:
        """Return the weight (n_classes,) of each class in the loss on these trials; None counts all alike."""
        return None if self.settings_.class_weight is None else balanced_weights(codes, len(self.classes_))

    def _held_out_weights(self, codes: np.ndarray) -> np.ndarray | None:
        """Return the weight (n_classes,) of each class where trials are held out: these are never resampled."""
        if self.settings_.class_weight is None and self.settings_.resample is None:
            return None
        return balanced_weights(codes, len(self.classes_))

    def _learned_from(self, places: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Return those of the places, in order and perhaps repeated, that are learned from."""
        how = self.settings_.resample
        return places if how is None else resampled(places, codes, how, self.seed)

    @abstractmethod
    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        """Fit, and return places of trials and their scores by a fit that had not seen them."""

    def _fit_scores(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> None:
        """Fit, and leave the temperature to others; a decoder that can save work by it does."""
        held_out, held_out_scores = self._fit(signals, codes, monitor)
        self._temper(held_out_scores, codes[held_out])

    def _temper(self, scores: np.ndarray, codes: np.ndarray) -> None:
        """Find the temperature, and how well scores of that temperature do, on trials held out."""
        weights = self._held_out_weights(codes)
        of_trials = None if weights is None else weights[codes]
        self.temperature_ = best_temperature(scores, codes, self.lowest_temperature, of_trials)
        self.held_out_ = _figures(np.asarray(scores, dtype=np.float64) / self.temperature_, codes)

    @abstractmethod
    def _scores(self, signals: np.ndarray) -> np.ndarray:
        """Return the scores (n_trials, n_classes) before the softmax."""

    @abstractmethod
    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        """Return the embedding (n_trials, n_features)."""

    @abstractmethod
    def _arrays(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as arrays of numbers."""

    @abstractmethod
    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back what `_arrays` gave; `classes_` and `shape_` are set already."""

    def _forests(self) -> dict[str, Any]:
        """Return the fitted estimators of scikit-learn that are no arrays, by name: forests, boosted trees."""
        return {}

    def _restore_forests(self, forests: Mapping[str, Any]) -> None:
        """Take back what `_forests` gave; called after `_restore`."""

    def n_parameters(self, shape: tuple[int, int], n_classes: int) -> int | None:
        """Return how many numbers are learned from trials of a shape; None where the trials themselves decide.

        Networks are counted by `mindglyph.decoders.sizes`, which builds them.

        Parameters
        ----------
        shape : tuple of int
            (n_channels, n_times) of a trial.
        n_classes : int
            Labels to tell apart.

        Returns
        -------
        int or None
            The count.
        """
        return None

    def predict_proba(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return the probability of each class: (n_trials, n_classes), float64.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed signals of the shape that it was fitted to.

        Returns
        -------
        ndarray, shape (n_trials, n_classes)
            Probabilities in the order of `classes_`, float64.

        Raises
        ------
        UserError
            If the trials have another shape.
        """
        return softmax(self._scores(self._checked(X)) / self.temperature_)

    def predict(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return the most probable label of each trial: (n_trials,).

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed signals of the shape that it was fitted to.

        Returns
        -------
        ndarray, shape (n_trials,)
            Labels.

        Raises
        ------
        UserError
            If the trials have another shape.
        """
        # The probabilities first: they see whether it was fitted, and so whether there are classes.
        places = self.predict_proba(X).argmax(axis=1)
        return self.classes_[places]

    def embed(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return what the decision is made from: (n_trials, n_features), float32.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed signals of the shape that it was fitted to.

        Returns
        -------
        ndarray, shape (n_trials, n_features)
            Features, float32.

        Raises
        ------
        UserError
            If the trials have another shape.
        """
        return self._embedding(self._checked(X)).astype(np.float32)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def _checked(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        check_is_fitted(self, "temperature_")
        signals = _as_signals(X)
        if signals.shape[1:] != self.shape_:
            raise UserError(
                f"the decoder was trained on (channels, samples) {self.shape_}, these are {signals.shape[1:]}: "
                "give a recording of the same headset"
            )
        return signals

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as arrays of numbers."""
        return {"temperature": np.array([self.temperature_]), **self._arrays()}

    def forests(self) -> dict[str, Any]:
        """Return what was fitted and is no array: estimators of scikit-learn, by name."""
        return self._forests()

    def restore(
        self,
        arrays: dict[str, np.ndarray],
        classes: Sequence[int | str],
        shape: tuple[int, ...],
        forests: Mapping[str, Any] | None = None,
    ) -> None:
        """Take back what `arrays` and `forests` gave.

        Parameters
        ----------
        arrays : dict of str to ndarray
            What `arrays` gave.
        classes : sequence of int or str
            Labels in the order of the probabilities.
        shape : tuple of int
            (n_channels, n_times) of the trials it was fitted to.
        forests : mapping of str to estimator, optional
            What `forests` gave.
        """
        self.classes_ = np.array(classes)
        self.shape_ = shape
        self.history_ = []
        self._restore(arrays)
        self._restore_forests(forests or {})
        self.temperature_ = float(arrays["temperature"][0])


def _as_signals(X: np.ndarray) -> np.ndarray:  # noqa: N803
    """Return trials as float32; what is larger than memory stays where it is."""
    signals = np.asarray(X, dtype=np.float32)
    # torch takes no view that runs backwards.
    return signals.copy() if min(signals.strides, default=0) < 0 else signals


def _figures(scores: np.ndarray, codes: np.ndarray) -> dict[str, float | None]:
    if not len(codes):
        return {"n_trials": 0, "loss": None, "accuracy": None, "confidence": None}
    loss = -log_softmax(scores, axis=1)[np.arange(len(codes)), codes].mean()
    return {
        "n_trials": len(codes),
        "loss": float(loss),
        "accuracy": float((scores.argmax(axis=1) == codes).mean()),
        "confidence": least_confidence(softmax(scores), codes),
    }
