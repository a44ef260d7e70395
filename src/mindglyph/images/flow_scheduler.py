"""The noise of the flow: how much of it a training picture gets, and the steps in which a drawing loses it.

A picture `x` and normal noise `e` are mixed as `(1 - s) x + s e`; along that straight line the
velocity is `e - x`. A drawing begins with noise alone, `s = 1`, and follows the velocity that
the network expects down to `s = 0`, in steps of diffusers' `FlowMatchEulerDiscreteScheduler`.

References
----------
Lipman et al. (2023), "Flow matching for generative modeling", https://doi.org/10.48550/arXiv.2210.02747;
Esser et al. (2024), https://doi.org/10.48550/arXiv.2403.03206, for the logistic-normal shares.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

SMALLEST = 0.05
"""Share of noise below which the velocity is not weighed more in training, since it is a quotient by that share."""


def noise_shares(n: int, centre: float, spread: float, generator: torch.Generator) -> torch.Tensor:
    """Draw shares of noise for training pictures, logistic-normal.

    Parameters
    ----------
    n : int
        How many.
    centre, spread : float
        Mean and standard deviation of the logit; more noise above 0.
    generator : Generator
        Where they come from.

    Returns
    -------
    Tensor, shape (n,)
        Between 0 and 1.
    """
    return torch.sigmoid(centre + spread * torch.randn(n, generator=generator))


def mixed(images: torch.Tensor, noise: torch.Tensor, shares: torch.Tensor) -> torch.Tensor:
    """Mix pictures (n, 28, 28) with noise of the same shape by shares (n,)."""
    by_picture = shares[:, None, None]
    return (1 - by_picture) * images + by_picture * noise


def followed(
    start: torch.Tensor, clean: Callable[[torch.Tensor, torch.Tensor], torch.Tensor], steps: int, shift: float
) -> torch.Tensor:
    """Follow the flow from noise to pictures.

    Parameters
    ----------
    start : Tensor, shape (n_images, 28, 28)
        Normal noise.
    clean : callable
        Gives the clean pictures expected behind noisy ones and their shares of noise, (n_images,).
    steps : int
        Number of steps.
    shift : float
        Above 1, more of the steps are taken where there is much noise.

    Returns
    -------
    Tensor, shape (n_images, 28, 28)
        Pictures.
    """
    # Imported here, since diffusers takes seconds and only this generator needs it.
    from diffusers import FlowMatchEulerDiscreteScheduler

    scheduler = FlowMatchEulerDiscreteScheduler(shift=shift)
    scheduler.set_timesteps(sigmas=np.linspace(1, 1 / steps, steps).tolist())
    noisy = start
    for place, timestep in enumerate(scheduler.timesteps):
        share = scheduler.sigmas[place]
        velocity = (noisy - clean(noisy, share.expand(len(noisy)))) / share
        noisy = scheduler.step(velocity, timestep, noisy).prev_sample
    return noisy
