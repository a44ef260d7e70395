"""`common-lstm`: the thesis's common LSTM, one recurrent layer for all channels."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from torch import nn

from mindglyph.decoders.lstm_layers import AllSteps
from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training
from mindglyph.decoders.whitening import Whitening
from mindglyph.search import Between, EachOf, WholeBetween


class CommonLSTMSettings(NetworkSettings):
    """Size of the network, by default the thesis's.

    Attributes
    ----------
    units : int
        Of the LSTM.
    axis : {"channels", "time"}
        What the LSTM walks along: with `channels` each step is a channel's whole signal.
    dense : tuple of int
        Units of the two dense layers.
    dropout : float
        Share dropped after each.
    training : Training
        How it is trained.
    """

    units: Annotated[int, WholeBetween(64, 1024, log=True)] = Field(1024, ge=1)
    axis: Literal["channels", "time"] = "channels"
    dense: Annotated[tuple[int, int], EachOf(WholeBetween(16, 512, log=True))] = (256, 64)
    dropout: Annotated[float, Between(0.0, 0.8)] = Field(0.5, ge=0, lt=1)
    training: Training = Training(learning_rate=5e-4)

    def build(self, sfreq: float, seed: int = 0) -> CommonLSTM:
        """Return the decoder."""
        return CommonLSTM(self, sfreq=sfreq, seed=seed)


class CommonLSTM(NetworkDecoder[CommonLSTMSettings]):
    """Whitening, then an LSTM with all steps kept, then two dense layers; the second is the embedding."""

    settings_class = CommonLSTMSettings
    helped_by = frozenset({"bfloat16"})

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        steps, width = (n_chans, n_times) if settings.axis == "channels" else (n_times, n_chans)
        first, second = settings.dense
        body = nn.Sequential(
            Whitening(n_chans, share=1.0),
            AllSteps(width, settings.units, over_time=settings.axis == "time"),
            nn.Flatten(),
            nn.Linear(steps * settings.units, first),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
        )
        return EmbeddingNetwork(body, nn.Linear(second, n_outputs))
