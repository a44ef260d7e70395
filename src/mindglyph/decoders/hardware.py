"""What a network is trained on: the device, the precision of its arithmetic, and whether it is compiled."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import torch
from torch import nn

from mindglyph.errors import UserError

DeviceChoice = Literal["auto", "cpu", "cuda"]
Precision = Literal["auto", "float32", "bfloat16"]
Compiled = Literal["auto", "yes", "no"]

COMPILING_PAYS = 2_000_000
"""Trials times epochs from which the minute that compiling takes is earned back."""


@dataclass(frozen=True)
class Hardware:
    """What was chosen for a training.

    Attributes
    ----------
    device : torch.device
        Where the network and its batches are.
    bfloat16 : bool
        Whether products of matrices are taken in bfloat16; weights and sums stay float32.
    compiled : bool
        Whether the network is to be compiled.
    """

    device: torch.device
    bfloat16: bool
    compiled: bool

    @classmethod
    def choose(
        cls, device: DeviceChoice, precision: Precision, compiled: Compiled, helped: frozenset[str], work: int
    ) -> Hardware:
        """Choose what is there and helps.

        The choice depends on settings, machine and size alone, never on a measured time, so that
        the same training gives the same numbers.

        Parameters
        ----------
        device, precision, compiled : str
            The settings; `auto` leaves the choice to what follows.
        helped : frozenset of str
            What is known to make this network faster: `bfloat16`, `compiling`.
        work : int
            Trials times epochs that there will be at most.

        Returns
        -------
        Hardware
            What to train on.

        Raises
        ------
        UserError
            If a GPU is asked for and there is none that torch can use.
        """
        chosen = device_of(device)
        bfloat16 = precision == "bfloat16" or (precision == "auto" and "bfloat16" in helped)
        if bfloat16 and not has_bfloat16(chosen.type):
            bfloat16 = False
            if precision == "bfloat16":
                say_once("this processor has no units for bfloat16: training in float32")
        worth = "compiling" in helped and work >= COMPILING_PAYS
        compiling = compiled == "yes" or (compiled == "auto" and worth)
        if compiling and not has_compiler():
            compiling = False
            if compiled == "yes":
                say_once("no C++ compiler is there: training without compiling the network")
        return cls(chosen, bfloat16, compiling)

    def arithmetic(self) -> AbstractContextManager[Any]:
        """Return the context in which the network is run for training."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.bfloat16 else nullcontext()

    def prepared(self, network: nn.Module, sample: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
        """Return the network as it is to be called in training: compiled if that was chosen and works.

        Parameters
        ----------
        network : Module
            On the device; what a trial run changes in it is put back.
        sample : Tensor, shape (n_trials, n_channels, n_times)
            A batch of the size that will be trained with.

        Returns
        -------
        callable
            From a batch to its scores; trains the weights of `network`.
        """
        if not self.compiled:
            return network
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        compiled: Callable[[torch.Tensor], torch.Tensor] = torch.compile(network, dynamic=False)
        try:
            with self.arithmetic():
                compiled(sample).float().sum().backward()
        except Exception as error:  # a compiler fails in more ways than can be named, and none may end a training
            say_once(f"the network cannot be compiled here ({type(error).__name__}): training without")
            compiled = network
        network.load_state_dict(before)
        network.zero_grad(set_to_none=True)
        return compiled


def device_of(choice: DeviceChoice) -> torch.device:
    """Return the device that a setting means; `auto` is a GPU where torch can use one.

    Parameters
    ----------
    choice : {"auto", "cpu", "cuda"}
        What the settings say.

    Returns
    -------
    device
        As torch calls it.

    Raises
    ------
    UserError
        If a GPU is asked for and there is none.
    """
    present = torch.cuda.is_available()
    if choice == "cuda" and not present:
        raise UserError("device: torch finds no GPU that it can use: set it to cpu or auto")
    return torch.device("cuda" if present and choice != "cpu" else "cpu")


def has_bfloat16(kind: str) -> bool:
    """Say whether a kind of device has units for bfloat16, rather than imitating it."""
    if kind == "cuda":
        return torch.cuda.get_device_capability() >= (8, 0)
    features = torch.cpu.get_capabilities()
    return bool(features.get("avx512_bf16") or features.get("amx_bf16") or features.get("bf16"))


def has_compiler() -> bool:
    """Say whether a C++ compiler is there, which torch needs for compiling networks."""
    return any(shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++", "c++") if name)


@cache
def say_once(remark: str) -> None:
    """Log a remark, the first time that it is made."""
    logging.getLogger(__name__).warning(remark)
