"""Decoders that are fitted in one go, and so can be fitted twice: for the temperature, and for good."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np

from mindglyph.decoders.base import AnyDecoderSettings, Decoder
from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.monitor import Monitor

HELD_OUT = 0.2
"""Share of the training trials on which the temperature is found, before the fit to all of them."""


class RefittedDecoder(Decoder[AnyDecoderSettings]):
    """Finds its temperature by a fit to the first stretch of the trials, then fits to all of them."""

    @abstractmethod
    def _fit_all(self, signals: np.ndarray, codes: np.ndarray) -> None:
        """Fit to trials."""

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        learning, held_out = last_block(len(codes), HELD_OUT)
        # A covariance within each class needs two trials of it.
        if np.bincount(codes[learning], minlength=len(self.classes_)).min() >= 2:
            # Both are stretches: cut, not indexed, they are no copies of signals that may not fit into memory.
            self._fit_all(signals[: len(learning)], codes[learning])
            held_out_scores = self._scores(signals[held_out[0] :])
        else:
            held_out, held_out_scores = np.arange(0), np.empty((0, len(self.classes_)))
        self._fit_all(signals, codes)
        return held_out, held_out_scores

    def _fit_scores(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> None:
        self._fit_all(signals, codes)
        self.temperature_ = 1.0
