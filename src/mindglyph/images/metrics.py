"""How like pictures are: one to another, and many drawn ones to many real ones."""

from __future__ import annotations

import warnings

import numpy as np


def similarities(drawn: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return the pixel correlation of every drawn picture with every shown one.

    Parameters
    ----------
    drawn : ndarray, shape (n_drawn, 28, 28)
        Any scale; a picture without contrast correlates with none.
    shown : ndarray, shape (n_shown, 28, 28)
        Any scale.

    Returns
    -------
    ndarray, shape (n_drawn, n_shown)
        Pearson correlations, float32.
    """
    return _standardised(drawn) @ _standardised(shown).T


def frechet_distance(drawn: np.ndarray, real: np.ndarray) -> float:
    """Return the Fréchet distance of two sets of features, each taken as normal.

    With features of a classifier this is the FID (Heusel et al. 2017,
    https://doi.org/10.48550/arXiv.1706.08500), here never with those of Inception, so that it
    compares with other figures of the same judge only. It grows as the sets get smaller: state
    how many pictures there were.

    Parameters
    ----------
    drawn : ndarray, shape (n_drawn, n_features)
        Of drawn pictures; more of them than features.
    real : ndarray, shape (n_real, n_features)
        Of real ones.

    Returns
    -------
    float
        0 for sets of the same mean and covariance.
    """
    from scipy.linalg import LinAlgWarning, sqrtm

    drawn, real = drawn.astype(np.float64), real.astype(np.float64)
    first, second = np.cov(drawn, rowvar=False), np.cov(real, rowvar=False)
    # Features that never vary leave the product without a root; as little as this changes no figure.
    ridge = 1e-9 * (np.trace(first) + np.trace(second)) / len(first) * np.eye(len(first))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LinAlgWarning)
        # Rounding gives the root an imaginary part.
        cross = np.real(sqrtm((first + ridge) @ (second + ridge)))
    between = np.sum((drawn.mean(axis=0) - real.mean(axis=0)) ** 2)
    return float(between + np.trace(first) + np.trace(second) - 2 * np.trace(cross))


def inception_score(probabilities: np.ndarray) -> float:
    """Return how decided and how varied pictures are: 1 at worst, the number of digits at best.

    Parameters
    ----------
    probabilities : ndarray, shape (n_pictures, n_classes)
        Of each digit, as a judge gives them.

    Returns
    -------
    float
        Exponential of the mean divergence from the mean distribution (Salimans et al. 2016,
        https://doi.org/10.48550/arXiv.1606.03498).
    """
    own = np.clip(probabilities.astype(np.float64), 1e-12, 1)
    divergence = (own * (np.log(own) - np.log(own.mean(axis=0)))).sum(axis=1)
    return float(np.exp(divergence.mean()))


def diversity(pictures: np.ndarray, labels: np.ndarray) -> float:
    """Return the mean distance of two different pictures of the same digit.

    Parameters
    ----------
    pictures : ndarray, shape (n_pictures, 28, 28)
        Grey values between 0 and 1.
    labels : ndarray, shape (n_pictures,)
        Digit of each; every digit counts alike.

    Returns
    -------
    float
        Mean Euclidean distance over the pixels.
    """
    from scipy.spatial.distance import pdist

    flat = np.asarray(pictures, dtype=np.float64).reshape(len(pictures), -1)
    return float(np.mean([pdist(flat[labels == digit]).mean() for digit in np.unique(labels)]))


def squared_errors(drawn: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return the mean squared difference of every drawn picture from every shown one.

    Parameters
    ----------
    drawn, shown : ndarray, shape (n, 28, 28)
        Grey values between 0 and 1.

    Returns
    -------
    ndarray, shape (n_drawn, n_shown)
        Means over the pixels, float32.
    """
    one, other = (np.asarray(pictures, dtype=np.float32).reshape(len(pictures), -1) for pictures in (drawn, shown))
    squares = (one**2).sum(axis=1)[:, None] + (other**2).sum(axis=1) - 2 * one @ other.T
    return squares.clip(0) / one.shape[1]


def structural_similarity(drawn: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Return the structural similarity (SSIM) of each drawn picture with the one shown: (n,).

    Wang et al. (2004), https://doi.org/10.1109/TIP.2003.819861, in windows of 7 × 7 pixels.

    Parameters
    ----------
    drawn, shown : ndarray, shape (n, 28, 28)
        Grey values between 0 and 1.

    Returns
    -------
    ndarray, shape (n,)
        1 for pictures that are the same.
    """
    from skimage.metrics import structural_similarity as of_pair

    pairs = zip(np.asarray(drawn, dtype=np.float64), np.asarray(shown, dtype=np.float64), strict=True)
    return np.array([of_pair(one, other, data_range=1.0) for one, other in pairs])


def _standardised(pictures: np.ndarray) -> np.ndarray:
    flat = np.asarray(pictures, dtype=np.float32).reshape(len(pictures), -1)
    flat = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(flat, axis=1, keepdims=True)
    return flat / np.where(length > 1e-6, length, np.inf)
