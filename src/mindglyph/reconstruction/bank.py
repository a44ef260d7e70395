"""Pictures that may have been seen: some hundreds of each digit, drawn once, and weighed by every trial."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindglyph.images.generators import Generator
from mindglyph.images.vae import ConditionalVAE

_WEIGHED_AT_ONCE = 512  # trials


@dataclass(frozen=True)
class PictureBank:
    """Drawn pictures with their digits and hands.

    Attributes
    ----------
    images : ndarray, shape (n_pictures, 28, 28)
        Grey values, uint8.
    digits : ndarray, shape (n_pictures,)
        Digit of each, in ascending order, every digit as often.
    hands : ndarray, shape (n_pictures, n_features)
        What each is beside its digit.
    """

    images: np.ndarray
    digits: np.ndarray
    hands: np.ndarray

    @classmethod
    def draw(cls, generator: Generator, encoder: ConditionalVAE | None, each: int, seed: int) -> PictureBank:
        """Draw a bank.

        Parameters
        ----------
        generator : Generator
            What draws.
        encoder : ConditionalVAE or None
            What reads the hand of a picture; without one no hand is read.
        each : int
            Pictures of each digit.
        seed : int
            Of all that is drawn.

        Returns
        -------
        PictureBank
            As many pictures of each digit.
        """
        digits = np.repeat(np.arange(generator.settings.n_classes), each)
        certain = np.eye(generator.settings.n_classes, dtype=np.float32)[digits]
        drawn = generator.sample(certain, np.random.default_rng(seed))
        images = np.round(255 * drawn).astype(np.uint8)
        hands = np.zeros((len(images), 0), np.float32) if encoder is None else encoder.encode(images, certain)
        return cls(images, digits, hands)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.digits)

    @property
    def n_digits(self) -> int:
        """Number of digits."""
        return int(self.digits[-1]) + 1

    def shares(self, probabilities: np.ndarray, log_likelihoods: np.ndarray | None = None) -> np.ndarray:
        """Return how probable each picture is in each trial.

        Parameters
        ----------
        probabilities : ndarray, shape (n_trials, n_digits)
            Of each digit.
        log_likelihoods : ndarray, shape (n_trials, n_pictures), optional
            Of each picture, beside its digit; without them all pictures of a digit count alike.

        Returns
        -------
        ndarray, shape (n_trials, n_pictures)
            Rows sum to one, and those of a digit to its probability.
        """
        each = len(self) // self.n_digits
        if log_likelihoods is None:
            return np.repeat(probabilities / each, each, axis=1)
        by_digit = log_likelihoods.reshape(len(probabilities), self.n_digits, each)
        within = np.exp(by_digit - by_digit.max(axis=2, keepdims=True))
        within /= within.sum(axis=2, keepdims=True)
        return (probabilities[:, :, None] * within).reshape(len(probabilities), -1)

    def mixed(self, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return mean and standard deviation of each pixel: two arrays (n_trials, 28, 28), float32 between 0 and 1.

        Parameters
        ----------
        shares : ndarray, shape (n_trials, n_pictures)
            How probable each picture is in each trial.

        Returns
        -------
        mean : ndarray, shape (n_trials, 28, 28)
            Of each pixel.
        deviation : ndarray, shape (n_trials, 28, 28)
            Standard deviation of each pixel.
        """
        flat = self.images.reshape(len(self), -1).astype(np.float32) / 255
        mean = np.empty((len(shares), flat.shape[1]), dtype=np.float32)
        deviation = np.empty_like(mean)
        for start in range(0, len(shares), _WEIGHED_AT_ONCE):
            part = slice(start, start + _WEIGHED_AT_ONCE)
            weights = shares[part].astype(np.float32)
            mean[part] = weights @ flat
            deviation[part] = np.sqrt(np.clip(weights @ flat**2 - mean[part] ** 2, 0, None))
        return mean.reshape(-1, 28, 28), deviation.reshape(-1, 28, 28)

    def candidates(self, shares: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the most probable picture of each of the most probable digits.

        Parameters
        ----------
        shares : ndarray, shape (n_trials, n_pictures)
            As `shares` gives them.
        count : int
            Digits.

        Returns
        -------
        places : ndarray, shape (n_trials, count)
            Of the pictures in the bank, the most probable digit first.
        weights : ndarray, shape (n_trials, count)
            Probabilities of their digits.
        """
        by_digit = shares.reshape(len(shares), self.n_digits, -1)
        weights = by_digit.sum(axis=2)
        order = np.argsort(-weights, axis=1, kind="stable")[:, :count]
        best = by_digit.argmax(axis=2) + np.arange(self.n_digits) * by_digit.shape[2]
        return np.take_along_axis(best, order, axis=1), np.take_along_axis(weights, order, axis=1)
