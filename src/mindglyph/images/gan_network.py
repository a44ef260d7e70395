"""The networks of the conditional GAN: what draws, and the critic that tells drawn from real pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from mindglyph.images.gan import GANSettings

_STYLE = 128


class _Styled(nn.Module):
    """A layer whose normalised outputs are scaled and shifted by the style, then rectified.

    Adaptive normalisation as in Huang & Belongie (2017), https://doi.org/10.1109/ICCV.2017.167,
    over groups of filters, which unlike batches are the same in training and drawing.
    """

    def __init__(self, layer: nn.Module, filters: int) -> None:
        super().__init__()
        self.layer = layer
        self.norm = nn.GroupNorm(8, filters, affine=False)
        self.style = nn.Linear(_STYLE, 2 * filters)

    def forward(self, values: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        scale, shift = self.style(style)[:, :, None, None].chunk(2, dim=1)
        return functional.silu(self.norm(self.layer(values)) * (1 + scale) + shift)


class Drawer(nn.Module):
    """From latents and features to pictures.

    Parameters
    ----------
    settings : GANSettings
        Sizes.
    """

    def __init__(self, settings: GANSettings) -> None:
        super().__init__()
        width, incoming = settings.width, settings.latent_dim + settings.n_classes + settings.embedding_dim
        self.mapping = nn.Sequential(nn.Linear(incoming, _STYLE), nn.SiLU(), nn.Linear(_STYLE, _STYLE), nn.SiLU())
        self.start = nn.Linear(incoming, width * 49)
        half = width // 2
        self.layers = nn.ModuleList(
            [
                _Styled(nn.Conv2d(width, width, 3, padding=1), width),
                _Styled(nn.ConvTranspose2d(width, half, 4, stride=2, padding=1), half),
                _Styled(nn.Conv2d(half, half, 3, padding=1), half),
            ]
        )
        # Four pixels at each place of the half-sized map: layers of 28 × 28 would take most of the time.
        self.pixels = nn.Conv2d(half, 4, 3, padding=1)

    def forward(self, latent: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Draw pictures (n, 28, 28) between 0 and 1 from latents (n, latent_dim) and features."""
        incoming = torch.cat([latent, features], dim=1)
        style = self.mapping(incoming)
        values = self.start(incoming).unflatten(1, (-1, 7, 7)).contiguous(memory_format=torch.channels_last)
        for layer in self.layers:
            values = layer(values, style)
        return torch.sigmoid(functional.pixel_shuffle(self.pixels(values).float(), 2)[:, 0])


class Critic(nn.Module):
    """From pictures and features to a score, high for real pictures of what the features say.

    Spectral norm keeps every layer from stretching more than by one (Miyato et al. 2018,
    https://doi.org/10.48550/arXiv.1802.05957); the features are asked for by a projection (Miyato
    & Koyama 2018, https://doi.org/10.48550/arXiv.1802.05637); how much a batch varies is seen
    too, so that drawings that are all alike are found out (Karras et al. 2018,
    https://doi.org/10.48550/arXiv.1710.10196).

    Parameters
    ----------
    settings : GANSettings
        Sizes.
    """

    def __init__(self, settings: GANSettings) -> None:
        super().__init__()
        width = settings.critic_width
        sizes = [(4, width, 3, 1), (width, 2 * width, 4, 2), (2 * width, 3 * width, 3, 1), (3 * width, 4 * width, 4, 2)]
        self.layers = nn.Sequential()
        for incoming, outgoing, kernel, stride in sizes:
            self.layers.append(spectral_norm(nn.Conv2d(incoming, outgoing, kernel, stride=stride, padding=1)))
            self.layers.append(nn.LeakyReLU(0.1))
        last = 9 * 4 * width
        self.score = spectral_norm(nn.Linear(last + 1, 1))
        self.projection = spectral_norm(nn.Linear(settings.n_classes + settings.embedding_dim, last, bias=False))

    def forward(self, images: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Score pictures (n, 28, 28) between 0 and 1, each with its features: shape (n,)."""
        patches = functional.pixel_unshuffle(2 * images[:, None] - 1, 2).contiguous(memory_format=torch.channels_last)
        found = self.layers(patches).flatten(1).float()
        variety = found.std(dim=0).mean().expand(len(found), 1)
        own = self.score(torch.cat([found, variety], dim=1))[:, 0]
        return own + (self.projection(features) * found).sum(dim=1)
