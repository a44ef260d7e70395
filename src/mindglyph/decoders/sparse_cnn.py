"""`sparse-cnn`: the thesis's sparse CNN, two wide convolutions in time with heavy dropout."""

from __future__ import annotations

from pydantic import Field
from torch import nn

from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training
from mindglyph.errors import UserError


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

    filters: tuple[int, int] = (128, 256)
    kernel: int = Field(11, ge=1)
    pools: tuple[int, int] = (4, 2)
    dropouts: tuple[float, float] = (0.5, 0.25)
    features: int = Field(10, ge=1)
    training: Training = Training()

    def build(self, sfreq: float, seed: int = 0) -> SparseCNN:
        """Return the decoder."""
        return SparseCNN(self, sfreq=sfreq, seed=seed)


class SparseCNN(NetworkDecoder[SparseCNNSettings]):
    """Batch norm, convolution, tanh, pool, dropout, twice; then a dense layer, which is the embedding."""

    settings_class = SparseCNNSettings
    helped_by = frozenset({"bfloat16"})

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        first, second = settings.filters
        after_first = (n_times - settings.kernel + 1) // settings.pools[0]
        after_second = (after_first - settings.kernel + 1) // settings.pools[1]
        if after_second < 1:
            raise UserError(f"trials of {n_times} samples are too short for sparse-cnn: give longer ones")
        body = nn.Sequential(
            nn.BatchNorm1d(n_chans),
            nn.Conv1d(n_chans, first, settings.kernel),
            nn.Tanh(),
            nn.AvgPool1d(settings.pools[0]),
            nn.Dropout(settings.dropouts[0]),
            nn.BatchNorm1d(first),
            nn.Conv1d(first, second, settings.kernel),
            nn.Tanh(),
            nn.AvgPool1d(settings.pools[1]),
            nn.Dropout(settings.dropouts[1]),
            nn.Flatten(),
            nn.Linear(second * after_second, settings.features),
            nn.ELU(),
        )
        return EmbeddingNetwork(body, nn.Linear(settings.features, n_outputs))
