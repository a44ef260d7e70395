"""The training loop of networks: AdamW on a schedule, stopped in time, and begun again where it broke off."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn.functional import cross_entropy

from mindglyph.decoders.augmentation import AugmentationName, augmentation
from mindglyph.decoders.batches import batch_length, fetched, in_order, shuffled
from mindglyph.decoders.checkpoint import State, fingerprint, read_state, write_state
from mindglyph.decoders.hardware import Compiled, DeviceChoice, Hardware, Precision
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.decoders.whitening import learn_whitening
from mindglyph.errors import UserError
from mindglyph.search import Between, OneOf, WholeBetween
from mindglyph.settings import Settings

INFERENCE_BATCH = 256


class Training(Settings):
    """How a network is trained.

    Attributes
    ----------
    max_epochs : int
        Passes over the trials at most.
    patience : int
        Passes without a better loss on the block held out, after which training stops; the
        weights of the best pass are kept.
    held_out : float
        Share of the training fold, its last stretch in time, that decides when to stop.
    batch_size : int
        Trials a step at most.
    learning_rate, weight_decay : float
        Of AdamW; with a schedule, the highest learning rate.
    schedule : {"constant", "one-cycle"}
        `one-cycle` lets the learning rate rise over the first tenth of `max_epochs` and fall
        along a cosine over the rest.
    whitened : bool
        Whether a network that has a layer for it mixes the channels, by a matrix that is learned
        from the training trials beforehand, so that they resemble one another less.
    augmentation : tuple of str
        How trials are changed at random while the network learns, in this order; needs
        braindecode.
    device : {"auto", "cpu", "cuda"}
        `auto` takes a GPU if there is one.
    precision : {"auto", "float32", "bfloat16"}
        Of the products in training; `auto` takes bfloat16 for networks that gain by it, if the
        device has units for it. Weights, and all that is decoded, are float32.
    compiled : {"auto", "yes", "no"}
        Whether torch compiles the network; `auto` does for networks that gain by it, if there
        is a compiler and the training is long enough to earn back the minute that it takes.
    """

    max_epochs: int = Field(40, ge=1)
    patience: int = Field(6, ge=1)
    held_out: float = Field(0.15, gt=0, lt=1)
    batch_size: Annotated[int, WholeBetween(16, 256, log=True)] = Field(64, ge=1)
    learning_rate: Annotated[float, Between(1e-4, 1e-2, log=True)] = Field(1e-3, gt=0)
    weight_decay: Annotated[float, Between(1e-5, 1e-1, log=True)] = Field(1e-2, ge=0)
    schedule: Annotated[Literal["constant", "one-cycle"], OneOf("constant", "one-cycle")] = "constant"
    whitened: bool = True
    augmentation: tuple[AugmentationName, ...] = ()
    device: DeviceChoice = "auto"
    precision: Precision = "auto"
    compiled: Compiled = "auto"


class NetworkTraining:
    """Trains one network on one set of trials.

    Parameters
    ----------
    network : Module
        From trials (n_trials, n_channels, n_times) to scores (n_trials, n_classes).
    settings : Training
        How.
    seed : int
        With the number of the epoch, of all that is drawn in it: an epoch can be begun anew.
    helped : frozenset of str
        What is known to make the network faster; see `Hardware.choose`.
    class_weights : ndarray, shape (n_classes,), optional
        By which the loss of a trial that is learned from counts; None counts all alike.
    about : mapping, optional
        What else tells this training from others, for the state kept of it.
    held_out_weights : ndarray, shape (n_classes,), optional
        As `class_weights`, of the trials held out: these are as frequent as they were recorded
        also where those learned from were chosen to be of one number.
    """

    def __init__(
        self,
        network: nn.Module,
        settings: Training,
        seed: int,
        helped: frozenset[str] = frozenset(),
        class_weights: np.ndarray | None = None,
        about: Mapping[str, Any] | None = None,
        held_out_weights: np.ndarray | None = None,
    ) -> None:
        self.network = network
        self.settings = settings
        self.seed = seed
        self.helped = helped
        self.class_weights = class_weights
        self.held_out_weights = held_out_weights
        self.about = {**(about or {}), "training": settings.model_dump(mode="json"), "seed": seed}

    def run(
        self, signals: np.ndarray, codes: np.ndarray, learning: np.ndarray, held_out: np.ndarray, monitor: Monitor
    ) -> list[dict[str, float]]:
        """Train until the held-out loss has stopped falling; the network is left with its best weights.

        Parameters
        ----------
        signals : ndarray, shape (n_trials, n_channels, n_times)
            float32, possibly memory-mapped: it is read batch by batch.
        codes : ndarray of int, shape (n_trials,)
            Place of each trial's class.
        learning, held_out : ndarray of int
            Places of the trials to learn from and of those that decide when to stop.
        monitor : Monitor
            Told of each epoch after its state is kept. State of this very training that is
            found in its folder is gone on from, to the same weights as without a break.

        Returns
        -------
        list of dict
            For each epoch `epoch`, `train_loss`, `valid_loss`, `valid_acc`, and `dur` in seconds.

        Raises
        ------
        UserError
            If the network diverged, or the folder holds the state of another training.
        """
        settings = self.settings
        work = len(learning) * settings.max_epochs
        hardware = Hardware.choose(settings.device, settings.precision, settings.compiled, self.helped, work)
        if settings.whitened:
            learn_whitening(self.network, signals, learning)
        network = self.network.to(hardware.device)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay, fused=True
        )
        monitor.make_folder()
        training = fingerprint(self.about, signals, codes) if monitor.folder else ""
        state = read_state(monitor.folder, training, optimizer.state_dict()) if monitor.folder else None
        if state is None:
            state = State(network.state_dict(), _copied(network), optimizer.state_dict())
        network.load_state_dict(state.weights)
        optimizer.load_state_dict(state.optimizer)
        targets = torch.from_numpy(codes.astype(np.int64)).to(hardware.device)
        forward: Callable[[torch.Tensor], torch.Tensor] | None = None
        with torch.backends.cudnn.flags(deterministic=True, benchmark=False):
            while state.epoch < settings.max_epochs and state.epoch - state.best_epoch < settings.patience:
                if forward is None:
                    sample = torch.tensor(signals[: batch_length(len(learning), settings.batch_size)])
                    forward = hardware.prepared(network.train(), sample.to(hardware.device))
                started = time.perf_counter()
                row = self._epoch(forward, optimizer, signals, targets, learning, state.epoch, hardware)
                row |= self._validated(signals, targets, held_out, hardware.device)
                state.history.append({"epoch": state.epoch + 1.0, **row, "dur": time.perf_counter() - started})
                if row["valid_loss"] < state.lowest:
                    state.best, state.best_epoch = _copied(network), state.epoch
                state.weights, state.optimizer = network.state_dict(), optimizer.state_dict()
                if monitor.folder:
                    write_state(monitor.folder, state, training)
                figures = row["train_loss"], row["valid_loss"], row["valid_acc"]
                monitor.report(Progress(monitor.part, state.epoch, settings.max_epochs, *figures))
        if not state.best_epoch:
            raise UserError("the network diverged: take a smaller learning rate")
        network.load_state_dict(state.best)
        network.cpu().eval()
        return [row for row in state.history if all(map(math.isfinite, row.values()))]

    def _epoch(
        self,
        forward: Callable[[torch.Tensor], torch.Tensor],
        optimizer: torch.optim.Optimizer,
        signals: np.ndarray,
        targets: torch.Tensor,
        learning: np.ndarray,
        done: int,
        hardware: Hardware,
    ) -> dict[str, float]:
        """Pass once over the trials and return the mean loss."""
        settings = self.settings
        of_torch, of_order, of_changes = np.random.SeedSequence([self.seed, done]).generate_state(3).tolist()
        torch.manual_seed(of_torch)
        changed = augmentation(settings.augmentation, signals.shape[2], of_changes // 2)
        batches = shuffled(learning, settings.batch_size, np.random.default_rng(of_order))
        weights = _on_device(self.class_weights, hardware.device)
        self.network.train()
        total = torch.zeros((), device=hardware.device)
        for step, batch in enumerate(fetched(signals, batches, hardware.device)):
            pace = _pace(settings.schedule, (done + (step + 0.5) / len(batches)) / settings.max_epochs)
            for group in optimizer.param_groups:
                group["lr"] = settings.learning_rate * pace
            with hardware.arithmetic():
                scores = forward(changed(batch))
            loss = self._loss(scores.float(), targets[batches[step]], weights)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return {"train_loss": total.item() / len(batches)}

    @torch.no_grad()
    def _validated(
        self, signals: np.ndarray, targets: torch.Tensor, held_out: np.ndarray, device: torch.device
    ) -> dict[str, float]:
        """Return loss and accuracy on the trials held out, decoded as any trial will be."""
        weights = _on_device(self.held_out_weights, device)
        self.network.eval()
        batches = in_order(held_out, INFERENCE_BATCH)
        scores = torch.cat([self.network(batch) for batch in fetched(signals, batches, device)])
        truth = targets[held_out]
        right = self._class_scores(scores).argmax(dim=1) == truth
        return {"valid_loss": self._loss(scores, truth, weights).item(), "valid_acc": right.float().mean().item()}

    def _loss(self, outputs: torch.Tensor, codes: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        """Return the loss of what the network says of trials of the classes `codes`, which count by `weights`."""
        return cross_entropy(outputs, codes, weights)

    def _class_scores(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return a score of each class, by which the accuracy is told."""
        return outputs


def _on_device(weights: np.ndarray | None, device: torch.device) -> torch.Tensor | None:
    return None if weights is None else torch.tensor(weights, dtype=torch.float32, device=device)


def _pace(schedule: str, share: float) -> float:
    """Return the share of the highest learning rate after a share of all epochs."""
    if schedule == "constant":
        return 1.0
    rising = 0.1
    if share < rising:
        return share / rising
    return 0.5 * (1 + math.cos(math.pi * (share - rising) / (1 - rising)))


def _copied(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}
