"""`common-lstm`: the thesis's common LSTM, one recurrent layer for all channels."""

from __future__ import annotations

from typing import Literal

import torch
from pydantic import Field
from torch import nn

from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training


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

    units: int = Field(1024, ge=1)
    axis: Literal["channels", "time"] = "channels"
    dense: tuple[int, int] = (256, 64)
    dropout: float = Field(0.5, ge=0, lt=1)
    training: Training = Training(learning_rate=3e-4)

    def build(self, sfreq: float, seed: int = 0) -> CommonLSTM:
        """Return the decoder."""
        return CommonLSTM(self, sfreq=sfreq, seed=seed)


class CommonLSTM(NetworkDecoder[CommonLSTMSettings]):
    """LSTM with all steps kept, then two dense layers; the second is the embedding."""

    settings_class = CommonLSTMSettings
    helped_by = frozenset({"bfloat16"})

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        steps, width = (n_chans, n_times) if settings.axis == "channels" else (n_times, n_chans)
        first, second = settings.dense
        body = nn.Sequential(
            _AllSteps(width, settings.units, over_time=settings.axis == "time"),
            nn.Linear(steps * settings.units, first),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Dropout(settings.dropout),
        )
        return EmbeddingNetwork(body, nn.Linear(second, n_outputs))


class _AllSteps(nn.Module):
    def __init__(self, width: int, units: int, over_time: bool) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, units, batch_first=True)
        self.over_time = over_time

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        outputs, _ = self.lstm(signals.transpose(1, 2) if self.over_time else signals)
        return outputs.flatten(1)
