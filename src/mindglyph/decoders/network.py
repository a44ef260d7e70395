"""How decoders that are networks are trained: skorch, AdamW, early stopping in time."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import Field
from skorch import NeuralNetClassifier
from skorch.callbacks import Callback, EarlyStopping
from skorch.dataset import Dataset
from torch import nn
from torch.utils.data import Subset

from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.errors import UserError
from mindglyph.settings import Settings


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
        Trials a step.
    learning_rate, weight_decay : float
        Of AdamW.
    """

    max_epochs: int = Field(40, ge=1)
    patience: int = Field(6, ge=1)
    held_out: float = Field(0.15, gt=0, lt=1)
    batch_size: int = Field(64, ge=1)
    learning_rate: float = Field(1e-3, gt=0)
    weight_decay: float = Field(1e-2, ge=0)


class NetworkSettings(DecoderSettings):
    """Settings of a network: its training, and whatever its architecture adds.

    Attributes
    ----------
    training : Training
        How it is trained.
    """

    training: Training = Training()


class EmbeddingNetwork(nn.Module):
    """A network in two parts, so that what stands before the decision can be had.

    Parameters
    ----------
    body : Module
        From trials (n_trials, n_channels, n_times) to the embedding (n_trials, n_features).
    head : Module
        From the embedding to scores (n_trials, n_classes).
    """

    def __init__(self, body: nn.Module, head: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.head = head

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        return self.head(self.body(signals))


AnyNetworkSettings = TypeVar("AnyNetworkSettings", bound=NetworkSettings)


class NetworkDecoder(Decoder[AnyNetworkSettings]):
    """Trains a network of the shape of the trials.

    Attributes
    ----------
    network_ : EmbeddingNetwork
        On the processor, in evaluation mode.
    """

    # The held-out trials chose the epoch already, so they may temper the scores and not sharpen them.
    lowest_temperature = 1.0

    @abstractmethod
    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        """Return an untrained network."""

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        training = self.settings_.training
        learning, held_out = last_block(len(codes), training.held_out)
        missing = np.setdiff1d(codes, codes[learning])
        if len(missing):
            label = self.classes_[missing[0]]
            raise UserError(f"no trial of {label} is left to learn from beside those held out: give a longer recording")
        self._train(signals, codes, learning, held_out, monitor)
        return held_out, self._scores(signals[held_out])

    def _criterion(self, codes: np.ndarray) -> nn.Module:
        """Return the loss of the network's outputs for the classes of the trials learned from."""
        return nn.CrossEntropyLoss()

    def _class_scores(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return a score of each class, by which the accuracy of an epoch is told."""
        return outputs

    def _train(
        self, signals: np.ndarray, codes: np.ndarray, learning: np.ndarray, held_out: np.ndarray, monitor: Monitor
    ) -> None:
        """Train a network on the trials at `learning`, and stop by those at `held_out`."""
        training = self.settings_.training
        stopping = EarlyStopping(patience=training.patience, load_best=True, sink=_silent)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = NeuralNetClassifier(
                self._network(self.shape_[0], len(self.classes_), self.shape_[1]),
                criterion=self._criterion(codes[learning]),
                predict_nonlinearity=self._class_scores,
                optimizer=torch.optim.AdamW,
                lr=training.learning_rate,
                optimizer__weight_decay=training.weight_decay,
                max_epochs=training.max_epochs,
                batch_size=training.batch_size,
                iterator_train__shuffle=True,
                train_split=_Split(learning, held_out),
                callbacks=[("stop", stopping), ("told", _Told(monitor, training.max_epochs))],
                classes=np.arange(len(self.classes_)),
                verbose=0,
            )
            net.fit(signals, codes.astype(np.int64))
        if (stopping.misses_ < training.patience and len(net.history) < training.max_epochs) or _unfinished(net):
            # skorch ends quietly on Ctrl-C; half a training must not be taken for a whole one.
            raise KeyboardInterrupt
        if not np.isfinite(net.history[:, "valid_loss"]).any():
            raise UserError("the network diverged: take a smaller learning rate")
        self.network_ = net.module_.eval()
        columns = ("epoch", "train_loss", "valid_loss", "valid_acc", "dur")
        finite = [epoch for epoch in net.history if np.isfinite([epoch[name] for name in columns]).all()]
        self.history_ = [{name: float(epoch[name]) for name in columns} for epoch in finite]

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        return self._in_batches(self.network_, signals)

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return self._in_batches(self.network_.body, signals)

    @staticmethod
    @torch.inference_mode()
    def _in_batches(part: nn.Module, signals: np.ndarray) -> np.ndarray:
        outputs = [part(torch.tensor(batch)) for batch in _batches(signals, 256)]
        return torch.cat(outputs).numpy()

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: tensor.numpy() for name, tensor in self.network_.state_dict().items()}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        with torch.random.fork_rng(devices=[]):
            network = self._network(self.shape_[0], len(self.classes_), self.shape_[1])
        tensors = {name: torch.tensor(array) for name, array in arrays.items() if name != "temperature"}
        network.load_state_dict(tensors)
        self.network_ = network.eval()


def _unfinished(net: NeuralNetClassifier) -> bool:
    return not net.history or "valid_loss" not in net.history[-1]


class _Told(Callback):  # type: ignore[misc]
    """Tells a monitor of each epoch."""

    def __init__(self, monitor: Monitor, max_epochs: int) -> None:
        self._monitor = monitor
        self._max_epochs = max_epochs

    def on_epoch_end(self, net: NeuralNetClassifier, **_: Any) -> None:
        """Report the epoch that has just ended."""
        epoch = net.history[-1]
        figures = (float(epoch[name]) for name in ("train_loss", "valid_loss", "valid_acc"))
        self._monitor.report(Progress(self._monitor.part, epoch["epoch"], self._max_epochs, *figures))


class _Split:
    """Gives skorch the two parts of the training fold."""

    def __init__(self, learning: np.ndarray, held_out: np.ndarray) -> None:
        self._parts = learning, held_out

    def __call__(self, dataset: Dataset, y: Any = None, **_: Any) -> tuple[Subset[Any], Subset[Any]]:
        learning, held_out = self._parts
        return Subset(dataset, learning.tolist()), Subset(dataset, held_out.tolist())


def _batches(signals: np.ndarray, size: int) -> list[np.ndarray]:
    return [signals[start : start + size] for start in range(0, max(1, len(signals)), size)]


def _silent(_: str) -> None:
    """Swallow skorch's remarks; the history tells the same."""
