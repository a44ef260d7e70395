"""The training loop of the judge."""

from __future__ import annotations

from collections.abc import Callable

import torch
from pydantic import Field
from torch import nn

from mindglyph.settings import Settings


class PictureTraining(Settings):
    """How a picture network is trained.

    Attributes
    ----------
    epochs : int
        Passes over the pictures.
    batch_size : int
        Pictures a step.
    learning_rate : float
        Peak of the one-cycle schedule.
    """

    epochs: int = Field(20, ge=1)
    batch_size: int = Field(256, ge=1)
    learning_rate: float = Field(2e-3, gt=0)


def train_network(
    network: nn.Module,
    loss: Callable[[torch.Tensor, torch.Tensor, torch.Generator], torch.Tensor],
    images: torch.Tensor,
    targets: torch.Tensor,
    settings: PictureTraining,
    seed: int,
    report: Callable[[int, float], None] | None = None,
) -> list[float]:
    """Train a network with AdamW on a one-cycle schedule.

    Parameters
    ----------
    network : Module
        Trained in place; left in evaluation mode.
    loss : callable
        Takes a batch of pictures, of targets, and a generator for whatever it draws.
    images : Tensor, shape (n_images, 28, 28)
        Grey values between 0 and 1.
    targets : Tensor, shape (n_images, …)
        Whatever `loss` compares with.
    settings : PictureTraining
        Epochs, batch size, learning rate.
    seed : int
        Order of the pictures and all draws of `loss`.
    report : callable, optional
        Called after each epoch with its number and mean loss.

    Returns
    -------
    list of float
        Mean loss of each epoch.
    """
    generator = torch.Generator().manual_seed(seed)
    batches = -(-len(images) // settings.batch_size)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, settings.learning_rate, epochs=settings.epochs, steps_per_epoch=batches
    )
    history = []
    # bfloat16 and channels-last make a step about 2.4 times faster on processors with bf16 units.
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
    network.train()
    for epoch in range(settings.epochs):
        total = 0.0
        for batch in torch.randperm(len(images), generator=generator).split(settings.batch_size):
            with torch.autocast("cpu", torch.bfloat16):
                value = loss(images[batch], targets[batch], generator)
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
            schedule.step()
            total += value.item() * len(batch)
        history.append(total / len(images))
        if report is not None:
            report(epoch, history[-1])
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    network.eval()
    return history
