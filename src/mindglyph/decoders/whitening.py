"""Whitening of channels before a network, which learns the faster the less its inputs resemble one another.

Neighbouring electrodes record much the same. Gradient descent is quick along what they share and
slow along what sets them apart, in which most of the answer to a picture is. A fixed matrix, had
from the trials that are learned from, brings all directions nearer to one strength; it takes
nothing away. Half of the way amplifies less of what is mere noise.

References
----------
LeCun et al. (1998), "Efficient BackProp", https://doi.org/10.1007/3-540-49430-8_2.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from mindglyph.decoders.batches import in_order

SAMPLE = 2000
"""Trials that the matrix is had from at most, spread evenly."""

FLOOR = 0.01
"""Share of the mean variance added to each direction, so that one in which there is nothing stays small."""


class Whitening(nn.Module):
    """Mixes channels by a matrix that is had from trials before training; as they are until then.

    Parameters
    ----------
    n_chans : int
        Channels.
    share : float
        Of the way to equal strength in all directions.
    """

    matrix: torch.Tensor

    def __init__(self, n_chans: int, share: float = 0.5) -> None:
        super().__init__()
        self.share = share
        self.register_buffer("matrix", torch.eye(n_chans))

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return signals of the same shape (n_trials, n_channels, n_times), in float32."""
        with torch.autocast(signals.device.type, enabled=False):
            return self.matrix @ signals

    def learn(self, covariance: np.ndarray) -> None:
        """Take the symmetric matrix that brings directions nearer in strength, on a scale of decibels, by `share`.

        Parameters
        ----------
        covariance : ndarray, shape (n_channels, n_channels)
            Of the channels of the training trials.
        """
        variances, directions = np.linalg.eigh(covariance)
        mean = variances.mean()
        if not mean > 0:
            return
        scales = (np.clip(variances / mean, 0, None) + FLOOR) ** (-self.share / 2)
        self.matrix.copy_(torch.from_numpy((directions * scales) @ directions.T))


def learn_whitening(network: nn.Module, signals: np.ndarray, learning: np.ndarray) -> None:
    """Let a network's whitening be had from trials, unless it came with the weights it begins with.

    Parameters
    ----------
    network : Module
        Changed in place if it has a layer that whitens.
    signals : ndarray, shape (n_trials, n_channels, n_times)
        Read batch by batch.
    learning : ndarray of int
        Places of the trials to learn from.
    """
    layers = [layer for layer in network.modules() if isinstance(layer, Whitening)]
    layers = [layer for layer in layers if torch.equal(layer.matrix.cpu(), torch.eye(len(layer.matrix)))]
    if not layers:
        return
    places = np.unique(learning[np.linspace(0, len(learning) - 1, min(SAMPLE, len(learning))).astype(int)])
    covariance = np.zeros((signals.shape[1], signals.shape[1]))
    for batch in in_order(places, 100):
        columns = np.asarray(signals[batch], dtype=np.float64).transpose(1, 0, 2).reshape(signals.shape[1], -1)
        covariance += columns @ columns.T
    for layer in layers:
        layer.learn(covariance)
