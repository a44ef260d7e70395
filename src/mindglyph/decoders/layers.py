"""Layers that networks share, written so that they pass over their numbers as seldom as can be."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn


class Dropout(nn.Dropout):
    """`nn.Dropout` whose four decisions share one random number, which is most of its cost.

    The share is rounded to a 65536th; what is left is scaled by exactly that.
    """

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the signals with a share of them zero, the others larger for it; all of them in evaluation."""
        steps = 2**16
        dropped = round(self.p * steps)
        if not self.training or dropped in (0, steps):
            return super().forward(signals)
        numbers = torch.empty(-(-signals.numel() // 4), dtype=torch.int64, device=signals.device)
        draws = numbers.random_(-(2**63), None).view(torch.int16)[: signals.numel()]
        kept = draws.view(signals.shape) >= dropped - steps // 2
        return signals * (kept.to(signals.dtype) * (steps / (steps - dropped)))


def pooled_tanh(signals: torch.Tensor, dim: int) -> torch.Tensor:
    """Return the mean of the hyperbolic tangent along a dimension.

    Parameters
    ----------
    signals : Tensor
        Of any shape.
    dim : int
        Along which to average.
    """
    return _PooledTanh.apply(signals, dim)  # type: ignore[no-untyped-call]  # torch has not typed it


class _PooledTanh(torch.autograd.Function):
    """Averages spread their gradient evenly: told so, the tangent need not have it spread out in memory."""

    @staticmethod
    def forward(context: Any, signals: torch.Tensor, dim: int) -> torch.Tensor:
        bent = signals.tanh()
        context.save_for_backward(bent)
        context.dim = dim
        return bent.mean(dim)

    @staticmethod
    def backward(context: Any, gradient: torch.Tensor) -> tuple[torch.Tensor, None]:
        (bent,) = context.saved_tensors
        spread = (gradient / bent.shape[context.dim]).unsqueeze(context.dim).expand_as(bent)
        return torch.ops.aten.tanh_backward(spread, bent), None
