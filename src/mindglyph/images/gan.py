"""A conditional GAN that draws digits: a network that draws against one that criticises.

The critic's loss is the hinge (Lim & Ye 2017, https://doi.org/10.48550/arXiv.1705.02894), with a
penalty on its gradient at real pictures every few steps (Mescheder et al. 2018,
https://doi.org/10.48550/arXiv.1801.04406); what draws in the end is the running mean of the
drawing network's weights.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from mindglyph.images.gan_network import Critic, Drawer
from mindglyph.images.generator_training import GeneratorTraining, Trainee, arithmetic, averaged
from mindglyph.images.generators import Generator, GeneratorSettings


class GANSettings(GeneratorSettings):
    """Size of a GAN and how it is trained.

    Attributes
    ----------
    latent_dim : int
        Number of latent variables.
    width : int
        Filters of the widest convolution of the network that draws, a multiple of 16.
    critic_width : int
        Filters of the critic's first convolution.
    critic_rate : float
        The critic's learning rate in multiples of the drawing network's.
    penalty : float
        Weight of the squared gradient of the critic at real pictures.
    penalty_every : int
        Steps from one penalty to the next, which counts as often.
    """

    latent_dim: int = Field(32, ge=1)
    width: int = Field(96, ge=16, multiple_of=16)
    critic_width: int = Field(32, ge=4)
    critic_rate: float = Field(2.0, gt=0)
    penalty: float = Field(0.1, ge=0)
    penalty_every: int = Field(16, ge=1)
    training: GeneratorTraining = GeneratorTraining(epochs=5, batch_size=64, learning_rate=3e-4, constant=0.5)

    def build(self) -> GAN:
        """Return an untrained GAN."""
        return GAN(self)


class _GANTrainee(Trainee):
    def __init__(self, settings: GANSettings) -> None:
        self._settings = settings
        self.drawer, self.critic = Drawer(settings), Critic(settings)
        self.mean = averaged(self.drawer, settings.training.averaging)
        self.modules = {"drawer": self.drawer, "critic": self.critic, "mean": self.mean}
        rate = settings.training.learning_rate
        self.optimizers = {
            "drawer": torch.optim.Adam(self.drawer.parameters(), lr=rate, betas=(0.0, 0.99)),
            "critic": torch.optim.Adam(self.critic.parameters(), lr=rate * settings.critic_rate, betas=(0.0, 0.99)),
        }

    def step(self, images: torch.Tensor, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        settings = self._settings
        latent = torch.randn(len(images), settings.latent_dim, generator=generator)
        with arithmetic():
            drawn = self.drawer(latent, features)
        self.critic.requires_grad_(True)
        with arithmetic():
            real, false = self.critic(images, features), self.critic(drawn.detach(), features)
        loss = functional.relu(1 - real).mean() + functional.relu(1 + false).mean()
        whole = loss
        # Counted by the running mean, so that a training that goes on counts on.
        if settings.penalty and int(self.mean.n_averaged) % settings.penalty_every == 0:
            whole = loss + settings.penalty / 2 * settings.penalty_every * self._slope(images, features)
        self._down("critic", whole)
        # The weights of the critic need no gradient while the drawing network learns.
        self.critic.requires_grad_(False)
        with arithmetic():
            score = self.critic(drawn, features)
        self._down("drawer", -score.mean())
        self.mean.update_parameters(self.drawer)
        return loss.detach()

    def _slope(self, images: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        images = images.requires_grad_(True)
        score = self.critic(images, features).sum()
        (gradient,) = torch.autograd.grad(score, images, create_graph=True)
        return gradient.square().sum(dim=(1, 2)).mean()

    def _down(self, name: str, loss: torch.Tensor) -> None:
        self.optimizers[name].zero_grad()
        loss.backward()
        self.optimizers[name].step()


class GAN(Generator):  # numpydoc ignore=PR02
    """Draws digits by a network that a critic has taught. Its loss is the critic's, 0 where it is never wrong.

    Parameters
    ----------
    settings : GANSettings
        Size and training.
    """

    kind: ClassVar[str] = "gan"
    settings_type: ClassVar[type[GeneratorSettings]] = GANSettings
    settings: GANSettings

    @property
    def latent_dim(self) -> int:
        """Number of latent variables."""
        return self.settings.latent_dim

    def _built(self) -> nn.Module:
        return Drawer(self.settings)

    def _trainee(self) -> Trainee:
        return _GANTrainee(self.settings)

    def _learned(self, trainee: Any) -> nn.Module:
        return trainee.mean.module

    def _draw(self, latent: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return self._network(latent, features)
