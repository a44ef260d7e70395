"""A conditional variational auto-encoder that draws digits.

What the condition leaves open (slant, width, hand) is the latent: pictures can be encoded to it
and decoded from it, and a latent of zeros is the typical hand.

References
----------
Kingma & Welling (2014), https://doi.org/10.48550/arXiv.1312.6114;
Sohn, Lee & Yan (2015), "Learning structured output representation using deep conditional
generative models"; used for EEG by Kavasidis et al. (2017), https://doi.org/10.1145/3123266.3127907.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from mindglyph.images.conditions import Condition
from mindglyph.images.generator_training import GeneratorTraining, Trainee, arithmetic, averaged
from mindglyph.images.generators import Generator, GeneratorSettings
from mindglyph.images.registry import packaged_generator
from mindglyph.images.vae_network import Decoder, Encoder, Hands


class VAESettings(GeneratorSettings):
    """Size of a conditional VAE and how it is trained.

    Attributes
    ----------
    latent_dim : int
        Number of latent variables.
    width : int
        Filters of the widest convolution.
    hands : int
        Normal distributions by which the latents of each digit are described.
    """

    latent_dim: int = Field(8, ge=1)
    width: int = Field(64, ge=4)
    hands: int = Field(5, ge=1)
    training: GeneratorTraining = GeneratorTraining(epochs=30, batch_size=256, learning_rate=2e-3)

    def build(self) -> ConditionalVAE:
        """Return an untrained VAE."""
        return ConditionalVAE(self)


class _VAETrainee(Trainee):
    def __init__(self, settings: VAESettings, network: nn.Module) -> None:
        self.network = network
        self.mean = averaged(network, settings.training.averaging)
        self.modules = {"network": network, "mean": self.mean}
        self.optimizers = {
            "network": torch.optim.AdamW(network.parameters(), lr=settings.training.learning_rate, weight_decay=1e-3)
        }

    def step(self, images: torch.Tensor, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        with arithmetic():
            mean, log_variance = self.network.get_submodule("encoder")(images, features)
            noise = torch.randn(mean.shape, generator=generator)
            logits = self.network.get_submodule("decoder")(mean + noise * torch.exp(log_variance / 2), features)
        misfit = functional.binary_cross_entropy_with_logits(logits.float(), images, reduction="none").sum((1, 2))
        mean, log_variance = mean.float(), log_variance.float()
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        loss = (misfit + divergence).mean()
        self.optimizers["network"].zero_grad()
        loss.backward()
        self.optimizers["network"].step()
        self.mean.update_parameters(self.network)
        return loss.detach()


class ConditionalVAE(Generator):  # numpydoc ignore=PR02
    """Draws digits from a latent, and finds the latent of a picture. Its loss is in nats a picture.

    Parameters
    ----------
    settings : VAESettings
        Size and training.
    """

    kind: ClassVar[str] = "vae"
    settings_type: ClassVar[type[GeneratorSettings]] = VAESettings
    settings: VAESettings

    @property
    def latent_dim(self) -> int:
        """Number of latent variables."""
        return self.settings.latent_dim

    def _built(self) -> nn.Module:
        parts = {"encoder": Encoder(self.settings), "decoder": Decoder(self.settings), "hands": Hands(self.settings)}
        return nn.ModuleDict(parts)

    def _trainee(self) -> Trainee:
        return _VAETrainee(self.settings, self._built())

    def _learned(self, trainee: Any) -> nn.Module:
        return trainee.mean.module

    @torch.inference_mode()
    def _finish(self, images: np.ndarray, condition: Condition, seed: int) -> None:
        mean, log_variance = self._posterior(images, condition)
        noise = np.random.default_rng(seed).standard_normal(mean.shape, dtype=np.float32)
        latents = mean + noise * np.exp(log_variance / 2)
        self._hands.learn(latents, condition.probabilities.argmax(axis=1), seed)

    def _latents(self, condition: Condition, rng: np.random.Generator) -> np.ndarray:
        return self._hands.drawn(condition.probabilities.argmax(axis=1), rng)

    @torch.inference_mode()
    def encode(self, images: np.ndarray, condition: Condition | np.ndarray) -> np.ndarray:
        """Return the mean latent of pictures.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            Grey values, uint8.
        condition : Condition, or ndarray of shape (n_images, n_classes)
            Probability of each digit.

        Returns
        -------
        ndarray, shape (n_images, latent_dim)
            Means of the posterior, float32.
        """
        return self._posterior(images, self._fitting(Condition.of(condition)))[0]

    @torch.inference_mode()
    def decode(self, latent: np.ndarray, condition: Condition | np.ndarray) -> np.ndarray:
        """Draw pictures; unlike `sample`, an undecided condition gives a shape between the digits.

        Parameters
        ----------
        latent : ndarray, shape (n_images, latent_dim)
            Zeros give the typical hand.
        condition : Condition, or ndarray of shape (n_images, n_classes)
            Probability of each digit.

        Returns
        -------
        ndarray, shape (n_images, 28, 28)
            Grey values between 0 and 1, float32.
        """
        features = torch.tensor(self._fitting(Condition.of(condition)).features())
        latents = torch.tensor(np.asarray(latent, dtype=np.float32))
        # In batches, since the widest layer of thousands of pictures at once does not fit the caches.
        drawn = [self._draw(*batch) for batch in zip(latents.split(500), features.split(500), strict=True)]
        return torch.cat(drawn).numpy()

    @property
    def _hands(self) -> Hands:
        hands = self._network.get_submodule("hands")
        assert isinstance(hands, Hands)
        return hands

    def _draw(self, latent: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        return torch.sigmoid(self._network.get_submodule("decoder")(latent, features))

    def _posterior(self, images: np.ndarray, condition: Condition) -> tuple[np.ndarray, np.ndarray]:
        pictures = torch.tensor(np.asarray(images)).split(500)
        batches = zip(pictures, torch.tensor(condition.features()).split(500), strict=True)
        encoder = self._network.get_submodule("encoder")
        parts = [encoder(batch.float() / 255, features) for batch, features in batches]
        mean, log_variance = (torch.cat(column).numpy() for column in zip(*parts, strict=True))
        return mean, log_variance


def packaged_vae() -> ConditionalVAE:
    """Load the VAE in the package, trained on MNIST training digits that are not in the package."""
    vae = packaged_generator("vae")
    assert isinstance(vae, ConditionalVAE)
    return vae
