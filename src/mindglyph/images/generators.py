"""What every generator of digit pictures has in common: settings that build it, training, drawing, its file.

A generator draws from a `Condition`: a probability of each digit, and an embedding where its
settings ask for one. What the condition leaves open (slant, width, hand) is the latent, which
is drawn unless it is given. The generators stand by name in `mindglyph.images.registry`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from torch import nn

from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays
from mindglyph.images.conditions import Condition
from mindglyph.images.generator_training import GeneratorTraining, Trainee, train_generator
from mindglyph.settings import Settings

_BATCH = 500
"""Pictures drawn at once: the widest layers of thousands do not fit the caches."""


class GeneratorSettings(Settings, ABC):
    """Size of a generator and how it is trained.

    Attributes
    ----------
    n_classes : int
        Number of digits, the length of a row of probabilities.
    embedding_dim : int
        Number of features of the embedding that it draws from beside the digit; 0 for none.
    training : GeneratorTraining
        How it is trained.
    """

    n_classes: int = Field(10, ge=2)
    embedding_dim: int = Field(0, ge=0)
    training: GeneratorTraining = GeneratorTraining()

    @abstractmethod
    def build(self) -> Generator:
        """Return an untrained generator."""


class Generator(ABC):
    """Draws 28 × 28 pictures of digits.

    Parameters
    ----------
    settings : GeneratorSettings
        Size and training; those of its own kind.

    Attributes
    ----------
    kind : str
        What its files call themselves.
    labels : tuple of str
        What each class is called; the digits unless something else is set.
    trained : dict of str to int
        Pictures, epochs and seed of the training; empty before it.
    """

    kind: ClassVar[str]
    settings_type: ClassVar[type[GeneratorSettings]]

    def __init__(self, settings: Any = None) -> None:
        self.settings = settings or self.settings_type()
        self.labels = tuple(str(digit) for digit in range(self.settings.n_classes))
        self.trained: dict[str, int] = {}
        self._network = self._built().eval()

    @property
    @abstractmethod
    def latent_dim(self) -> int:
        """Number of latent variables of a picture."""

    @abstractmethod
    def _built(self) -> nn.Module:
        """Return the network that draws, with fresh weights from torch's seed."""

    @abstractmethod
    def _trainee(self) -> Trainee:
        """Return what trains, with fresh weights from torch's seed; `_learned` takes the network from it."""

    @abstractmethod
    def _learned(self, trainee: Any) -> nn.Module:
        """Return the network that is to draw from what was trained."""

    @abstractmethod
    def _draw(self, latent: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        """Draw pictures (n, 28, 28) between 0 and 1 from latents and features of digits that are certain."""

    def _latents(self, condition: Condition, rng: np.random.Generator) -> np.ndarray:
        """Draw a latent for each picture: (n_pictures, latent_dim)."""
        return rng.standard_normal((len(condition), self.latent_dim), dtype=np.float32)

    def fit(
        self,
        images: np.ndarray,
        condition: Condition | np.ndarray,
        seed: int = 0,
        report: Callable[[int, float], None] | None = None,
        folder: Path | None = None,
        until: int | None = None,
        further: bool = False,
    ) -> list[float]:
        """Train on pictures whose condition is known.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            Grey values, uint8, 0 is black.
        condition : Condition, or ndarray of shape (n_images, n_classes)
            Digit of each picture, certain or probable, and its embedding if the settings ask for one.
        seed : int
            Start weights, order and draws.
        report : callable, optional
            Called after each epoch with its number, from 0, and mean loss.
        folder : Path, optional
            Where the state of the unfinished training is kept after each epoch; one that is
            found there is gone on from, to the same weights as without a break.
        until : int, optional
            Epoch to end after, on a schedule of more: for a first look, since the running mean of
            the weights draws well before the schedule ends.
        further : bool
            Whether to go on from the weights that are there, on a new schedule, instead of
            beginning anew; not for a GAN, whose critic is not kept.

        Returns
        -------
        list of float
            Mean loss of each epoch: what it measures is the generator's own.

        Raises
        ------
        UserError
            If pictures and condition do not fit, the folder holds the state of another training,
            or the training diverged.
        """
        condition = self._fitting(Condition.of(condition))
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape != (len(condition), 28, 28) or len(images) < 2:
            raise UserError(
                f"pictures of shape {images.shape} and type {images.dtype} do not fit {len(condition)} conditions: "
                "give uint8 pictures of 28 × 28 pixels, one for each, and at least two"
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            trainee = self._trainee()
            about = {"kind": self.kind, "settings": self.settings.model_dump()}
            if further:
                about["start"] = self._start(trainee)
            history = train_generator(
                trainee,
                images,
                condition.probabilities,
                condition.embedding,
                self.settings.training,
                seed,
                about,
                report,
                folder,
                until,
            )
        before = self.trained.get("epochs", 0) if further else 0
        self.trained = {"pictures": len(images), "epochs": before + len(history), "seed": seed}
        self._network = self._learned(trainee).eval()
        self._finish(images, condition, seed)
        return history

    def _start(self, trainee: Trainee) -> str:
        """Give a trainee the weights that draw, and return what tells these from others."""
        if set(trainee.modules) != {"network", "mean"}:
            raise UserError(f"a {self.kind} cannot be trained further, since not all of it is kept: train it anew")
        state = self._network.state_dict()
        trainee.modules["network"].load_state_dict(state)
        trainee.modules["mean"].get_submodule("module").load_state_dict(state)
        return self.fingerprint()

    def fingerprint(self) -> str:
        """Return the SHA-256 of the weights with their names, by which two generators are told apart."""
        state = self._network.state_dict()
        digest = hashlib.sha256()
        for name in sorted(state):
            digest.update(name.encode() + state[name].numpy().tobytes())
        return digest.hexdigest()

    def _finish(self, images: np.ndarray, condition: Condition, seed: int) -> None:  # noqa: B027  # few need it
        """Learn what is learned once the network is trained."""

    def sample(
        self, condition: Condition | np.ndarray, generator: np.random.Generator, latent: np.ndarray | None = None
    ) -> np.ndarray:
        """Draw a picture of each condition.

        Parameters
        ----------
        condition : Condition, or ndarray of shape (n_pictures, n_classes)
            Where digits are only probable, one is drawn for each picture.
        generator : Generator
            Of all that is drawn.
        latent : ndarray, shape (n_pictures, latent_dim), optional
            The hand; drawn if it is not given.

        Returns
        -------
        ndarray, shape (n_pictures, 28, 28)
            Grey values between 0 and 1, float32.

        Raises
        ------
        UserError
            If condition or latent do not fit the generator.
        """
        certain = self._fitting(Condition.of(condition)).drawn(generator)
        if latent is None:
            latent = self._latents(certain, generator)
        latent = np.asarray(latent, dtype=np.float32)
        if latent.shape != (len(certain), self.latent_dim):
            raise UserError(
                f"a latent of shape {latent.shape} does not fit {len(certain)} pictures of {self.latent_dim} "
                f"variables: give ({len(certain)}, {self.latent_dim})"
            )
        with torch.inference_mode():
            batches = zip(
                torch.tensor(latent).split(_BATCH),
                torch.tensor(certain.features()).split(_BATCH),
                strict=True,
            )
            drawn = [self._draw(*batch) for batch in batches]
        return torch.cat(drawn).numpy()

    def _fitting(self, condition: Condition) -> Condition:
        """Return the condition if it is of as many digits and features as the generator's."""
        digits, features = condition.probabilities.shape[1], 0
        if condition.embedding is not None:
            features = condition.embedding.shape[1]
        expected = self.settings.n_classes, self.settings.embedding_dim
        if (digits, features) != expected:
            raise UserError(
                f"a condition of {digits} digits and {features} features does not fit this {self.kind}, "
                f"which takes {expected[0]} and {expected[1]}"
            )
        return condition

    def save(self, path: Path, half: bool = False) -> None:
        """Write weights and settings as safetensors.

        Parameters
        ----------
        path : Path
            The file.
        half : bool
            Whether to store 16 bits a weight instead of 32.
        """
        arrays = {name: tensor.numpy() for name, tensor in self._network.state_dict().items()}
        if half:
            arrays = {
                name: array.astype(np.float16) if array.dtype == np.float32 else array for name, array in arrays.items()
            }
        about = {"kind": self.kind, "settings": self.settings.model_dump()}
        write_arrays(path, arrays, {**about, "labels": self.labels, "trained": self.trained})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        Generator
            Trained.

        Raises
        ------
        UserError
            If the file is absent, damaged or something else.
        """
        arrays, about = read_arrays(path)
        if about.get("kind") != cls.kind:
            raise UserError(f"{path}: holds '{about.get('kind')}', not a {cls.kind}: name another file")
        try:
            made = cls(cls.settings_type.model_validate(about["settings"]))
            made._network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
            made.labels, made.trained = tuple(about["labels"]), dict(about["trained"])
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise UserError(f"{path}: does not hold what a {cls.kind} needs: make it anew") from error
        return made
