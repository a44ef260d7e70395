"""A conditional variational auto-encoder that draws digits.

The condition is a probability of each digit, so an undecided condition is as lawful as a
certain one. What the condition leaves open (slant, width, hand) is the latent.

References
----------
Kingma & Welling (2014), https://doi.org/10.48550/arXiv.1312.6114;
Sohn, Lee & Yan (2015), "Learning structured output representation using deep conditional
generative models"; used for EEG by Kavasidis et al. (2017), https://doi.org/10.1145/3123266.3127907.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays
from mindglyph.images.training import PictureTraining, train_network
from mindglyph.settings import Settings


class VAESettings(Settings):
    """Size of a conditional VAE and how it is trained.

    Attributes
    ----------
    n_classes : int
        Number of digits, the length of a condition.
    latent_dim : int
        Number of latent variables.
    width : int
        Filters of the widest convolution.
    training : PictureTraining
        How it is trained.
    """

    n_classes: int = Field(10, ge=2)
    latent_dim: int = Field(8, ge=1)
    width: int = Field(64, ge=4)
    training: PictureTraining = PictureTraining(epochs=30)


class _Encoder(nn.Module):
    def __init__(self, settings: VAESettings) -> None:
        super().__init__()
        width = settings.width
        self.convolutions = nn.Sequential(
            nn.Conv2d(1, width // 4, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width // 4, width // 2, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width // 2, width // 2, 3, stride=2, padding=1),
            nn.SiLU(),
            nn.Flatten(),
        )
        self.head = nn.Linear(width // 2 * 16 + settings.n_classes, 2 * settings.latent_dim)

    def forward(self, images: torch.Tensor, condition: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        features = self.convolutions(images[:, None])
        mean, log_variance = self.head(torch.cat([features, condition], dim=1)).chunk(2, dim=1)
        return mean, log_variance


class _Decoder(nn.Module):
    def __init__(self, settings: VAESettings) -> None:
        super().__init__()
        width = settings.width
        self.start = nn.Linear(settings.latent_dim + settings.n_classes, width * 49)
        self.convolutions = nn.Sequential(
            nn.SiLU(),
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(width // 2, width // 4, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width // 4, 1, 3, padding=1),
        )

    def forward(self, latent: torch.Tensor, condition: torch.Tensor) -> torch.Tensor:
        start = self.start(torch.cat([latent, condition], dim=1))
        return self.convolutions(start.unflatten(1, (-1, 7, 7)))[:, 0]


class ConditionalVAE:
    """Draws 28 × 28 digits from a latent and a condition.

    Parameters
    ----------
    settings : VAESettings
        Size and training.
    """

    def __init__(self, settings: VAESettings | None = None) -> None:
        self.settings = settings or VAESettings()
        self._network = nn.ModuleDict({"encoder": _Encoder(self.settings), "decoder": _Decoder(self.settings)})
        self._network.eval()

    def fit(
        self,
        images: np.ndarray,
        condition: np.ndarray,
        seed: int = 0,
        report: Callable[[int, float], None] | None = None,
    ) -> list[float]:
        """Train on pictures whose condition is known.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            Grey values, uint8.
        condition : ndarray, shape (n_images, n_classes)
            Probability of each digit, one-hot for labelled pictures.
        seed : int
            Start weights, order and draws.
        report : callable, optional
            Called after each epoch with its number and mean loss.

        Returns
        -------
        list of float
            Mean loss (nats a picture) of each epoch.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.__init__(self.settings)  # type: ignore[misc]  # fresh start weights from the seed
        targets = torch.from_numpy(np.asarray(condition, dtype=np.float32))
        return train_network(
            self._network, self._loss, _unit(images), targets, self.settings.training, seed=seed, report=report
        )

    def _loss(self, images: torch.Tensor, condition: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        mean, log_variance = self._network["encoder"](images, condition)
        noise = torch.randn(mean.shape, generator=generator)
        logits = self._network["decoder"](mean + noise * torch.exp(log_variance / 2), condition)
        misfit = functional.binary_cross_entropy_with_logits(logits.float(), images, reduction="none").sum((1, 2))
        mean, log_variance = mean.float(), log_variance.float()
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(1)
        return (misfit + divergence).mean()

    @torch.inference_mode()
    def encode(self, images: np.ndarray, condition: np.ndarray) -> np.ndarray:
        """Return the mean latent of pictures.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            Grey values, uint8.
        condition : ndarray, shape (n_images, n_classes)
            Probability of each digit.

        Returns
        -------
        ndarray, shape (n_images, latent_dim)
            Means of the posterior, float32.
        """
        mean, _ = self._network["encoder"](_unit(images), _float(condition))
        return mean.numpy()

    @torch.inference_mode()
    def decode(self, latent: np.ndarray, condition: np.ndarray) -> np.ndarray:
        """Draw pictures.

        Parameters
        ----------
        latent : ndarray, shape (n_images, latent_dim)
            Zeros give the typical hand.
        condition : ndarray, shape (n_images, n_classes)
            Probability of each digit.

        Returns
        -------
        ndarray, shape (n_images, 28, 28)
            Grey values between 0 and 1, float32.
        """
        # In batches, since the widest layer of thousands of pictures at once does not fit the caches.
        batches = zip(_float(latent).split(500), _float(condition).split(500), strict=True)
        logits = [self._network["decoder"](*batch) for batch in batches]
        return torch.sigmoid(torch.cat(logits)).numpy()

    def sample(self, condition: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw a picture with a random latent for each condition.

        Parameters
        ----------
        condition : ndarray, shape (n_images, n_classes)
            Probability of each digit.
        rng : Generator
            Where the latents come from.

        Returns
        -------
        ndarray, shape (n_images, 28, 28)
            Grey values between 0 and 1, float32.
        """
        return self.decode(rng.standard_normal((len(condition), self.settings.latent_dim)), condition)

    def save(self, path: Path) -> None:
        """Write weights and settings as safetensors."""
        arrays = {name: tensor.numpy() for name, tensor in self._network.state_dict().items()}
        write_arrays(path, arrays, {"kind": "conditional-vae", "settings": self.settings.model_dump()})

    @classmethod
    def load(cls, path: Path) -> ConditionalVAE:
        """Read what `save` wrote.

        Raises
        ------
        UserError
            If the file is absent, damaged or something else.
        """
        arrays, about = read_arrays(path)
        if about.get("kind") != "conditional-vae":
            raise UserError(f"{path}: holds '{about.get('kind')}', not a conditional VAE: name another file")
        try:
            vae = cls(VAESettings.model_validate(about["settings"]))
            vae._network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: does not hold what a conditional VAE needs: make it anew") from error
        return vae


@cache
def packaged_vae() -> ConditionalVAE:
    """Load the generator in the package, trained on MNIST training digits that are not in the package."""
    with as_file(files("mindglyph.images") / "data" / "vae.safetensors") as path:
        return ConditionalVAE.load(path)


def _unit(images: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(images, dtype=np.float32) / 255)


def _float(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float32))
