"""`deep-cnn`: the thesis's two-dimensional CNN, for which a trial is a picture of channels by time."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training
from mindglyph.search import Between, EachOf, WholeBetween


class DeepCNNSettings(NetworkSettings):
    """Size of the network, by default the thesis's.

    Attributes
    ----------
    filters : tuple of int
        Filters of the convolutions in their order.
    kernel : int
        Channels and samples that a filter sees.
    pool : int
        Channels and samples of which the largest is kept after each convolution; an axis
        that is shorter is left as it is.
    features : int
        Units of the dense layer before the decision.
    dropout : float
        Share dropped after that layer.
    training : Training
        How it is trained.
    """

    filters: Annotated[tuple[Annotated[int, Field(ge=1)], ...], EachOf(WholeBetween(8, 128, log=True))] = Field(
        (32, 64), min_length=1
    )
    kernel: Annotated[int, WholeBetween(3, 9)] = Field(5, ge=1)
    pool: Annotated[int, WholeBetween(2, 4)] = Field(2, ge=1)
    features: Annotated[int, WholeBetween(64, 2048, log=True)] = Field(1024, ge=1)
    dropout: Annotated[float, Between(0.0, 0.8)] = Field(0.4, ge=0, lt=1)
    training: Training = Training(learning_rate=3e-4)

    def build(self, sfreq: float, seed: int = 0) -> DeepCNN:
        """Return the decoder."""
        return DeepCNN(self, sfreq=sfreq, seed=seed)


class DeepCNN(NetworkDecoder[DeepCNNSettings]):
    """Convolution, ReLU and pool, twice; then a dense layer, which is the embedding."""

    settings_class = DeepCNNSettings

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        layers: list[nn.Module] = [nn.Unflatten(1, (1, n_chans))]
        before, height, width = 1, n_chans, n_times
        for filters in settings.filters:
            # Padded, so that a headset of one channel has something for a filter of five.
            layers += [nn.Conv2d(before, filters, settings.kernel, padding="same"), nn.ReLU()]
            pools = tuple(settings.pool if size >= settings.pool else 1 for size in (height, width))
            layers.append(nn.MaxPool2d(pools))
            before, height, width = filters, height // pools[0], width // pools[1]
        body = nn.Sequential(
            *layers,
            nn.Flatten(),
            nn.Linear(before * height * width, settings.features),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
        )
        return EmbeddingNetwork(body, nn.Linear(settings.features, n_outputs))
