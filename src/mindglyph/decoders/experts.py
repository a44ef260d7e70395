"""The experts of the sparse forest: what each has to tell apart, and the networks that tell it.

An expert for each pair of classes says whether a trial is of this, of that or of neither; an
expert for each class says whether it is of this or of the rest. Several experts may stand on one
trunk of convolutions, each with a dense layer of its own, or each may have a network to itself.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax
from torch import nn
from torch.nn import functional

from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.network import EmbeddingNetwork
from mindglyph.decoders.sparse_cnn import SparseCNN, SparseCNNSettings
from mindglyph.decoders.training import NetworkTraining

THIS, THAT, NEITHER = range(3)

_LEAST = 1e-6
"""Probability below which an expert is not believed: a single one shall not overrule all others."""


@dataclass(frozen=True)
class Experts:
    """What experts have to tell apart.

    Attributes
    ----------
    roles : ndarray of int, shape (n_classes, n_experts)
        What a trial of a class is to an expert: `THIS`, `THAT` or `NEITHER`; an expert for
        one class calls the rest `THAT`.
    """

    roles: np.ndarray

    @classmethod
    def of_classes(cls, n_classes: int) -> Experts:
        """Return an expert for each pair and one for each class against the rest.

        Two classes need a single expert: each against the rest is the pair again.

        Parameters
        ----------
        n_classes : int
            Labels to tell apart.

        Returns
        -------
        Experts
            The pairs first.
        """
        pairs = np.full((n_classes, n_classes * (n_classes - 1) // 2), NEITHER)
        for expert, (this, that) in enumerate(combinations(range(n_classes), 2)):
            pairs[this, expert], pairs[that, expert] = THIS, THAT
        if n_classes == 2:
            return cls(pairs)
        return cls(np.hstack([pairs, np.where(np.eye(n_classes, dtype=bool), THIS, THAT)]))

    def __len__(self) -> int:
        """Return how many there are."""
        return self.roles.shape[1]

    def only(self, expert: int) -> Experts:
        """Return one of them."""
        return Experts(self.roles[:, [expert]])

    @property
    def known(self) -> np.ndarray:
        """Which roles each expert tells apart: bool, (n_experts, 3)."""
        return (self.roles.T[:, :, None] == np.arange(3)).any(axis=1)

    def shares(self, codes: np.ndarray, balanced: bool = False) -> np.ndarray:
        """Return how much of each class an expert takes, so that no role outweighs its first.

        Parameters
        ----------
        codes : ndarray, shape (n_trials,)
            Place of each trial's class.
        balanced : bool
            Whether all classes count the same, however many trials they have.

        Returns
        -------
        ndarray, shape (n_classes, n_experts)
            At most 1; what is neither of a pair comes down to the mean size of the pair's two,
            the rest of a class to the size of the class.
        """
        counts = np.bincount(codes, minlength=len(self.roles)).astype(float)
        if balanced:
            rarity = counts[counts > 0].min() / np.maximum(1, counts)
            return self._shares((counts > 0).astype(float)) * rarity[:, None]
        return self._shares(counts)

    def _shares(self, counts: np.ndarray) -> np.ndarray:
        sizes = np.stack([counts @ (self.roles == role) for role in range(3)])
        of_pair = self.known[:, NEITHER]
        size = np.where(of_pair, (sizes[THIS] + sizes[THAT]) / 2, sizes[THIS])
        # One expert for two classes has nothing to thin out, whichever is the rarer.
        crowded = np.where(of_pair, NEITHER, THAT) if len(self.roles) > 2 else np.full(len(self), -1)
        share = np.minimum(1, size / np.maximum(1, sizes.max(axis=0, where=_rows(crowded), initial=0)))
        return np.where(self.roles == crowded, share, 1.0)

    def features(self, probabilities: np.ndarray) -> np.ndarray:
        """Return what the experts say, as a forest reads it.

        Parameters
        ----------
        probabilities : ndarray, shape (n_trials, n_experts, 3)
            Of the roles.

        Returns
        -------
        ndarray, shape (n_trials, n_features), float32
            All three probabilities of a pair's expert; of one that tells two roles apart the
            first, since the second follows.
        """
        told = self.known.copy()
        told[~told[:, NEITHER], THAT] = False
        return probabilities[:, told].astype(np.float32)

    def vote(self, probabilities: np.ndarray) -> np.ndarray:
        """Return how likely each class makes all that the experts say.

        Parameters
        ----------
        probabilities : ndarray, shape (n_trials, n_experts, 3)
            Of the roles.

        Returns
        -------
        ndarray, shape (n_trials, n_classes)
            Log-probabilities. Of each class about as many experts speak as there are classes;
            they heard the same trial, so that their mean is taken, and not the sum.
        """
        said = np.log(np.maximum(probabilities, _LEAST))
        of_classes = [said[:, np.arange(len(self)), roles].sum(axis=1) for roles in self.roles]
        return log_softmax(np.stack(of_classes, axis=1, dtype=np.float64) / len(self.roles), axis=1)


def _rows(roles: np.ndarray) -> np.ndarray:
    return np.arange(3)[:, None] == roles


class _Decisions(nn.Module):
    """Each expert's last layer, on the features that all of a network share.

    Parameters
    ----------
    known : ndarray of bool, shape (n_experts, 3)
        Roles that each tells apart; the others get a score that no softmax sees.
    features : int
        Features there are.
    """

    def __init__(self, known: np.ndarray, features: int) -> None:
        super().__init__()
        self.scores = nn.Linear(features, known.size)
        self.register_buffer("unknown", torch.from_numpy(~known), persistent=False)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Return the scores: (n_trials, n_experts, 3)."""
        unknown = self.get_buffer("unknown")
        return self.scores(features).float().reshape(-1, *unknown.shape).masked_fill(unknown, -1e4)


class _ExpertTraining(NetworkTraining):
    """Trains all experts of a network at once.

    Its loss is their mean surprise over all that they were asked, each trial by its share.

    Parameters
    ----------
    network : Module
        From trials (n_trials, n_channels, n_times) to scores (n_trials, n_experts, 3).
    experts : Experts
        What they tell apart.
    shares : ndarray, shape (n_classes, n_experts)
        How much a trial of a class counts for an expert.
    **how
        The rest is as for `NetworkTraining`.
    """

    def __init__(self, network: nn.Module, experts: Experts, shares: np.ndarray, **how: Any) -> None:
        super().__init__(network, **how)
        self._roles = torch.from_numpy(experts.roles)
        self._shares = torch.from_numpy(shares.astype(np.float32))

    def _loss(self, outputs: torch.Tensor, codes: torch.Tensor, weights: torch.Tensor | None) -> torch.Tensor:
        # Classes are balanced within each expert already, by the shares.
        roles, shares = self._roles.to(codes.device)[codes], self._shares.to(codes.device)[codes]
        surprise = functional.cross_entropy(outputs.flatten(0, 1), roles.flatten(), reduction="none")
        return (surprise * shares.flatten()).sum() / shares.sum()

    def _class_scores(self, outputs: torch.Tensor) -> torch.Tensor:
        """Return the experts' vote, as `Experts.vote` but for its scale: (n_trials, n_classes)."""
        said = functional.log_softmax(outputs.float(), dim=2)
        experts = torch.arange(said.shape[1], device=said.device)
        return said[:, experts, self._roles.to(said.device)].sum(dim=2)


class ExpertTrunk(SparseCNN):
    """A sparse CNN that serves several experts, each with a last layer of its own.

    Parameters
    ----------
    settings : SparseCNNSettings
        Of the network; its `features` are what all its experts decide by.
    sfreq : float
        Rate of the signals in Hz.
    seed : int
        For all that is random.
    experts : Experts
        Who stand on it.
    balanced : bool
        Whether all classes count the same to them, however many trials they have.
    """

    def __init__(
        self,
        settings: SparseCNNSettings | None = None,
        sfreq: float = 128.0,
        seed: int = 0,
        experts: Experts | None = None,
        balanced: bool = False,
    ) -> None:
        super().__init__(settings, sfreq, seed)
        self.experts = experts
        self.balanced = balanced

    @property
    def experts_(self) -> Experts:
        """Who stand on it: those for ten classes, if nobody was named."""
        return self.experts if self.experts is not None else Experts.of_classes(10)

    def train_on(
        self, signals: np.ndarray, codes: np.ndarray, learning: np.ndarray, held_out: np.ndarray, monitor: Monitor
    ) -> None:
        """Train the experts.

        Parameters
        ----------
        signals : ndarray, shape (n_trials, n_channels, n_times)
            All trials there are, in memory or mapped into it.
        codes : ndarray, shape (n_trials,)
            Place of each trial's class among those the experts are of.
        learning, held_out : ndarray of int
            Places of the trials to learn from, and of those that decide when to stop.
        monitor : Monitor
            Is told of each epoch; in its folder the state is kept, also when it is done.
        """
        self.take_shape(signals.shape[1:])
        settings, experts = self.settings_, self.experts_
        places = hashlib.sha256(np.concatenate([learning, [-1], held_out]).astype(np.int64).tobytes()).hexdigest()
        about = {
            "settings": settings.model_dump(mode="json"),
            "sfreq": self.sfreq,
            "roles": experts.roles.tolist(),
            "places": places,
            "balanced": self.balanced,
        }
        with torch.random.fork_rng():
            torch.manual_seed(self.seed)
            network = self._network(self.shape_[0], len(self.classes_), self.shape_[1])
            training = _ExpertTraining(
                network,
                experts,
                experts.shares(codes[learning], self.balanced),
                settings=settings.training,
                seed=self.seed,
                helped=self.helped_by,
                about=about,
            )
            self.history_ = training.run(signals, codes, learning, held_out, monitor)
        self.network_ = network

    def take_shape(self, shape: tuple[int, ...]) -> None:
        """Take the shape (n_channels, n_times) of the trials to come."""
        self.classes_, self.shape_ = np.arange(len(self.experts_.roles)), shape

    def outputs(self, signals: np.ndarray) -> np.ndarray:
        """Return the experts' scores before the softmax: (n_trials, n_experts, 3), float32."""
        return self._scores(signals)

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        body = super()._network(n_chans, n_outputs, n_times).body
        return EmbeddingNetwork(body, _Decisions(self.experts_.known, self.settings_.features))
