"""How many numbers a decoder learns, before it is trained."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from mindglyph.decoders.base import Decoder
from mindglyph.decoders.network import NetworkDecoder
from mindglyph.decoders.registry import ZOO_PREFIX, decoder_settings
from mindglyph.decoders.zoo import Zoo, classifiers_of_braindecode
from mindglyph.errors import UserError


@dataclass(frozen=True)
class ZooNetwork:
    """A network of braindecode that takes trials of a shape.

    Attributes
    ----------
    line : str
        What braindecode says that it is.
    source : str
        Where it stands.
    parameters : int
        Numbers that it learns.
    """

    line: str
    source: str
    parameters: int


def n_parameters(decoder: Decoder[Any], shape: tuple[int, int], n_classes: int) -> int | None:
    """Count what a decoder would learn.

    Parameters
    ----------
    decoder : Decoder
        Need not be fitted.
    shape : tuple of int
        (n_channels, n_times) of the trials.
    n_classes : int
        Classes.

    Returns
    -------
    int or None
        Weights and offsets; None where the trials decide how many there are, as with trees.

    Raises
    ------
    UserError
        If a network cannot be built for such trials.
    """
    if not isinstance(decoder, NetworkDecoder):
        return decoder.n_parameters(shape, n_classes)
    # A network's size needs no memory for its weights. braindecode's are tried out, though, which needs them.
    device = "cpu" if isinstance(decoder, Zoo) else "meta"
    with torch.random.fork_rng(devices=[]), torch.device(device):
        return _count(decoder._network(shape[0], n_classes, shape[1]))


def zoo_networks(
    shape: tuple[int, int], n_classes: int, sfreq: float, report: Callable[[int, int], None]
) -> dict[str, ZooNetwork]:
    """Find the classifiers of braindecode that take trials of a shape, by trying each.

    Parameters
    ----------
    shape : tuple of int
        (n_channels, n_times) of the trials.
    n_classes : int
        Classes.
    sfreq : float
        Rate of the trials in Hz.
    report : callable
        Called with the networks tried so far and in all.

    Returns
    -------
    dict
        By the name to ask for it, `zoo:NAME`.

    Raises
    ------
    UserError
        If braindecode is not installed.
    """
    classifiers = classifiers_of_braindecode()
    found = {}
    for number, (name, kind) in enumerate(classifiers.items(), start=1):
        asked = f"{ZOO_PREFIX}{name}"
        try:
            parameters = n_parameters(decoder_settings(asked).build(sfreq), shape, n_classes)
        except UserError:
            parameters = None
        if parameters is not None:
            found[asked] = ZooNetwork(_line(kind), f"braindecode.models.{name}", parameters)
        report(number, len(classifiers))
    return found


def _line(kind: type[nn.Module]) -> str:
    """Return the first line that is said of a network, without its marks of footnotes."""
    line = (inspect.getdoc(kind) or kind.__name__).splitlines()[0]
    return " ".join(re.sub(r"( from)?\s*\[[^\]]*\]_", "", line).split())


def _count(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())
