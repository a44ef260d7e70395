"""What a picture is drawn from: a probability of each digit, and an embedding where there is one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindglyph.errors import UserError


@dataclass(frozen=True)
class Condition:
    """What is known of each picture before it is drawn.

    The probabilities are a mixture: where they are undecided, a generator draws one of the
    digits, each as often as it is probable, and never a shape between two digits. The mean of
    all that may be drawn is the business of `mindglyph.reconstruction`.

    Attributes
    ----------
    probabilities : ndarray, shape (n_pictures, n_classes)
        Of each digit, float32; rows sum to one.
    embedding : ndarray, shape (n_pictures, n_features), or None
        What else is known, float32: for example the embedding of a decoder.

    Raises
    ------
    UserError
        If these are no probabilities, or the embedding is of other pictures or not finite.
    """

    probabilities: np.ndarray
    embedding: np.ndarray | None = None

    def __post_init__(self) -> None:
        probabilities = np.asarray(self.probabilities, dtype=np.float32)
        if probabilities.ndim != 2:
            raise UserError(f"condition: {probabilities.shape} is not (pictures, digits): give a row for each picture")
        lawful = np.all(probabilities >= 0) and np.allclose(probabilities.sum(axis=1), 1, atol=1e-3)
        if not lawful:
            raise UserError("condition: a row is no distribution over the digits: give shares that sum to one")
        object.__setattr__(self, "probabilities", probabilities)
        if self.embedding is None:
            return
        embedding = np.asarray(self.embedding, dtype=np.float32)
        if embedding.ndim != 2 or len(embedding) != len(probabilities):
            raise UserError(
                f"condition: an embedding of shape {embedding.shape} does not fit {len(probabilities)} pictures: "
                "give a row for each"
            )
        if not np.all(np.isfinite(embedding)):
            raise UserError("condition: the embedding holds values that are not finite: leave these trials out")
        object.__setattr__(self, "embedding", embedding)

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.probabilities)

    @classmethod
    def of(cls, condition: Condition | np.ndarray) -> Condition:
        """Return the condition itself, or that of an array of probabilities alone."""
        return condition if isinstance(condition, Condition) else cls(condition)

    @classmethod
    def of_labels(cls, labels: np.ndarray, n_classes: int = 10) -> Condition:
        """Return the condition of pictures whose digits are known: labels (n_pictures,)."""
        return cls(np.eye(n_classes, dtype=np.float32)[labels])

    def features(self) -> np.ndarray:
        """Return probabilities and embedding side by side: (n_pictures, n_classes + n_features)."""
        if self.embedding is None:
            return self.probabilities
        return np.concatenate([self.probabilities, self.embedding], axis=1)

    def drawn(self, rng: np.random.Generator) -> Condition:
        """Return the same pictures, each decided for one digit as often as that is probable."""
        edges = np.cumsum(self.probabilities, axis=1, dtype=np.float64)
        places = rng.random((len(self), 1)) * edges[:, -1:]
        digits = np.minimum((edges <= places).sum(axis=1), edges.shape[1] - 1)
        return Condition(np.eye(edges.shape[1], dtype=np.float32)[digits], self.embedding)
