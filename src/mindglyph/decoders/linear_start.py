"""What a linear decoder begins with: the weights of another one, and how far they are believed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mindglyph.decoders.balance import balanced_weights
from mindglyph.decoders.calibration import best_temperature

# The first is taken where there are too few trials to choose by.
_SHARES = (0.5, 0.0, 0.25, 0.75, 1.0)

_STRETCHES = 5


@dataclass(frozen=True)
class LinearStart:
    """The source's weights, as one of two opinions.

    The one is that of the source: its scores, from which a few new weights decide. The other is
    that of a fit to the new trials alone. Both are weights of the same features, so they can be
    mixed, and the mixture is a linear decoder like any other.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        What the source has fitted, its features too.
    frozen : bool
        Whether the source's opinion alone counts.
    balanced : bool
        Whether each class counts the same, however many trials it has.
    """

    arrays: Mapping[str, np.ndarray]
    frozen: bool = False
    balanced: bool = False

    def mixed(
        self, classifier: ClassifierMixin, embedding: np.ndarray, codes: np.ndarray
    ) -> dict[float, tuple[np.ndarray, np.ndarray]]:
        """Return coefficients and intercepts for each share that the source may have.

        Parameters
        ----------
        classifier : ClassifierMixin
            Unfitted; that of the trials alone.
        embedding : ndarray, shape (n_trials, n_features)
            Features.
        codes : ndarray, shape (n_trials,)
            Place of each trial's class.

        Returns
        -------
        dict of float to (ndarray, ndarray)
            By the share: (n_classes, n_features) and (n_classes,).
        """
        n_classes = len(np.unique(codes))
        priors = np.full(n_classes, 1 / n_classes) if self.balanced else None
        head = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=priors)
        coef, intercept = self.arrays["coef"], self.arrays["intercept"]
        head_coef, head_intercept = one_row_a_class(head.fit(embedding @ coef.T + intercept, codes))
        taken = head_coef @ coef, head_coef @ intercept + head_intercept
        if self.frozen:
            return {1.0: taken}
        own = one_row_a_class(classifier.fit(embedding, codes))
        return {
            share: (share * taken[0] + (1 - share) * own[0], share * taken[1] + (1 - share) * own[1])
            for share in _SHARES
        }

    def best_share(self, classifier: Callable[[], ClassifierMixin], embedding: np.ndarray, codes: np.ndarray) -> float:
        """Return the share of the source under which stretches held out in turn surprise least.

        Parameters
        ----------
        classifier : callable
            Gives an unfitted classifier.
        embedding : ndarray, shape (n_trials, n_features)
            Features in the order of recording.
        codes : ndarray, shape (n_trials,)
            Place of each trial's class.

        Returns
        -------
        float
            Between 0 and 1.
        """
        if self.frozen:
            return 1.0
        scores: dict[float, list[np.ndarray]] = {share: [] for share in _SHARES}
        truth = []
        for tested in np.array_split(np.arange(len(codes)), _STRETCHES):
            learned = np.setdiff1d(np.arange(len(codes)), tested)
            # A covariance within each class needs two trials of it.
            if not len(tested) or np.bincount(codes[learned], minlength=codes.max() + 1).min() < 2:
                continue
            truth.append(codes[tested])
            for share, (coef, intercept) in self.mixed(classifier(), embedding[learned], codes[learned]).items():
                scores[share].append(embedding[tested] @ coef.T + intercept)
        if not truth:
            return _SHARES[0]
        tested_codes = np.concatenate(truth)
        weights = balanced_weights(tested_codes, codes.max() + 1)[tested_codes] if self.balanced else None
        return min(_SHARES, key=lambda share: _surprise(np.concatenate(scores[share]), tested_codes, weights))


def one_row_a_class(classifier: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return coefficients (n_classes, n_features) and intercepts (n_classes,) of a fitted linear classifier.

    scikit-learn keeps one row for two classes; the scores here are always one a class.

    Parameters
    ----------
    classifier : ClassifierMixin
        Fitted.

    Returns
    -------
    coefficients : ndarray, shape (n_classes, n_features)
        One row a class.
    intercepts : ndarray, shape (n_classes,)
        One a class.
    """
    coef, intercept = classifier.coef_, classifier.intercept_
    if len(coef) > 1:
        return coef, intercept
    return np.concatenate([-coef / 2, coef / 2]), np.concatenate([-intercept / 2, intercept / 2])


def _surprise(scores: np.ndarray, codes: np.ndarray, weights: np.ndarray | None) -> float:
    """Return the mean surprise at the labels, trials counted by `weights`, under the best temperature."""
    log_probabilities = log_softmax(scores / best_temperature(scores, codes, weights=weights), axis=1)
    return -float(np.average(log_probabilities[np.arange(len(codes)), codes], weights=weights))
