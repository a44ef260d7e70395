"""Two small networks that bring a trial's embedding next to that of its picture, among those of other trials.

Oord, Li & Vinyals (2018), the contrastive loss, https://doi.org/10.48550/arXiv.1807.03748; used on
EEG and pictures by Song et al. (2023), https://doi.org/10.48550/arXiv.2308.13234.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional

_SPACE = 32
_HIDDEN = 128
_DROPOUT = 0.3
_BATCH = 256
_EPOCHS = 60
_PATIENCE = 8
_HELD_OUT = 0.15
_LEARNING_RATE = 1e-3
_WEIGHT_DECAY = 1e-2
_FIRST_SCALE = 2.0  # logarithm of by how much a similarity counts at the start


class Alignment:
    """Learns a space in which a trial lies next to the picture that was seen in it.

    Parameters
    ----------
    n_features : int
        Of a trial.
    n_variables : int
        Of a picture.
    seed : int
        Of start weights and order.
    """

    def __init__(self, n_features: int, n_variables: int, seed: int) -> None:
        self._seed = seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._networks = nn.ModuleDict({"trial": _projection(n_features), "picture": _projection(n_variables)})
            self._networks.register_parameter("scale", nn.Parameter(torch.tensor(_FIRST_SCALE)))

    def fit(self, trials: np.ndarray, pictures: np.ndarray) -> Alignment:
        """Learn from pairs, in the order of recording: the last ones decide when to stop.

        Parameters
        ----------
        trials : ndarray, shape (n_trials, n_features)
            Standardised embeddings.
        pictures : ndarray, shape (n_trials, n_variables)
            Standardised, of the pictures shown.

        Returns
        -------
        Alignment
            Itself.
        """
        one, other = _tensor(trials), _tensor(pictures)
        n_learned = round((1 - _HELD_OUT) * len(one))
        optimizer = torch.optim.AdamW(self._networks.parameters(), lr=_LEARNING_RATE, weight_decay=_WEIGHT_DECAY)
        best, kept, since = np.inf, copy.deepcopy(self._networks.state_dict()), 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self._seed)
            for _ in range(_EPOCHS):
                self._networks.train()
                for places in torch.randperm(n_learned).split(_BATCH):
                    loss = self._loss(one[places], other[places])
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                self._networks.eval()
                with torch.inference_mode():
                    held_out = float(self._loss(one[n_learned:], other[n_learned:]))
                since += 1
                if held_out < best:
                    best, kept, since = held_out, copy.deepcopy(self._networks.state_dict()), 0
                if since >= _PATIENCE:
                    break
        self._networks.load_state_dict(kept)
        self._networks.eval()
        return self

    @torch.inference_mode()
    def similarities(self, trials: np.ndarray, pictures: np.ndarray) -> np.ndarray:
        """Return the similarity of each trial with each picture: (n_trials, n_pictures), in nats.

        Parameters
        ----------
        trials : ndarray, shape (n_trials, n_features)
            Standardised embeddings.
        pictures : ndarray, shape (n_pictures, n_variables)
            Standardised.

        Returns
        -------
        ndarray, shape (n_trials, n_pictures)
            In nats.
        """
        return self._similarities(_tensor(trials), _tensor(pictures)).numpy().astype(np.float64)

    def _similarities(self, trials: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        one = functional.normalize(self._networks["trial"](trials), dim=1)
        other = functional.normalize(self._networks["picture"](pictures), dim=1)
        scale: torch.Tensor = self._networks.get_parameter("scale")
        return scale.exp().clamp(max=100.0) * one @ other.T

    def _loss(self, trials: torch.Tensor, pictures: torch.Tensor) -> torch.Tensor:
        similarities = self._similarities(trials, pictures)
        own = torch.arange(len(similarities))
        return (functional.cross_entropy(similarities, own) + functional.cross_entropy(similarities.T, own)) / 2


def _projection(n_inputs: int) -> nn.Module:
    return nn.Sequential(nn.Linear(n_inputs, _HIDDEN), nn.GELU(), nn.Dropout(_DROPOUT), nn.Linear(_HIDDEN, _SPACE))


def _tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, dtype=np.float32))
