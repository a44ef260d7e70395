"""How decoders that are networks are trained: skorch, AdamW, early stopping in time."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from pydantic import Field
from skorch import NeuralNetClassifier
from skorch.callbacks import EarlyStopping
from skorch.dataset import Dataset
from torch import nn
from torch.utils.data import Subset

from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.monitor import Monitor
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

        self._frozen: frozenset[str] = frozenset()

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        return self.head(self.body(signals))

    def freeze(self, names: Collection[str]) -> None:
        """Keep the parameters of these names, and the statistics of the layers that hold them, as they are."""
        self._frozen = frozenset(names)
        for name, parameter in self.named_parameters():
            if name in self._frozen:
                parameter.requires_grad_(False)

    def train(self, mode: bool = True) -> EmbeddingNetwork:
        """Go into training mode, all but the layers in which nothing is left to learn."""
        super().train(mode)
        if mode and self._frozen:
            for module in self.modules():
                if not any(parameter.requires_grad for parameter in module.parameters()):
                    module.training = False
        return self


@dataclass(frozen=True)
class Start:
    """What a network begins with in place of random weights.

    Attributes
    ----------
    arrays : mapping of str to ndarray
        The weights.
    classes : tuple
        Classes that they tell apart.
    frozen : bool
        Whether all but the head stays as it is.
    new_head : bool
        Whether the head begins anew although the classes are the same.
    """

    arrays: Mapping[str, np.ndarray]
    classes: tuple[int | str, ...]
    frozen: bool = False
    new_head: bool = False

    def apply(self, network: EmbeddingNetwork, head: Collection[str], classes: np.ndarray) -> None:
        """Give a network these weights.

        Parameters
        ----------
        network : EmbeddingNetwork
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
        replaced = self.new_head or list(self.classes) != classes.tolist()
        state = network.state_dict()
        for name, tensor in state.items():
            if replaced and name in head:
                continue
            found = self.arrays.get(name)
            if found is None or found.shape != tuple(tensor.shape):
                shown = "no such weights" if found is None else f"{tuple(found.shape)}"
                raise UserError(
                    f"the weights do not fit the network: {name} is {tuple(tensor.shape)} here and {shown} there: "
                    "give the settings and the shape of trials that they were trained with"
                )
            state[name] = torch.tensor(found)
        network.load_state_dict(state)
        if self.frozen:
            network.freeze([name for name in state if name not in head])


def head_names(network: EmbeddingNetwork, wider: EmbeddingNetwork) -> set[str]:
    """Return the names of the weights that belong to the decision.

    Parameters
    ----------
    network, wider : EmbeddingNetwork
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
        if name.startswith("head.") or shapes[name] != tensor.shape
    }


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

    _start: Start | None = None

    @abstractmethod
    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        """Return an untrained network."""

    def start_from(self, source: Decoder[Any], frozen: bool = False, new_head: bool = False) -> None:
        """Let the next fits begin with the weights of another decoder's network."""
        self._start = Start(source.arrays(), tuple(source.classes_.tolist()), frozen, new_head)

    def _new_network(self) -> EmbeddingNetwork:
        """Return the network that training begins with: untrained, or with the weights it starts from."""
        shape, n_outputs = self.shape_, len(self.classes_)
        network = self._network(shape[0], n_outputs, shape[1])
        if self._start is not None:
            head = head_names(network, self._network(shape[0], n_outputs + 1, shape[1]))
            self._start.apply(network, head, self.classes_)
        return network

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        training = self.settings_.training
        learning, held_out = last_block(len(codes), training.held_out)
        missing = np.setdiff1d(codes, codes[learning])
        if len(missing):
            label = self.classes_[missing[0]]
            raise UserError(f"no trial of {label} is left to learn from beside those held out: give a longer recording")
        stopping = EarlyStopping(patience=training.patience, load_best=True, sink=_silent)
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            net = NeuralNetClassifier(
                self._new_network(),
                criterion=nn.CrossEntropyLoss,
                optimizer=torch.optim.AdamW,
                lr=training.learning_rate,
                optimizer__weight_decay=training.weight_decay,
                max_epochs=training.max_epochs,
                batch_size=training.batch_size,
                iterator_train__shuffle=True,
                train_split=_Split(learning, held_out),
                callbacks=[("stop", stopping)],
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
        return held_out, self._scores(signals[held_out])

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
