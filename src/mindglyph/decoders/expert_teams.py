"""Teams of experts, one for each inner fold, each with a stretch of time that it never learned from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import softmax

from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.experts import Experts, ExpertTrunk
from mindglyph.decoders.lessons import Lesson
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.sparse_cnn import SparseCNNSettings
from mindglyph.errors import UserError


@dataclass(frozen=True)
class InnerFold:
    """A division of the trials that a decoder learns from.

    Attributes
    ----------
    outside : slice
        A stretch of time that nothing is learned from.
    learning, held_out : ndarray of int
        Places, away from that stretch, of the trials to learn from and of those that decide
        when to stop.
    """

    outside: slice
    learning: np.ndarray
    held_out: np.ndarray

    @property
    def inside(self) -> np.ndarray:
        """Places of all that lies away from the stretch, and not between learning and stopping."""
        return np.concatenate([self.learning, self.held_out])


def inner_folds(codes: np.ndarray, n_folds: int, gap: int, held_out: float) -> list[InnerFold]:
    """Divide trials into stretches of time.

    Parameters
    ----------
    codes : ndarray, shape (n_trials,)
        Place of each trial's class, in the order of recording.
    n_folds : int
        Number of stretches.
    gap : int
        Trials left out on either side of a stretch, since neighbours in time resemble one
        another.
    held_out : float
        Share of the others, their last stretch, that decides when to stop.

    Returns
    -------
    list of InnerFold
        Whose `outside` together are all trials, each once.

    Raises
    ------
    UserError
        If there are too few trials, or a fold cannot learn every class.
    """
    if len(codes) < n_folds * (gap + 10):
        raise UserError(
            f"{len(codes)} trials are too few for {n_folds} inner folds: take fewer inner_folds or a longer recording"
        )
    folds = []
    for stretch in np.array_split(np.arange(len(codes)), n_folds):
        before, after = max(0, stretch[0] - gap), stretch[-1] + 1 + gap
        others = np.concatenate([np.arange(before), np.arange(after, len(codes))])
        learning, stopping = last_block(len(others), held_out, gap)
        missing = np.setdiff1d(codes, codes[others[learning]])
        if len(missing):
            raise UserError("an inner fold has no trial of some class to learn from: give a longer recording")
        folds.append(InnerFold(slice(int(stretch[0]), int(stretch[-1]) + 1), others[learning], others[stopping]))
    return folds


class Team:
    """The experts of an inner fold.

    Parameters
    ----------
    settings : SparseCNNSettings
        Of their networks.
    trunk : {"shared", "own"}
        Whether a network serves all experts, or each has its own.
    trunks : int
        Networks that serve all of them, where they share; what they say is averaged.
    experts : Experts
        Who they are.
    sfreq : float
        Rate of the signals in Hz.
    seed : tuple of int
        For all that is random.
    balanced : bool
        Whether all classes count the same to them, however many trials they have.
    """

    def __init__(
        self,
        settings: SparseCNNSettings,
        trunk: Literal["shared", "own"],
        trunks: int,
        experts: Experts,
        sfreq: float,
        seed: tuple[int, ...],
        balanced: bool = False,
    ) -> None:
        self._experts = experts
        self._shared = trunk == "shared"
        groups = trunks * [experts] if self._shared else [experts.only(expert) for expert in range(len(experts))]
        seeds = np.random.SeedSequence(seed).generate_state(len(groups))
        self.trunks = [
            ExpertTrunk(settings, sfreq, int(seed), group, balanced) for seed, group in zip(seeds, groups, strict=True)
        ]

    def lessons(self, codes: np.ndarray, fold: InnerFold, monitor: Monitor) -> list[Lesson]:
        """Return what each network of the team has to learn.

        Parameters
        ----------
        codes : ndarray, shape (n_trials,)
            Place of each trial's class.
        fold : InnerFold
            What of the trials may be learned from.
        monitor : Monitor
            Is told of each epoch; each network has a folder of its own below its.

        Returns
        -------
        list of Lesson
            One for each network, in their order.
        """
        lessons = []
        for number, trunk in enumerate(self.trunks):
            part = monitor.of_part(f"{'trunk' if self._shared else 'expert'}-{number + 1}")
            learning, held_out = (fold.learning, fold.held_out) if self._shared else self._thinned(trunk, codes, fold)
            lessons.append(Lesson(trunk, learning, held_out, part))
        return lessons

    @staticmethod
    def _thinned(trunk: ExpertTrunk, codes: np.ndarray, fold: InnerFold) -> tuple[np.ndarray, np.ndarray]:
        """Leave out so many trials that no role outweighs another: what a shared trunk does by weights."""
        share = trunk.experts_.shares(codes[fold.learning], trunk.balanced)[:, 0]
        chosen = np.random.default_rng(trunk.seed).random(len(codes)) < share[codes]
        held_out = fold.held_out[chosen[fold.held_out]]
        return fold.learning[chosen[fold.learning]], held_out if len(held_out) else fold.held_out

    def probabilities(self, signals: np.ndarray) -> np.ndarray:
        """Return what the experts say: (n_trials, n_experts, 3), float32.

        Parameters
        ----------
        signals : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed.

        Returns
        -------
        ndarray, shape (n_trials, n_experts, 3)
            Of the one class, of the other, and of neither; float32.
        """
        said = [softmax(trunk.outputs(signals), axis=2) for trunk in self.trunks]
        return np.mean(said, axis=0) if self._shared else np.concatenate(said, axis=1)

    def history(self) -> Iterator[list[dict[str, float]]]:
        """Yield the epochs of each network that was trained here."""
        for trunk in self.trunks:
            yield trunk.history_

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as arrays of numbers."""
        return {
            f"{number}.{name}": array
            for number, trunk in enumerate(self.trunks)
            for name, array in trunk._arrays().items()
        }

    def restore(self, arrays: Mapping[str, np.ndarray], shape: tuple[int, ...]) -> None:
        """Take back what `arrays` gave, for trials of a shape (n_channels, n_times)."""
        for number, trunk in enumerate(self.trunks):
            trunk.take_shape(shape)
            trunk._restore(of_prefix(arrays, f"{number}."))


def of_prefix(arrays: Mapping[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Return the arrays whose names begin so, without the beginning."""
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
