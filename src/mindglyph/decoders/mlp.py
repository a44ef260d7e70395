"""`mlp`: the thesis's dense network, for which a trial is one long row of numbers."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training
from mindglyph.search import Between, EachOf, WholeBetween


class MLPSettings(NetworkSettings):
    """Size of the network, by default the thesis's.

    Attributes
    ----------
    dense : tuple of int
        Units of the dense layers in their order.
    dropout : float
        Share dropped after each.
    training : Training
        How it is trained.
    """

    dense: Annotated[tuple[Annotated[int, Field(ge=1)], ...], EachOf(WholeBetween(64, 4096, log=True))] = Field(
        (4096, 4096, 4096, 2048, 1024), min_length=1
    )
    dropout: Annotated[float, Between(0.0, 0.8)] = Field(0.5, ge=0, lt=1)
    training: Training = Training(learning_rate=3e-4)

    def build(self, sfreq: float, seed: int = 0) -> MLP:
        """Return the decoder."""
        return MLP(self, sfreq=sfreq, seed=seed)


class MLP(NetworkDecoder[MLPSettings]):
    """Dense layers with ReLU and dropout; the last one is the embedding."""

    settings_class = MLPSettings

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        layers: list[nn.Module] = [nn.Flatten()]
        for before, units in pairwise((n_chans * n_times, *settings.dense)):
            layers += [nn.Linear(before, units), nn.ReLU(), nn.Dropout(settings.dropout)]
        return EmbeddingNetwork(nn.Sequential(*layers), nn.Linear(settings.dense[-1], n_outputs))
