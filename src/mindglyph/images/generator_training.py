"""The training loop of the generators: seeded epoch by epoch, kept on disk, and begun again where it broke off."""

from __future__ import annotations

import hashlib
import json
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays
from mindglyph.images.training import PictureTraining

FILE = "generator-training.safetensors"
_RISING = 0.05


class GeneratorTraining(PictureTraining):
    """How a generator is trained.

    Attributes
    ----------
    epochs, batch_size, learning_rate
        As in `PictureTraining`; the learning rate rises over the first twentieth of the steps.
    constant : float
        Share of the steps after which the learning rate falls to zero along a cosine.
    averaging : float
        Decay of the exponential mean of the weights, which is what draws; 0 takes the last ones.
    """

    batch_size: int = Field(128, ge=2)
    constant: float = Field(0.0, ge=0, le=1)
    averaging: float = Field(0.999, ge=0, lt=1)


class Trainee(ABC):
    """What a training changes: networks and optimizers by name, and what a step does to them.

    Attributes
    ----------
    modules : dict of str to Module
        Kept with the state of an unfinished training, together with their running means.
    optimizers : dict of str to Optimizer
        Likewise; their learning rates at the start are the highest.
    """

    modules: dict[str, nn.Module]
    optimizers: dict[str, torch.optim.Optimizer]

    @abstractmethod
    def step(self, images: torch.Tensor, features: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """Take a step on a batch and return its loss.

        Parameters
        ----------
        images : Tensor, shape (n_images, 28, 28)
            Grey values between 0 and 1.
        features : Tensor, shape (n_images, n_classes + n_features)
            One-hot digit and embedding.
        generator : Generator
            Of all that is drawn.
        """


def averaged(network: nn.Module, decay: float) -> AveragedModel:
    """Return the running mean of a network's weights, which follows fast at first.

    Parameters
    ----------
    network : Module
        Whose `AveragedModel.update_parameters` is called after every step.
    decay : float
        Share of the old mean that a step keeps in the long run.

    Returns
    -------
    AveragedModel
        Begins with the network's weights.
    """

    def mean(averages: Iterable[torch.Tensor], current: Iterable[torch.Tensor], count: torch.Tensor | int) -> None:
        kept = min(decay, (1 + float(count)) / (10 + float(count)))
        get_ema_multi_avg_fn(kept)(averages, current, count)

    return AveragedModel(network, multi_avg_fn=mean)


def arithmetic() -> AbstractContextManager[Any]:
    """Return the context of a training step: products in bfloat16 where the processor has units for them."""
    features = torch.cpu.get_capabilities()
    native = features.get("avx512_bf16") or features.get("amx_bf16") or features.get("bf16")
    return torch.autocast("cpu", torch.bfloat16) if native else nullcontext()


def train_generator(
    trainee: Trainee,
    images: np.ndarray,
    probabilities: np.ndarray,
    embedding: np.ndarray | None,
    settings: GeneratorTraining,
    seed: int,
    about: Mapping[str, Any],
    report: Callable[[int, float], None] | None = None,
    folder: Path | None = None,
    until: int | None = None,
) -> list[float]:
    """Train, from where the folder's state ends.

    Parameters
    ----------
    trainee : Trainee
        Changed in place.
    images : ndarray, shape (n_images, 28, 28)
        Grey values, uint8.
    probabilities : ndarray, shape (n_images, n_classes)
        Of each digit; where they are undecided, a digit is drawn in every epoch anew.
    embedding : ndarray, shape (n_images, n_features), or None
        What else the pictures are drawn from.
    settings : GeneratorTraining
        How.
    seed : int
        With the number of the epoch, of all that is drawn in it.
    about : mapping
        What tells this training from others beside the pictures, as JSON can hold it.
    report : callable, optional
        Called after each epoch with its number, from 0, and mean loss.
    folder : Path, optional
        Where the state is kept after each epoch.
    until : int, optional
        Epoch to end after, on a schedule of more.

    Returns
    -------
    list of float
        Mean loss of each epoch.

    Raises
    ------
    UserError
        If the folder's state is damaged or of another training, or the loss is no number any more.
    """
    training = _fingerprint({**about, "seed": seed}, images, probabilities, embedding) if folder else ""
    history = _read(folder / FILE, trainee, training) if folder else []
    rates = {name: [group["lr"] for group in own.param_groups] for name, own in trainee.optimizers.items()}
    pictures, shares = torch.tensor(images), torch.tensor(probabilities)
    beside = None if embedding is None else torch.tensor(embedding)
    for module in trainee.modules.values():
        # Channels-last and bfloat16 are faster on processors with bf16 units.
        module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch takes it
        module.train()
    for epoch in range(len(history), min(settings.epochs, until or settings.epochs)):
        generator = torch.Generator().manual_seed(int(np.random.SeedSequence([seed, epoch]).generate_state(1)[0]))
        features = nn.functional.one_hot(torch.multinomial(shares, 1, generator=generator)[:, 0], shares.shape[1])
        features = features.float() if beside is None else torch.cat([features, beside], dim=1)
        parts = torch.randperm(len(pictures), generator=generator).split(settings.batch_size)
        # A last picture alone is left out of this epoch: how a batch varies cannot be told from one.
        batches = [part for part in parts if len(part) > 1]
        total = 0.0
        for place, batch in enumerate(batches):
            pace = _pace((epoch + (place + 0.5) / len(batches)) / settings.epochs, settings.constant)
            for name, optimizer in trainee.optimizers.items():
                for group, rate in zip(optimizer.param_groups, rates[name], strict=True):
                    group["lr"] = rate * pace
            total += trainee.step(pictures[batch].float() / 255, features[batch], generator).item() * len(batch)
        history.append(total / sum(map(len, batches)))
        if not math.isfinite(history[-1]):
            raise UserError("the generator diverged: take a smaller learning rate")
        if folder:
            _write(folder / FILE, trainee, training, history)
        if report is not None:
            report(epoch, history[-1])
    for module in trainee.modules.values():
        module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        module.eval()
    return history


def _pace(share: float, constant: float) -> float:
    if share < _RISING:
        return share / _RISING
    fall = max(_RISING, constant)
    return 1.0 if share < fall else 0.5 * (1 + math.cos(math.pi * (share - fall) / (1 - fall)))


def _fingerprint(about: Mapping[str, Any], *arrays: np.ndarray | None) -> str:
    digest = hashlib.sha256(json.dumps(dict(about), sort_keys=True).encode())
    for array in arrays:
        if array is not None:
            digest.update(f"{array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _write(path: Path, trainee: Trainee, training: str, history: list[float]) -> None:
    arrays: dict[str, torch.Tensor] = {}
    for name, module in trainee.modules.items():
        arrays |= {f"module.{name}.{key}": tensor for key, tensor in module.state_dict().items()}
    for name, optimizer in trainee.optimizers.items():
        for number, values in optimizer.state_dict()["state"].items():
            arrays |= {f"optimizer.{name}.{number}.{key}": tensor for key, tensor in values.items()}
    write_arrays(
        path, {name: tensor.numpy() for name, tensor in arrays.items()}, {"training": training, "history": history}
    )


def _read(path: Path, trainee: Trainee, training: str) -> list[float]:
    if not path.exists():
        return []
    arrays, about = read_arrays(path)
    if about.get("training") != training:
        raise UserError(
            f"{path}: an unfinished training with other settings, seed or pictures is kept there: "
            "give these again, or remove it"
        )
    for name, module in trainee.modules.items():
        # The file keeps what has no dimension as an array of one.
        state = {
            key: torch.tensor(arrays[f"module.{name}.{key}"]).reshape(old.shape)
            for key, old in module.state_dict().items()
        }
        module.load_state_dict(state)
    for name, optimizer in trainee.optimizers.items():
        prefix = f"optimizer.{name}."
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for full, array in arrays.items():
            if full.startswith(prefix):
                number, key = full.removeprefix(prefix).split(".")
                tensor = torch.tensor(array)
                moments.setdefault(int(number), {})[key] = tensor.reshape(()) if key == "step" else tensor
        optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
    return about["history"]
