"""`sparse-cnn`: the thesis's sparse CNN, two wide convolutions in time with heavy dropout."""

from __future__ import annotations

from typing import Annotated, Any

import torch
from pydantic import Field
from torch import nn
from torch.nn.functional import batch_norm, conv2d

from mindglyph.decoders.convolutions import TimeConvolution
from mindglyph.decoders.layers import Dropout, pooled_tanh
from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training
from mindglyph.decoders.whitening import Whitening
from mindglyph.errors import UserError
from mindglyph.search import Between, EachOf, WholeBetween


class SparseCNNSettings(NetworkSettings):
    """Size of the network, by default the thesis's.

    Attributes
    ----------
    filters : tuple of int
        Filters of the two convolutions.
    kernel : int
        Length of both in samples.
    pools : tuple of int
        Samples averaged after each.
    dropouts : tuple of float
        Share dropped after each.
    features : int
        Units of the dense layer before the decision.
    training : Training
        How it is trained.
    """

    filters: Annotated[tuple[int, int], EachOf(WholeBetween(16, 256, log=True))] = (128, 256)
    kernel: Annotated[int, WholeBetween(3, 31)] = Field(11, ge=1)
    pools: Annotated[tuple[int, int], EachOf(WholeBetween(2, 8))] = (4, 2)
    dropouts: Annotated[tuple[float, float], EachOf(Between(0.0, 0.8))] = (0.5, 0.25)
    features: Annotated[int, WholeBetween(5, 64, log=True)] = Field(10, ge=1)
    training: Training = Training()

    def build(self, sfreq: float, seed: int = 0) -> SparseCNN:
        """Return the decoder."""
        return SparseCNN(self, sfreq=sfreq, seed=seed)


class SparseCNN(NetworkDecoder[SparseCNNSettings]):
    """Whitening, batch norm, convolution, tanh, pool, dropout, twice; then a dense layer, which is the embedding."""

    settings_class = SparseCNNSettings
    helped_by = frozenset({"bfloat16"})

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        after_first = (n_times - settings.kernel + 1) // settings.pools[0]
        after_second = (after_first - settings.kernel + 1) // settings.pools[1]
        if after_second < 1:
            raise UserError(f"trials of {n_times} samples are too short for sparse-cnn: give longer ones")
        body = _Body(settings, n_chans, (after_first, after_second))
        return EmbeddingNetwork(body, nn.Linear(settings.features, n_outputs))


class _Body(nn.Sequential):
    """The layers in the order of the thesis; how they are run is chosen for speed."""

    def __init__(self, settings: SparseCNNSettings, n_chans: int, lengths: tuple[int, int]) -> None:
        first, second = settings.filters
        self.pools, self.lengths = settings.pools, lengths
        super().__init__(
            Whitening(n_chans),
            nn.BatchNorm1d(n_chans),
            nn.Conv1d(n_chans, first, settings.kernel),
            nn.Tanh(),
            nn.AvgPool1d(settings.pools[0]),
            Dropout(settings.dropouts[0]),
            nn.BatchNorm1d(first),
            TimeConvolution(first, second, settings.kernel, lengths[1] * settings.pools[1]),
            nn.Tanh(),
            nn.AvgPool1d(settings.pools[1]),
            Dropout(settings.dropouts[1]),
            nn.Flatten(),
            nn.Linear(second * lengths[1], settings.features),
            nn.ELU(),
        )

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the embedding (n_trials, n_features) of trials (n_trials, n_channels, n_times)."""
        layers: list[Any] = list(self)
        whitening, scale, convolution, _, _, first_dropout, norm, *later = layers
        time_convolution, _, _, second_dropout, _, dense, elu = later
        kernel = convolution.kernel_size[0]
        needed = self.lengths[0] * self.pools[0] + kernel - 1
        # The scale goes into the filters: the signals then need no gradient, which saves a third of that layer.
        signals = batch_norm(
            whitening(signals),
            scale.running_mean,
            scale.running_var,
            None,
            None,
            scale.training,
            scale.momentum,
            scale.eps,
        )
        weight = convolution.weight * scale.weight[:, None]
        bias = convolution.bias + (convolution.weight * scale.bias[:, None]).sum(dim=(1, 2))
        # A convolution over pictures of one line, channels last, is the quickest that there is.
        lines = signals[..., :needed].unsqueeze(2).contiguous(memory_format=torch.channels_last)
        hidden = conv2d(lines, weight.unsqueeze(2), bias).squeeze(2).transpose(1, 2)
        hidden = pooled_tanh(hidden.unflatten(1, (-1, self.pools[0])), dim=2)
        hidden = first_dropout(hidden.transpose(0, 1).contiguous())
        hidden = norm(hidden.flatten(0, 1)).unflatten(0, hidden.shape[:2])
        hidden = pooled_tanh(time_convolution(hidden).unflatten(0, (-1, self.pools[1])), dim=1)
        hidden = second_dropout(hidden)
        # The dense layer takes all samples of a filter together.
        return elu(dense(hidden.permute(1, 2, 0).flatten(1)))
