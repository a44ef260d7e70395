"""Trials changed at random while a network learns, so that it sees none twice; by braindecode.

References
----------
Rommel et al. (2022), "Data augmentation for learning predictive models on EEG: a systematic
comparison", https://doi.org/10.1088/1741-2552/aca220.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch

from mindglyph.trials.braindecode import importing_braindecode

AugmentationName = Literal["ft-surrogate", "channels-dropout", "smooth-time-mask", "gaussian-noise"]
"""What may be done to trials. Nothing that turns time or swaps halves of the head: both tell digits apart."""

SHARE = 0.5
"""Share of the trials that each augmentation changes."""


def augmentation(names: Sequence[AugmentationName], n_times: int, seed: int) -> Callable[[torch.Tensor], torch.Tensor]:
    """Return what changes a batch.

    Parameters
    ----------
    names : sequence of str
        Of the augmentations, in the order in which they are applied; none leaves trials alone.
    n_times : int
        Samples of a trial.
    seed : int
        Of what is drawn.

    Returns
    -------
    callable
        From a batch (n_trials, n_channels, n_times) to one of the same shape.

    Raises
    ------
    UserError
        If braindecode is not installed.
    """
    if not names:
        return _unchanged
    with importing_braindecode("augmentations"):
        from braindecode import augmentation as library
    seeds = {name: seed + place for place, name in enumerate(names)}
    made = {
        # A phase that turns all the way would leave nothing of a response that is locked to the stimulus.
        "ft-surrogate": lambda: library.FTSurrogate(
            SHARE, phase_noise_magnitude=0.1, random_state=seeds["ft-surrogate"]
        ),
        "channels-dropout": lambda: library.ChannelsDropout(SHARE, p_drop=0.2, random_state=seeds["channels-dropout"]),
        "smooth-time-mask": lambda: library.SmoothTimeMask(
            SHARE, mask_len_samples=max(1, n_times // 8), random_state=seeds["smooth-time-mask"]
        ),
        "gaussian-noise": lambda: library.GaussianNoise(SHARE, std=0.2, random_state=seeds["gaussian-noise"]),
    }
    transforms = [made[name]() for name in names]

    def changed(signals: torch.Tensor) -> torch.Tensor:
        for transform in transforms:
            signals = transform(signals)
        return signals.float()

    return changed


def _unchanged(signals: torch.Tensor) -> torch.Tensor:
    return signals
