"""`stacked-lstm`: the thesis's stacked LSTM, several recurrent layers in a row."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from mindglyph.decoders.lstm_layers import AllSteps
from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training
from mindglyph.decoders.whitening import Whitening
from mindglyph.search import Between, EachOf, WholeBetween


class StackedLSTMSettings(NetworkSettings):
    """Size of the network, by default the thesis's.

    Attributes
    ----------
    units : tuple of int
        Of the LSTMs in their order; the thesis also tried a fifth one of 16.
    axis : {"channels", "time"}
        What the LSTMs walk along: with `channels` each step is a channel's whole signal.
    dropout : float
        Share dropped after each LSTM.
    training : Training
        How it is trained.
    """

    units: Annotated[tuple[Annotated[int, Field(ge=1)], ...], EachOf(WholeBetween(32, 512, log=True))] = Field(
        (256, 512, 256, 64), min_length=1
    )
    axis: Literal["channels", "time"] = "channels"
    dropout: Annotated[float, Between(0.0, 0.8)] = Field(0.5, ge=0, lt=1)
    training: Training = Training(batch_size=32, learning_rate=1e-3)

    def build(self, sfreq: float, seed: int = 0) -> StackedLSTM:
        """Return the decoder."""
        return StackedLSTM(self, sfreq=sfreq, seed=seed)


class StackedLSTM(NetworkDecoder[StackedLSTMSettings]):
    """Whitening, batch norm, then LSTMs with all steps kept, which are the embedding: 896 numbers for 14 channels."""

    settings_class = StackedLSTMSettings
    helped_by = frozenset({"bfloat16"})

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        over_time = settings.axis == "time"
        steps, width = (n_times, n_chans) if over_time else (n_chans, n_times)
        layers: list[nn.Module] = [Whitening(n_chans), nn.BatchNorm1d(n_chans)]
        for number, (before, units) in enumerate(pairwise((width, *settings.units))):
            layers += [
                # What the first LSTM gives has its steps where the next ones look for them.
                AllSteps(before, units, over_time=over_time and number == 0),
                nn.Dropout(settings.dropout),
                nn.LeakyReLU(),
            ]
        body = nn.Sequential(*layers, nn.Flatten())
        return EmbeddingNetwork(body, nn.Linear(steps * settings.units[-1], n_outputs))
