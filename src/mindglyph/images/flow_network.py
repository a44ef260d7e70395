"""The network of the flow: a UNet of diffusers that says what clean picture a noisy one comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import nn
from torch.nn import functional

if TYPE_CHECKING:
    from mindglyph.images.flow import FlowSettings

PATCH = 4
"""Pixels of an edge of the patches whose pixels are the channels of the network: 28 × 28 pixels are 7 × 7 patches."""


class FlowNetwork(nn.Module):
    """From a noisy picture, its noise and a condition to the clean picture.

    The clean picture is what the network gives, and not the noise: pictures lie on few of the
    directions that noise has, so a small network with large patches can tell them
    (Li & He 2025, https://doi.org/10.48550/arXiv.2511.13720).

    Parameters
    ----------
    settings : FlowSettings
        Sizes.
    """

    def __init__(self, settings: FlowSettings) -> None:
        # Imported here, since diffusers takes seconds and only this generator needs it.
        from diffusers import UNet2DModel

        super().__init__()
        width = settings.width
        # Without a bias, so that the condition of zeros, which stands for none, adds nothing.
        self.condition = nn.Linear(settings.n_classes + settings.embedding_dim, 4 * width, bias=False)
        self.unet = UNet2DModel(
            sample_size=28 // PATCH,
            in_channels=PATCH**2,
            out_channels=PATCH**2,
            block_out_channels=(width,),
            down_block_types=("DownBlock2D",),
            up_block_types=("UpBlock2D",),
            layers_per_block=settings.layers,
            norm_num_groups=8,
            attention_head_dim=16,
            resnet_time_scale_shift="scale_shift",
            class_embed_type="identity",
        )

    def forward(self, noisy: torch.Tensor, noise: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Return the clean pictures.

        Parameters
        ----------
        noisy : Tensor, shape (n_images, 28, 28)
            Pictures between -1 and 1, mixed with normal noise.
        noise : Tensor, shape (n_images,)
            Share of the noise, between 0 and 1.
        features : Tensor, shape (n_images, n_classes + n_features)
            One-hot digit and embedding, or zeros for no condition.

        Returns
        -------
        Tensor, shape (n_images, 28, 28)
            Expected clean pictures, about between -1 and 1.
        """
        patches = functional.pixel_unshuffle(noisy[:, None], PATCH).contiguous(memory_format=torch.channels_last)
        clean = self.unet(patches, 1000 * noise, class_labels=self.condition(features)).sample
        return functional.pixel_shuffle(clean.float(), PATCH)[:, 0]
