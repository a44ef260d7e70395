"""`per-channel-lstm`: the thesis's LSTMs of single channels, joined before the decision."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from mindglyph.decoders.lstm_layers import ChannelLSTM, CutIntoSteps, LastStep
from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings, Training
from mindglyph.errors import UserError
from mindglyph.search import Between, EachOf, WholeBetween


class PerChannelLSTMSettings(NetworkSettings):
    """Size of the network, by default the thesis's where it tells.

    Attributes
    ----------
    step : int
        Samples that an LSTM takes at once. Steps wait for one another, so their number sets
        the time that training takes; 16 samples make 16 steps of a trial of the EPOC, an
        eighth of a second each, and every sample still has a weight of its own.
    units : tuple of int
        Of each channel's LSTMs in their order.
    dropout : float
        Share dropped after each LSTM.
    training : Training
        How it is trained.
    """

    step: Annotated[int, WholeBetween(4, 64, log=True)] = Field(16, ge=1)
    units: Annotated[tuple[Annotated[int, Field(ge=1)], ...], EachOf(WholeBetween(16, 256, log=True))] = Field(
        (128, 256), min_length=1
    )
    dropout: Annotated[float, Between(0.0, 0.8)] = Field(0.5, ge=0, lt=1)
    training: Training = Training(learning_rate=3e-4)

    def build(self, sfreq: float, seed: int = 0) -> PerChannelLSTM:
        """Return the decoder."""
        return PerChannelLSTM(self, sfreq=sfreq, seed=seed)


class PerChannelLSTM(NetworkDecoder[PerChannelLSTMSettings]):
    """The last outputs of all channels' LSTMs are the embedding: 3,584 numbers for 14 channels."""

    settings_class = PerChannelLSTMSettings
    helped_by = frozenset({"bfloat16"})

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        body = nn.Sequential(*channel_layers(settings, n_chans, n_times), nn.Flatten())
        return EmbeddingNetwork(body, nn.Linear(n_chans * settings.units[-1], n_outputs))


def channel_layers(settings: PerChannelLSTMSettings, n_chans: int, n_times: int) -> list[nn.Module]:
    """Return the layers from trials to each channel's last output: (n_trials, n_channels, units).

    Parameters
    ----------
    settings : PerChannelLSTMSettings
        Their sizes.
    n_chans, n_times : int
        Of the trials.

    Returns
    -------
    list of Module
        To be gone through in turn.

    Raises
    ------
    UserError
        If a trial is shorter than a step.
    """
    if n_times < settings.step:
        raise UserError(
            f"trials of {n_times} samples are shorter than a step of {settings.step}: "
            "give longer ones, or a smaller step"
        )
    layers: list[nn.Module] = [nn.BatchNorm1d(n_chans), CutIntoSteps(settings.step)]
    for width, units in pairwise((settings.step, *settings.units)):
        layers += [ChannelLSTM(n_chans, width, units), nn.Dropout(settings.dropout), nn.LeakyReLU()]
    return [*layers, LastStep()]
