"""A flow-matching model that draws digits: noise is led along straight lines to pictures.

The network is a UNet of diffusers (`mindglyph.images.flow_network`), the noise and the steps are
those of its scheduler (`mindglyph.images.flow_scheduler`). The latent is the noise that a drawing
begins with. Now and then the condition is left out in training, so that a drawing can be led
further away from what is drawn without it (Ho & Salimans 2022,
https://doi.org/10.48550/arXiv.2207.12598).
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import nn
from torch.optim.swa_utils import AveragedModel

from mindglyph.images.flow_network import FlowNetwork
from mindglyph.images.flow_scheduler import SMALLEST, followed, mixed, noise_shares
from mindglyph.images.generator_training import GeneratorTraining, Trainee, arithmetic, averaged
from mindglyph.images.generators import Generator, GeneratorSettings


class FlowSettings(GeneratorSettings):
    """Size of a flow, how it is trained and how it draws.

    Attributes
    ----------
    width : int
        Filters of the UNet's convolutions, a multiple of 16.
    layers : int
        Residual blocks on the way down; there is one more on the way up, and two between.
    noise_centre, noise_spread : float
        Mean and standard deviation of the logit of the noise's share in training.
    without_condition : float
        Share of the training pictures whose condition is left out.
    steps : int
        Steps of a drawing.
    shift : float
        Above 1, more of the steps are taken where there is much noise.
    guidance : float
        How far a drawing follows the condition; 1 is as in training, more exaggerates it and
        takes twice as long.
    """

    width: int = Field(64, ge=16, multiple_of=16)
    layers: int = Field(1, ge=1)
    noise_centre: float = 0.3
    noise_spread: float = Field(1.0, gt=0)
    without_condition: float = Field(0.1, ge=0, lt=1)
    steps: int = Field(20, ge=1)
    shift: float = Field(1.0, gt=0)
    guidance: float = Field(1.5, ge=0)
    training: GeneratorTraining = GeneratorTraining(epochs=7, batch_size=128, learning_rate=2e-3, constant=0.4)

    def build(self) -> Flow:
        """Return an untrained flow."""
        return Flow(self)


class _FlowTrainee(Trainee):
    def __init__(self, settings: FlowSettings) -> None:
        self._settings = settings
        self.network = FlowNetwork(settings)
        self.mean = averaged(self.network, settings.training.averaging)
        self.modules = {"network": self.network, "mean": self.mean}
        optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=settings.training.learning_rate, betas=(0.9, 0.99), weight_decay=1e-3
        )
        self.optimizers = {"network": optimizer}

    def step(self, images: torch.Tensor, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        settings = self._settings
        clean = 2 * images - 1
        shares = noise_shares(len(images), settings.noise_centre, settings.noise_spread, generator)
        noise = torch.randn(clean.shape, generator=generator)
        kept = torch.rand(len(images), 1, generator=generator) >= settings.without_condition
        with arithmetic():
            expected = self.network(mixed(clean, noise, shares), shares, features * kept)
        # The error of the velocity is that of the clean picture by the share of noise.
        loss = (((expected - clean) / shares.clamp(min=SMALLEST)[:, None, None]) ** 2).mean()
        self.optimizers["network"].zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), 1.0)
        self.optimizers["network"].step()
        self.mean.update_parameters(self.network)
        return loss.detach()


class Flow(Generator):  # numpydoc ignore=PR02
    """Draws digits by flow matching.

    Parameters
    ----------
    settings : FlowSettings
        Size, training and drawing.
    """

    kind: ClassVar[str] = "flow"
    settings_type: ClassVar[type[GeneratorSettings]] = FlowSettings
    settings: FlowSettings

    @property
    def latent_dim(self) -> int:
        """Number of pixels: the latent is the noise that a drawing begins with."""
        return 784

    def _built(self) -> nn.Module:
        return FlowNetwork(self.settings)

    def _trainee(self) -> Trainee:
        return _FlowTrainee(self.settings)

    def _learned(self, trainee: Any) -> nn.Module:
        mean: AveragedModel = trainee.mean
        return mean.module

    def _draw(self, latent: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        settings = self.settings

        def clean(noisy: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
            expected = self._network(noisy, shares, features)
            if settings.guidance != 1:
                without = self._network(noisy, shares, torch.zeros_like(features))
                expected = without + settings.guidance * (expected - without)
            return expected.clamp(-1, 1)

        drawn = followed(latent.unflatten(1, (28, 28)), clean, settings.steps, settings.shift)
        return (drawn.clamp(-1, 1) + 1) / 2
