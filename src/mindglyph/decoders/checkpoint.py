"""The state of an unfinished training on disk: one safetensors file, replaced after each epoch."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays

FILE = "training.safetensors"


@dataclass
class State:
    """How far a training is; with the seed of the next epoch, all that the rest of it depends on.

    Attributes
    ----------
    weights : dict of Tensor
        Of the network after the last epoch.
    best : dict of Tensor
        Of the epoch with the lowest loss on the block held out.
    optimizer : dict
        As `Optimizer.state_dict` gives it.
    history : list of dict
        A row of numbers for each epoch done.
    best_epoch : int
        Whose weights `best` holds; 0 before the first.
    """

    weights: dict[str, torch.Tensor]
    best: dict[str, torch.Tensor]
    optimizer: dict[str, Any]
    history: list[dict[str, float]] = field(default_factory=list)
    best_epoch: int = 0

    @property
    def epoch(self) -> int:
        """How many epochs are done."""
        return len(self.history)

    @property
    def lowest(self) -> float:
        """The loss of the best epoch; infinite before there is one."""
        return self.history[self.best_epoch - 1]["valid_loss"] if self.best_epoch else math.inf


def fingerprint(about: Mapping[str, Any], signals: np.ndarray, codes: np.ndarray) -> str:
    """Return what tells one training from another: settings, seed and data.

    Parameters
    ----------
    about : mapping
        Settings, seed and whatever else the training depends on, as JSON can hold it.
    signals : ndarray, shape (n_trials, n_channels, n_times)
        Of which the shape, the first and the last trial count: reading all would take as long
        as an epoch.
    codes : ndarray, shape (n_trials,)
        Classes; all count.

    Returns
    -------
    str
        A SHA-256 (hexadecimal).
    """
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    digest.update(repr(signals.shape).encode())
    for array in (signals[[0, -1]], codes.astype(np.int64)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def write_state(folder: Path, state: State, training: str) -> None:
    """Keep the state of a training, whole or not at all.

    Parameters
    ----------
    folder : Path
        Not made if it is not there: whoever took it away wants no state of this training any more.
    state : State
        After an epoch.
    training : str
        Its fingerprint.
    """
    arrays = {f"weights.{name}": tensor for name, tensor in state.weights.items()}
    if state.best_epoch != state.epoch:
        arrays |= {f"best.{name}": tensor for name, tensor in state.best.items()}
    for number, values in state.optimizer["state"].items():
        arrays |= {f"optimizer.{number}.{name}": value for name, value in values.items()}
    about = {"training": training, "history": state.history, "best_epoch": state.best_epoch}
    numbers = {name: tensor.cpu().numpy() for name, tensor in arrays.items()}
    write_arrays(folder / FILE, numbers, about, parents=False)


def read_state(folder: Path, training: str, optimizer: dict[str, Any]) -> State | None:
    """Read what `write_state` kept.

    Parameters
    ----------
    folder : Path
        Where to look.
    training : str
        Fingerprint of the training that is to go on.
    optimizer : dict
        `state_dict` of the new optimizer, which holds its settings.

    Returns
    -------
    State or None
        None if nothing is kept there.

    Raises
    ------
    UserError
        If what is kept there is damaged or of another training: it is never trained over.
    """
    path = folder / FILE
    if not path.exists():
        return None
    arrays, about = read_arrays(path)
    if about.get("training") != training:
        raise UserError(
            f"{path}: an unfinished training with other settings, seed or trials is kept there: "
            "give these again, or remove it"
        )
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    weights = _under("weights.", tensors)
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for name, tensor in _under("optimizer.", tensors).items():
        number, what = name.split(".")
        # The file keeps the number of steps, which has no dimension, as an array of one.
        moments.setdefault(int(number), {})[what] = tensor.reshape(()) if what == "step" else tensor
    return State(
        weights=weights,
        best=_under("best.", tensors) or weights,
        optimizer={**optimizer, "state": moments},
        history=about["history"],
        best_epoch=about["best_epoch"],
    )


def _under(prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
