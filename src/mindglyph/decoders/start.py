"""What a network begins with in place of random weights, and what of it stays as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from mindglyph.errors import UserError


@dataclass(frozen=True)
class Start:
    """Weights to begin with.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        The weights by their names in the network; others are passed over.
    classes : tuple or None
        Classes that they tell apart; None where that is not known, and only their number counts.
    frozen : bool
        Whether all but the head stays as it is.
    new_head : bool
        Whether the head begins anew although the classes are the same.
    """

    arrays: Mapping[str, np.ndarray]
    classes: tuple[int | str, ...] | None = None
    frozen: bool = False
    new_head: bool = False

    def apply(self, network: nn.Module, head: Collection[str], classes: np.ndarray) -> None:
        """Give a network these weights, and freeze what shall stay.

        Parameters
        ----------
        network : Module
            Changed in place.
        head : collection of str
            Names of what belongs to the decision; see `head_names`.
        classes : ndarray, shape (n_classes,)
            Classes that the network shall tell apart.

        Raises
        ------
        UserError
            If weights are missing or of another shape.
        """
        state = network.state_dict()
        anew = set(head) if self.new_head else set()
        if self.classes is not None and list(self.classes) != classes.tolist():
            anew = set(head)
        if self.classes is None and any(_shape_of(self.arrays, name) != tuple(state[name].shape) for name in head):
            anew = set(head)
        for name, tensor in state.items():
            if name in anew:
                continue
            there = _shape_of(self.arrays, name)
            if there != tuple(tensor.shape):
                raise UserError(
                    f"the weights do not fit the network: {name} is {_shown(tuple(tensor.shape))} here and "
                    f"{_shown(there)} there: take the settings and the shape of trials that they were trained with"
                )
            state[name] = torch.tensor(self.arrays[name])
        network.load_state_dict(state)
        if self.frozen:
            freeze(network, [name for name in state if name not in head])

    def fingerprint(self) -> str:
        """Return what tells this start from another."""
        digest = hashlib.sha256(repr((self.classes, self.frozen, self.new_head)).encode())
        for name in sorted(self.arrays):
            digest.update(name.encode() + np.ascontiguousarray(self.arrays[name]).tobytes())
        return digest.hexdigest()


def head_names(network: nn.Module, wider: nn.Module) -> set[str]:
    """Return the names of the weights that belong to the decision.

    Parameters
    ----------
    network, wider : Module
        The same architecture, `wider` for one class more.

    Returns
    -------
    set of str
        Those of the head, and those of the body whose shape hangs on the number of classes:
        networks of braindecode keep their decision there.
    """
    shapes = {name: tensor.shape for name, tensor in wider.state_dict().items()}
    return {
        name
        for name, tensor in network.state_dict().items()
        if name.startswith("head.") or shapes.get(name) != tensor.shape
    }


def freeze(network: nn.Module, names: Collection[str]) -> None:
    """Let the parameters of these names learn nothing."""
    for name, parameter in network.named_parameters():
        if name in names:
            parameter.requires_grad_(False)


def hold_frozen(network: nn.Module) -> None:
    """Take the layers in which nothing is left to learn out of training mode.

    A batch norm would go on counting, and a dropout spoil what nothing before it can adapt to.

    Parameters
    ----------
    network : Module
        In training mode.
    """
    parameters = list(network.parameters())
    if all(parameter.requires_grad for parameter in parameters):
        return
    for module in network.modules():
        if any(parameter.requires_grad for parameter in module.parameters()):
            continue
        module.training = False


def _shape_of(arrays: Mapping[str, np.ndarray], name: str) -> tuple[int, ...] | None:
    return tuple(arrays[name].shape) if name in arrays else None


def _shown(shape: tuple[int, ...] | None) -> str:
    return "missing" if shape is None else " × ".join(map(str, shape)) or "a number"
