"""Classes of unequal size: weigh them, or choose trials until they are of one size.

Both belong to the training fold alone. What is tested, and the stretch held out for stopping and
for the temperature, keep the trials that they have; the losses there are weighted instead. The
probabilities are then those of a world in which all classes are equally frequent: in a recording
in which they are not, a rare label comes out more often than it occurs.

Trials are chosen among those that were recorded, and none is made. Interpolating between trials
(SMOTE and its kin) is left out on purpose: trials near in signal may be far apart in time, so
that a trial made of two belongs to no moment. It would stand before and after a gap or a held-out
stretch at once, and carry the one side's drift into the other.

References
----------
Lemaitre, Nogueira & Aridas (2017), "Imbalanced-learn: a Python toolbox to tackle the curse of
imbalanced datasets in machine learning", https://www.jmlr.org/papers/v18/16-365.html.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

Balance = Literal["none", "weights", "over", "under"]
"""`weights` weighs classes by how rare they are; `over` repeats trials of the rarer classes, `under`
leaves out trials of the more frequent ones. Repeated trials are nothing new, though a shrinkage
or a penalty takes them so: where a decoder takes weights, these are the better choice."""

BALANCES: dict[Balance, dict[str, Any]] = {
    "none": {},
    "weights": {"class_weight": "balanced"},
    "over": {"resample": "over"},
    "under": {"resample": "under"},
}
"""What each means in the settings of a decoder."""


def balanced_weights(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return the weight of each class under which all count the same.

    Parameters
    ----------
    codes : ndarray of int, shape (n_trials,)
        Place of each trial's class.
    n_classes : int
        Number of classes.

    Returns
    -------
    ndarray, shape (n_classes,)
        n_trials / (number of classes that occur * trials of the class), so that the mean weight
        of a trial is 1; 0 for a class that does not occur.
    """
    counts = np.bincount(codes, minlength=n_classes)
    n_occurring = max(1, np.count_nonzero(counts))
    return np.where(counts > 0, len(codes) / (n_occurring * np.maximum(counts, 1)), 0.0)


def resampled(places: np.ndarray, codes: np.ndarray, how: Literal["over", "under"], seed: int) -> np.ndarray:
    """Choose among trials so that all classes have the same number of them.

    Parameters
    ----------
    places : ndarray of int, shape (n_places,)
        Trials to choose among.
    codes : ndarray of int, shape (n_trials,)
        Place of each trial's class, for all trials.
    how : {"over", "under"}
        Repeat trials of the rarer classes, or leave out trials of the more frequent ones.
    seed : int
        Of the choice.

    Returns
    -------
    ndarray of int
        Chosen places in the order of recording, a repeated trial beside itself; so a last
        stretch of them is still a stretch of time.
    """
    if len(np.unique(codes[places])) < 2:
        return places
    from imblearn.over_sampling import RandomOverSampler
    from imblearn.under_sampling import RandomUnderSampler

    sampler = (RandomOverSampler if how == "over" else RandomUnderSampler)(random_state=seed)
    # The sampler sees places only: signals that lie on disk need not be read for it.
    sampler.fit_resample(places[:, None], codes[places])
    return np.sort(places[sampler.sample_indices_])
