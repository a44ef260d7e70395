"""The networks of the conditional VAE: encoder, decoder, and how the latents of each digit lie."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

if TYPE_CHECKING:
    from mindglyph.images.vae import VAESettings


class Encoder(nn.Module):
    """From pictures and their features to mean and logarithm of the variance of the latent.

    Parameters
    ----------
    settings : VAESettings
        Sizes.
    """

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
        self.head = nn.Linear(width // 2 * 16 + settings.n_classes + settings.embedding_dim, 2 * settings.latent_dim)

    def forward(self, images: torch.Tensor, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Encode pictures (n, 28, 28) between 0 and 1 with features (n, n_classes + n_features)."""
        found = self.convolutions(images[:, None])
        mean, log_variance = self.head(torch.cat([found, features], dim=1)).chunk(2, dim=1)
        return mean, log_variance


class Decoder(nn.Module):
    """From latents and features to the logits of the pixels.

    Parameters
    ----------
    settings : VAESettings
        Sizes.
    """

    def __init__(self, settings: VAESettings) -> None:
        super().__init__()
        width = settings.width
        self.start = nn.Linear(settings.latent_dim + settings.n_classes + settings.embedding_dim, width * 49)
        self.convolutions = nn.Sequential(
            nn.SiLU(),
            nn.ConvTranspose2d(width, width // 2, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.ConvTranspose2d(width // 2, width // 4, 4, stride=2, padding=1),
            nn.SiLU(),
            nn.Conv2d(width // 4, 1, 3, padding=1),
        )

    def forward(self, latent: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Decode latents (n, latent_dim) with features (n, n_classes + n_features): logits (n, 28, 28)."""
        start = self.start(torch.cat([latent, features], dim=1))
        return self.convolutions(start.unflatten(1, (-1, 7, 7)))[:, 0]


class Hands(nn.Module):
    """How the latents of each digit lie: a mixture of normal distributions.

    Training draws the latents of all pictures of a digit only roughly to the standard normal
    distribution. Latents from it fall between the hands and give shapes that nobody writes; from
    the mixture they fall where the pictures' own are (Ghosh et al. 2020,
    https://doi.org/10.48550/arXiv.1903.12436).

    Parameters
    ----------
    settings : VAESettings
        Sizes. Before `learn`, every latent is drawn from the standard normal distribution.
    """

    def __init__(self, settings: VAESettings) -> None:
        super().__init__()
        digits, hands, dim = settings.n_classes, settings.hands, settings.latent_dim
        self.weights: torch.Tensor
        self.means: torch.Tensor
        self.factors: torch.Tensor
        self.register_buffer("weights", torch.full((digits, hands), 1 / hands))
        self.register_buffer("means", torch.zeros(digits, hands, dim))
        self.register_buffer("factors", torch.eye(dim).repeat(digits, hands, 1, 1))

    def learn(self, latents: np.ndarray, digits: np.ndarray, seed: int) -> None:
        """Fit the mixture of each digit.

        Parameters
        ----------
        latents : ndarray, shape (n_pictures, latent_dim)
            Draws from the posterior of each picture.
        digits : ndarray, shape (n_pictures,)
            What each shows. A digit of few pictures gets fewer hands, or keeps the standard
            normal distribution.
        seed : int
            Of the mixture's start.
        """
        from sklearn.mixture import GaussianMixture

        dim = latents.shape[1]
        for digit in range(len(self.weights)):
            own = latents[digits == digit]
            # A hand has more unknowns than its mean and covariance have numbers of pictures below this.
            hands = min(self.weights.shape[1], len(own) // (dim * (dim + 3)))
            if not hands:
                continue
            mixture = GaussianMixture(hands, reg_covar=1e-4, random_state=seed).fit(own.astype(np.float64))
            self.weights[digit] = 0
            self.weights[digit, :hands] = torch.from_numpy(mixture.weights_).float()
            self.means[digit, :hands] = torch.from_numpy(mixture.means_).float()
            self.factors[digit, :hands] = torch.from_numpy(np.linalg.cholesky(mixture.covariances_)).float()

    def drawn(self, digits: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Draw a latent for each digit (n_pictures,): shape (n_pictures, latent_dim), float32."""
        edges = np.cumsum(self.weights.numpy().astype(np.float64), axis=1)[digits]
        places = rng.random((len(digits), 1)) * edges[:, -1:]
        hands = np.minimum((edges <= places).sum(axis=1), edges.shape[1] - 1)
        noise = rng.standard_normal((len(digits), self.means.shape[2]), dtype=np.float32)
        means, factors = self.means.numpy()[digits, hands], self.factors.numpy()[digits, hands]
        return means + np.einsum("nij,nj->ni", factors, noise)
