"""`per-channel-lstm-merged`: LSTMs of single channels, whose outputs another LSTM merges."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from torch import nn

from mindglyph.decoders.lstm_layers import AllSteps, LastStep
from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder
from mindglyph.decoders.per_channel_lstm import PerChannelLSTMSettings, channel_layers
from mindglyph.search import WholeBetween


class PerChannelLSTMMergedSettings(PerChannelLSTMSettings):
    """Size of the network.

    Attributes
    ----------
    step : int
        Samples that a channel's LSTM takes at once.
    units : tuple of int
        Of each channel's LSTMs in their order.
    merged : int
        Units of the LSTM that walks over the channels' outputs.
    dropout : float
        Share dropped after each LSTM.
    training : Training
        How it is trained.
    """

    merged: Annotated[int, WholeBetween(32, 512, log=True)] = Field(256, ge=1)

    def build(self, sfreq: float, seed: int = 0) -> PerChannelLSTMMerged:
        """Return the decoder."""
        return PerChannelLSTMMerged(self, sfreq=sfreq, seed=seed)


class PerChannelLSTMMerged(NetworkDecoder[PerChannelLSTMMergedSettings]):
    """The merging LSTM's output after the last channel is the embedding."""

    settings_class = PerChannelLSTMMergedSettings

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        body = nn.Sequential(
            *channel_layers(settings, n_chans, n_times),
            AllSteps(settings.units[-1], settings.merged),
            LastStep(),
            nn.Dropout(settings.dropout),
            nn.LeakyReLU(),
        )
        return EmbeddingNetwork(body, nn.Linear(settings.merged, n_outputs))
