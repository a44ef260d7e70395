"""`chance`: knows how often each label occurs in the training trials, and nothing else."""

from __future__ import annotations

import numpy as np

from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.monitor import Monitor


class ChanceSettings(DecoderSettings):
    """There is nothing to set."""

    def build(self, sfreq: float, seed: int = 0) -> Chance:
        """Return the decoder."""
        return Chance(self, sfreq=sfreq, seed=seed)


class Chance(Decoder[ChanceSettings]):
    """Gives every trial the same probabilities: what a decoder must beat.

    Attributes
    ----------
    frequencies_ : ndarray, shape (n_classes,)
        How often each class occurred.
    """

    settings_class = ChanceSettings

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        self.frequencies_ = np.bincount(codes) / len(codes)
        # Its scores are the frequencies themselves, and so are fair on the trials they were counted on.
        return np.arange(len(codes)), self._scores(signals)

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        return np.tile(np.log(self.frequencies_), (len(signals), 1))

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return np.zeros((len(signals), 1))

    def n_parameters(self, shape: tuple[int, int], n_classes: int) -> int:
        """Return how many numbers are learned: a frequency a class."""
        return n_classes

    def _arrays(self) -> dict[str, np.ndarray]:
        return {"frequencies": self.frequencies_}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.frequencies_ = arrays["frequencies"]
