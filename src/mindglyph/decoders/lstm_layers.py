"""Layers of the decoders that walk along trials with LSTMs.

References
----------
Hochreiter & Schmidhuber (1997), "Long short-term memory", https://doi.org/10.1162/neco.1997.9.8.1735;
Gers et al. (2000), "Learning to forget", https://doi.org/10.1162/089976600300015015.
"""

from __future__ import annotations

import torch
from torch import nn

from mindglyph.decoders.lstm_walk import walk

TOGETHER = 256
"""Trials times channels that take a step at once: more no longer fit the processor's own memory."""


class AllSteps(nn.Module):
    """An LSTM of which the output of every step is kept.

    Parameters
    ----------
    width : int
        Numbers a step.
    units : int
        Of the LSTM.
    over_time : bool
        Whether it walks along the last axis of what it is given, and not along the one before.
    """

    def __init__(self, width: int, units: int, over_time: bool = False) -> None:
        super().__init__()
        self.lstm = nn.LSTM(width, units, batch_first=True)
        self.over_time = over_time

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the outputs: (n_trials, n_steps, units)."""
        steps = signals.transpose(1, 2) if self.over_time else signals
        # In float32, and on a GPU, torch's own walk is as quick.
        if steps.device.type != "cpu" or not torch.is_autocast_enabled("cpu"):
            outputs: torch.Tensor = self.lstm(steps)[0]
            return outputs
        of_input, of_hidden, input_bias, hidden_bias = self.lstm.parameters()
        from_input, from_hidden = (weight.unsqueeze(0).transpose(1, 2) for weight in (of_input, of_hidden))
        bias = (input_bias + hidden_bias).view(1, 1, -1)
        return walk(steps.transpose(0, 1).unsqueeze(0), from_input, from_hidden, bias)[0].transpose(0, 1)


class ChannelLSTM(nn.Module):
    """An LSTM for each channel, all of which take a step at once.

    It computes what one `torch.nn.LSTM` a channel would, with one bias in place of the two
    that those add to one another. As many channels take a step together as make up a batch that
    is worth a call.

    Parameters
    ----------
    n_chans : int
        Channels.
    width : int
        Numbers a step.
    units : int
        Of each channel's LSTM.
    """

    def __init__(self, n_chans: int, width: int, units: int) -> None:
        super().__init__()
        self.units = units
        self.from_input = nn.Parameter(torch.empty(n_chans, width, 4 * units))
        self.from_hidden = nn.Parameter(torch.empty(n_chans, units, 4 * units))
        self.bias = nn.Parameter(torch.empty(n_chans, 1, 4 * units))
        for parameter in self.parameters():
            nn.init.uniform_(parameter, -(units**-0.5), units**-0.5)
        # What answers a picture comes early in a trial and must last to its end, so cells begin by keeping.
        with torch.no_grad():
            self.bias[..., units : 2 * units] += 1

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the outputs of every step.

        Parameters
        ----------
        signals : Tensor, shape (n_trials, n_channels, n_steps, width)
            What each step sees.

        Returns
        -------
        Tensor, shape (n_trials, n_channels, n_steps, units)
            The outputs.
        """
        steps = signals.permute(1, 2, 0, 3)
        size = max(1, TOGETHER // len(signals))
        weights = zip(*(w.split(size) for w in (self.from_input, self.from_hidden, self.bias)), strict=True)
        outputs = [walk(some, *of_some) for some, of_some in zip(steps.split(size), weights, strict=True)]
        return torch.cat(outputs).permute(2, 0, 1, 3)


class CutIntoSteps(nn.Module):
    """Cuts each channel's signal into steps; the samples after the last whole step are left out.

    Parameters
    ----------
    step : int
        Samples a step.
    """

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the signals as (n_trials, n_channels, n_steps, step)."""
        n_steps = signals.shape[-1] // self.step
        return signals[..., : n_steps * self.step].unflatten(-1, (n_steps, self.step))


class LastStep(nn.Module):
    """Keeps the last step's output alone."""

    def forward(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return (…, units) of (…, n_steps, units)."""
        return outputs[..., -1, :]
