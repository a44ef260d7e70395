"""Reads from an embedding what the digit leaves open: slant, width, hand.

Three ways, each giving the log-likelihood of any picture in a trial: a ridge regression and a small
network, which predict the hand with an error that is Gaussian; and a contrastive alignment, which
brings the embedding of a trial next to that of its picture (NICE: Song et al. 2023,
https://doi.org/10.48550/arXiv.2308.13234; ATM: Li et al. 2024, https://doi.org/10.48550/arXiv.2403.07721).
Which is taken, and whether any, is decided by a stretch held out of the training trials.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Literal, get_args

import numpy as np
from scipy.special import logsumexp
from sklearn.base import RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mindglyph.reconstruction.alignment import Alignment

AlignmentName = Literal["none", "ridge", "network", "contrastive"]
ALIGNMENTS: tuple[AlignmentName, ...] = get_args(AlignmentName)
"""How the hand may be read, the simplest first."""

_PENALTIES = np.logspace(0, 8, 17)
_HELD_OUT = 0.25  # of the training trials, the last ones in time
_MOST_COMPARED = 2000  # trials, each with the picture of each
_FEWEST = 40  # training trials, below which no hand is read


class HandReader:
    """Weighs pictures of each trial by what the embedding tells of the hand.

    Parameters
    ----------
    ways : sequence of AlignmentName
        Among which is chosen.
    seed : int
        Of the networks.

    Attributes
    ----------
    way_ : AlignmentName
        The one chosen; `none` where the others told nothing of trials held out.
    gains_ : dict of AlignmentName to float
        Nats by which the picture shown is more probable than a picture of its digit drawn at
        random, on trials held out; chosen by them, so no score.
    """

    def __init__(self, ways: tuple[AlignmentName, ...] = ("ridge", "network"), seed: int = 0) -> None:
        self._ways = ways
        self._seed = seed
        self.way_: AlignmentName = "none"
        self.gains_: dict[AlignmentName, float] = {}

    def fit(self, embedding: np.ndarray, labels: np.ndarray, hands: np.ndarray) -> HandReader:
        """Learn from trials whose pictures are known.

        Parameters
        ----------
        embedding : ndarray, shape (n_trials, n_features)
            In the order of recording.
        labels : ndarray, shape (n_trials,)
            Digits shown.
        hands : ndarray, shape (n_trials, n_variables)
            Hands of the pictures shown.

        Returns
        -------
        HandReader
            Itself.
        """
        self.way_, self.gains_ = "none", {}
        if len(labels) < _FEWEST:
            return self
        n_learned = round((1 - _HELD_OUT) * len(labels))
        learned, held_out = slice(n_learned), slice(max(n_learned, len(labels) - _MOST_COMPARED), None)
        for way in self._ways:
            if way != "none":
                reader = self._built(way).fit(embedding[learned], hands[learned])
                likelihoods = reader.log_likelihoods(embedding[held_out], hands[held_out])
                self.gains_[way] = _gain(likelihoods, labels[held_out])
        # The simplest of equals; nothing is better than what tells less than nothing.
        self.way_ = max(("none", *self.gains_), key=lambda way: self.gains_.get(way, 0.0))
        if self.way_ != "none":
            self._reader = self._built(self.way_).fit(embedding, hands)
        return self

    def _built(self, way: AlignmentName) -> _Way:
        if way == "contrastive":
            return _Contrastive(self._seed)
        return _Regression(_regressor(way, self._seed))

    def log_likelihoods(self, embedding: np.ndarray, hands: np.ndarray, each: int | None = None) -> np.ndarray | None:
        """Return the log-likelihood of pictures of these hands in each trial, up to a constant of the trial.

        Parameters
        ----------
        embedding : ndarray, shape (n_trials, n_features)
            Of the trials.
        hands : ndarray, shape (n_pictures, n_variables)
            Of the pictures.
        each : int, optional
            Pictures of a digit, where they stand for all that there may be: what is predicted more
            finely than they lie apart is then spread over the nearest few.

        Returns
        -------
        ndarray, shape (n_trials, n_pictures), or None
            None where the embedding tells nothing.
        """
        return None if self.way_ == "none" else self._reader.log_likelihoods(embedding, hands, each)


class _Way(ABC):
    @abstractmethod
    def fit(self, embedding: np.ndarray, hands: np.ndarray) -> _Way:
        """Learn from trials in the order of recording."""

    @abstractmethod
    def log_likelihoods(self, embedding: np.ndarray, hands: np.ndarray, each: int | None = None) -> np.ndarray:
        """Return how likely each hand makes each embedding: (n_trials, n_pictures)."""


class _Regression(_Way):
    """Predicts the hand; a picture is as likely as the prediction is from its hand, beside any other."""

    def __init__(self, regressor: RegressorMixin) -> None:
        self._regressor = regressor

    def fit(self, embedding: np.ndarray, hands: np.ndarray) -> _Regression:
        self._centre = hands.mean(axis=0)
        # In these axes the hands that occur have covariance one, so the error that is left has at most that.
        values, axes = np.linalg.eigh(np.cov(hands.T, ddof=0).reshape(hands.shape[1], -1))
        self._axes = axes / np.sqrt(np.maximum(values, 1e-9 * values.max()))
        wanted = self._whitened(hands)
        n_learned = round((1 - _HELD_OUT) * len(hands))
        self._predictor = make_pipeline(StandardScaler(), self._regressor)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            self._predictor.fit(embedding[:n_learned], wanted[:n_learned])
            left = wanted[n_learned:] - self._predicted(embedding[n_learned:])
            self._predictor.fit(embedding, wanted)
        values, turn = np.linalg.eigh(left.T @ left / len(left))
        self._turn, self._errors = turn, values.clip(1e-3, 1.0)
        return self

    def _predicted(self, embedding: np.ndarray) -> np.ndarray:
        # One variable comes back without an axis of its own.
        return self._predictor.predict(embedding).reshape(len(embedding), -1)

    def _whitened(self, hands: np.ndarray) -> np.ndarray:
        return (hands - self._centre) @ self._axes

    def log_likelihoods(self, embedding: np.ndarray, hands: np.ndarray, each: int | None = None) -> np.ndarray:
        # Silverman's width of a kernel for as many points (https://doi.org/10.1201/9781315140919), squared.
        finest = 0.0 if each is None else each ** (-2 / (hands.shape[1] + 4))
        errors = self._errors.clip(min(1.0, finest))
        predicted = self._predicted(embedding) @ self._turn
        places = self._whitened(hands) @ self._turn
        # Density by the prediction over that of all hands: what the trial adds to what occurs anyway.
        squares = (
            (predicted**2 / errors).sum(axis=1)[:, None]
            - 2 * (predicted / errors) @ places.T
            + (places**2 * (1 / errors - 1)).sum(axis=1)
        )
        return -squares / 2


class _Contrastive(_Way):
    """Brings trial and picture together in a space of their own."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def fit(self, embedding: np.ndarray, hands: np.ndarray) -> _Contrastive:
        self._of_trials, self._of_hands = StandardScaler().fit(embedding), StandardScaler().fit(hands)
        self._alignment = Alignment(embedding.shape[1], hands.shape[1], self._seed)
        self._alignment.fit(self._of_trials.transform(embedding), self._of_hands.transform(hands))
        return self

    def log_likelihoods(self, embedding: np.ndarray, hands: np.ndarray, each: int | None = None) -> np.ndarray:
        return self._alignment.similarities(self._of_trials.transform(embedding), self._of_hands.transform(hands))


def _regressor(way: AlignmentName, seed: int) -> RegressorMixin:
    if way == "ridge":
        return RidgeCV(alphas=_PENALTIES, alpha_per_target=True)
    return MLPRegressor(hidden_layer_sizes=(64,), alpha=1.0, early_stopping=True, max_iter=200, random_state=seed)


def _gain(log_likelihoods: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean gain in nats of the picture shown over the pictures of its digit: trial by picture, square."""
    gains = []
    for label in np.unique(labels):
        places = np.flatnonzero(labels == label)
        own = log_likelihoods[np.ix_(places, places)]
        gains.append(own.diagonal() - logsumexp(own, axis=1) + np.log(len(places)))
    return float(np.concatenate(gains).mean())
