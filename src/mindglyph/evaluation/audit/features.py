"""Simple features of trials, and how well a linear decoder tells two or three kinds of trials by them.

They are few and plain on purpose: what they tell apart, any decoder can.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.preprocessing import StandardScaler

from mindglyph.errors import UserError
from mindglyph.inspection.parts import evenly_spaced, repaired, slices
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.trials import Trials

_MOST_TRIALS = 1500
_MOST_FEATURES = 400  # more would take a linear decoder minutes, and it finds what there is in fewer


@dataclass(frozen=True)
class Features:
    """Features of an evenly spaced part of the trials.

    Attributes
    ----------
    places : ndarray of int, shape (n_trials,)
        Which trials they are of.
    raw : ndarray, shape (n_trials, n_raw)
        Level and spread of each channel as recorded.
    preprocessed : ndarray, shape (n_trials, n_preprocessed), or None
        Mean signal in a few stretches of the trial, and log spread, of each channel after offset removal and
        filter; None where trials are too short to be filtered.
    """

    places: np.ndarray
    raw: np.ndarray
    preprocessed: np.ndarray | None


def features_of(trials: Trials, most: int = _MOST_TRIALS) -> Features:
    """Return the features of at most `most` evenly spaced trials; signals are read a few megabytes at a time."""
    places = evenly_spaced(len(trials), most)
    n_channels, n_times = trials.signals.shape[1:]
    chosen = evenly_spaced(n_channels, _MOST_FEATURES // 2)
    n_windows = int(np.clip(_MOST_FEATURES // len(chosen) - 1, 1, min(10, n_times)))
    steps = PreprocessingSettings().build(trials.sfreq)[:-1]
    raw: list[np.ndarray] = []
    preprocessed: list[np.ndarray] | None = []
    view = trials.view(places).signals
    for stretch in slices(view):
        signals = repaired(np.asarray(view[stretch], dtype=np.float32))[:, chosen]
        raw.append(np.concatenate([np.median(signals, axis=-1), _log_spread(signals)], axis=1))
        if preprocessed is None:
            continue
        try:
            filtered = steps.transform(signals)
        except UserError:
            preprocessed = None
            continue
        windows = [window.mean(axis=-1) for window in np.array_split(filtered, n_windows, axis=-1)]
        preprocessed.append(np.concatenate([*windows, _log_spread(filtered)], axis=1))
    return Features(places, np.concatenate(raw), None if preprocessed is None else np.concatenate(preprocessed))


def _log_spread(signals: np.ndarray) -> np.ndarray:
    # Channels that are flat in a trial have a spread of nought, whose logarithm is none.
    return np.log(np.maximum(signals.std(axis=-1), 1e-3))


def decoded(features: np.ndarray, kinds: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Return how much each tested trial looks like each kind.

    Parameters
    ----------
    features : ndarray, shape (n_trials, n_features)
        Any features.
    kinds : ndarray of int, shape (n_trials,)
        What is to be told apart.
    test : ndarray of bool, shape (n_trials,)
        Trials that are not learned from.

    Returns
    -------
    ndarray, shape (n_tested, n_kinds)
        Probabilities of a linear discriminant with shrunken covariance.
    """
    scaler = StandardScaler().fit(features[~test])
    decoder = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    # A few trials of great artifacts must not rule a covariance.
    train, tested = (np.clip(scaler.transform(features[chosen]), -5, 5) for chosen in (~test, test))
    decoder.fit(train, kinds[~test])
    return decoder.predict_proba(tested)
