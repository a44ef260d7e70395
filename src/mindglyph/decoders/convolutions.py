"""Wide convolutions in time with few multiplications.

A convolution of kernel k costs k products for each output, channel and filter. Through the
discrete Fourier transform, outputs of a whole stretch cost one complex product a frequency
instead: three real ones after Gauss. Written out, it is products of matrices only,
``y = A ((G w) · (D x))`` as in Winograd (1980), which processors take fastest of all, also in
bfloat16; with kernel 11 it needs about a fourth of the arithmetic, and gives the same to rounding.

References
----------
Mathieu, Henaff & LeCun (2013), "Fast training of convolutional networks through FFTs",
https://doi.org/10.48550/arXiv.1312.5851; Winograd (1980), "Arithmetic complexity of
computations", https://doi.org/10.1137/1.9781611970364.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

STRETCH = 50
"""Outputs transformed together: shorter ones need more products, longer ones larger transforms."""


class TimeConvolution(nn.Conv1d):
    """`Conv1d` of many channels, over signals that stand time first.

    Parameters
    ----------
    in_channels, out_channels, kernel_size : int
        As of `Conv1d`, whose weights it has.
    n_outputs : int
        Samples that are needed of what comes out.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, n_outputs: int) -> None:
        super().__init__(in_channels, out_channels, kernel_size)
        self.n_outputs = n_outputs
        for length in {min(STRETCH, n_outputs), n_outputs % STRETCH} - {0}:
            for name, matrix in zip("dga", transforms(length, kernel_size), strict=True):
                self.register_buffer(f"_{name}{length}", torch.tensor(matrix).float(), persistent=False)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return (n_outputs, n_trials, out_channels) of (n_times, n_trials, in_channels)."""
        kernel = self.kernel_size[0]
        weight = self.weight.permute(2, 1, 0)
        stretches = []
        for start in range(0, self.n_outputs, STRETCH):
            length = min(STRETCH, self.n_outputs - start)
            of_signals, of_weight, back = (getattr(self, f"_{name}{length}") for name in "dga")
            filters = (of_weight @ weight.flatten(1)).unflatten(1, weight.shape[1:])
            samples = signals[start : start + length + kernel - 1]
            products = (of_signals @ samples.flatten(1)).unflatten(1, samples.shape[1:]) @ filters
            stretches.append((back @ products.flatten(1)).unflatten(1, products.shape[1:]))
        outputs = torch.cat(stretches)
        return outputs if self.bias is None else outputs + self.bias.to(outputs.dtype)


def transforms(n_outputs: int, kernel: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrices D, G and A of a convolution ``A ((G w) · (D x))``.

    Parameters
    ----------
    n_outputs : int
        Samples of the output.
    kernel : int
        Samples of the kernel w, as of `Conv1d`: it is not turned round.

    Returns
    -------
    of_signals : ndarray, shape (n_products, n_outputs + kernel - 1)
        D.
    of_weight : ndarray, shape (n_products, kernel)
        G.
    back : ndarray, shape (n_outputs, n_products)
        A.
    """
    n_times = n_outputs + kernel - 1
    times = np.arange(n_times)
    of_signals, of_weight, back = [], [], []
    for frequency in range(n_times // 2 + 1):
        angle = 2 * np.pi * frequency * times / n_times
        cosine, sine = np.cos(angle), np.sin(angle)
        if 2 * frequency % n_times == 0:
            of_signals.append(cosine)
            of_weight.append(cosine)
            back.append(cosine)
        else:
            # Gauss: (a + ib)(c + id) = [(a + b)c - b(c + d)] + i[(a + b)c + a(d - c)].
            of_signals += [cosine - sine, cosine, -sine]
            of_weight += [cosine, sine - cosine, cosine + sine]
            # A frequency inside the band stands for its negative, too.
            back += [2 * (cosine - sine), -2 * sine, -2 * cosine]
    scale = 1 / n_times
    return np.array(of_signals), np.array(of_weight)[:, :kernel], np.array(back)[:, :n_outputs].T * scale
