"""Decoders that are networks: what one has to say of itself, and how it is trained, run and kept."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, TypeVar

import numpy as np
import torch
from torch import nn

from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.batches import fetched, in_order
from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.hardware import device_of
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.start import Start, head_names, hold_frozen
from mindglyph.decoders.training import INFERENCE_BATCH, NetworkTraining, Training
from mindglyph.errors import UserError

__all__ = ["EmbeddingNetwork", "NetworkDecoder", "NetworkSettings", "Training"]


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

    def train(self, mode: bool = True) -> EmbeddingNetwork:
        """Go into training mode, all but the layers in which nothing is left to learn."""
        super().train(mode)
        if mode:
            hold_frozen(self)
        return self


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

    helped_by: frozenset[str] = frozenset()
    """What is known to make the training of this network faster: `bfloat16`, `compiling`."""

    _start: Start | None = None

    @abstractmethod
    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        """Return an untrained network."""

    def start_from(self, source: Decoder[Any], frozen: bool = False, new_head: bool = False) -> None:
        """Let the next fits begin with the weights of another decoder's network.

        Parameters
        ----------
        source : Decoder
            A fitted one of the same kind and settings, for trials of the same shape.
        frozen : bool
            Whether the layers before the last stay as they are.
        new_head : bool
            Whether the last layer begins anew; it does so in any case where the classes
            differ.
        """
        self._start = Start(source.arrays(), tuple(source.classes_.tolist()), frozen, new_head)

    def _first_network(self, start: Start | None) -> EmbeddingNetwork:
        """Return the network that training begins with: untrained, or with the weights of `start`."""
        (n_chans, n_times), n_outputs = self.shape_, len(self.classes_)
        network = self._network(n_chans, n_outputs, n_times)
        if start is not None:
            head = head_names(network, self._network(n_chans, n_outputs + 1, n_times))
            start.apply(network, head, self.classes_)
        return network

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        settings = self.settings_
        learning, held_out = last_block(len(codes), settings.training.held_out)
        missing = np.setdiff1d(codes, codes[learning])
        if len(missing):
            label = self.classes_[missing[0]]
            raise UserError(f"no trial of {label} is left to learn from beside those held out: give a longer recording")
        weights, held_out_weights = self._class_weights(codes[learning]), self._held_out_weights(codes)
        learning = self._learned_from(learning, codes)
        about = {"decoder": type(self).__name__, "settings": settings.model_dump(mode="json"), "sfreq": self.sfreq}
        start = self._start
        if start is not None:
            about["start"] = start.fingerprint()
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = self._first_network(start)
            training = NetworkTraining(
                network, settings.training, self.seed, self.helped_by, weights, about, held_out_weights
            )
            self.history_ = training.run(signals, codes, learning, held_out, monitor)
        self.network_ = network
        return held_out, self._in_batches(network, signals, held_out)

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        return self._in_batches(self.network_, signals)

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return self._in_batches(self.network_.body, signals)

    @torch.inference_mode()
    def _in_batches(self, part: nn.Module, signals: np.ndarray, places: np.ndarray | None = None) -> np.ndarray:
        """Run a part of the network over trials, in float32."""
        device = device_of(self.settings_.training.device)
        batches = in_order(np.arange(len(signals)) if places is None else places, INFERENCE_BATCH)
        part.to(device)
        outputs = [part(batch).cpu() for batch in fetched(signals, batches, device)]
        part.cpu()
        return torch.cat(outputs).numpy()

    def _arrays(self) -> dict[str, np.ndarray]:
        return {name: tensor.numpy() for name, tensor in self.network_.state_dict().items()}

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        with torch.random.fork_rng(devices=[]):
            network = self._network(self.shape_[0], len(self.classes_), self.shape_[1])
        tensors = {name: torch.tensor(array) for name, array in arrays.items() if name != "temperature"}
        network.load_state_dict(tensors)
        self.network_ = network.eval()
