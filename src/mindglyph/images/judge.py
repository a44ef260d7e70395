"""The judge: a digit classifier that says what a picture shows, whoever drew it."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import torch
from pydantic import Field
from torch import nn
from torch.nn import functional

from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays
from mindglyph.images.training import PictureTraining, train_network
from mindglyph.settings import Settings


class JudgeSettings(Settings):
    """Size of the judge and how it is trained.

    Attributes
    ----------
    n_classes : int
        Number of digits.
    width : int
        Filters of the first convolutions.
    max_angle : float
        Pictures are turned by up to this many degrees in training.
    max_shift : float
        Pictures are shifted by up to this many pixels in training.
    max_scale : float
        Pictures are scaled by up to this share in training.
    training : PictureTraining
        How it is trained.
    """

    n_classes: int = Field(10, ge=2)
    width: int = Field(32, ge=1)
    max_angle: float = Field(10.0, ge=0)
    max_shift: float = Field(2.0, ge=0)
    max_scale: float = Field(0.1, ge=0, lt=1)
    training: PictureTraining = PictureTraining(epochs=12, batch_size=128, learning_rate=4e-3)


def _network(settings: JudgeSettings) -> nn.Sequential:
    width = settings.width

    def block(incoming: int, outgoing: int) -> list[nn.Module]:
        return [nn.Conv2d(incoming, outgoing, 3, padding=1, bias=False), nn.BatchNorm2d(outgoing), nn.ReLU()]

    return nn.Sequential(
        *block(1, width),
        *block(width, width),
        nn.MaxPool2d(2),
        *block(width, 2 * width),
        *block(2 * width, 2 * width),
        nn.MaxPool2d(2),
        *block(2 * width, 4 * width),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Dropout(0.3),
        nn.Linear(16 * width, settings.n_classes),
    )


class Judge:
    """Classifies 28 × 28 pictures.

    Parameters
    ----------
    settings : JudgeSettings
        Size and training.
    """

    def __init__(self, settings: JudgeSettings | None = None) -> None:
        self.settings = settings or JudgeSettings()
        self._network = _network(self.settings).eval()

    def fit(
        self,
        images: np.ndarray,
        labels: np.ndarray,
        seed: int = 0,
        report: Callable[[int, float], None] | None = None,
    ) -> list[float]:
        """Train on labelled pictures, which are turned, shifted and scaled a little.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            Grey values, uint8.
        labels : ndarray, shape (n_images,)
            Digits.
        seed : int
            Start weights, order and distortions.
        report : callable, optional
            Called after each epoch with its number and mean loss.

        Returns
        -------
        list of float
            Mean cross-entropy of each epoch.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self._network = _network(self.settings)
            pictures = torch.from_numpy(np.asarray(images, dtype=np.float32) / 255)
            return train_network(
                self._network,
                self._loss,
                pictures,
                torch.from_numpy(np.asarray(labels, dtype=np.int64)),
                self.settings.training,
                seed=seed,
                report=report,
            )

    def _loss(self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        logits = self._network(self._distorted(images, generator)[:, None])
        return functional.cross_entropy(logits.float(), labels)

    def _distorted(self, images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        settings = self.settings
        angle, scale, right, down = torch.rand(4, len(images), generator=generator) * 2 - 1
        angle = angle * math.radians(settings.max_angle)
        scale = 1 + scale * settings.max_scale
        # affine_grid measures in half pictures: 14 pixels are 1.
        right, down = right * settings.max_shift / 14, down * settings.max_shift / 14
        cosine, sine = angle.cos() * scale, angle.sin() * scale
        matrices = torch.stack([cosine, -sine, right, sine, cosine, down], dim=1).view(-1, 2, 3)
        grid = functional.affine_grid(matrices, [len(images), 1, 28, 28], align_corners=False)
        return functional.grid_sample(images[:, None], grid, align_corners=False)[:, 0]

    @torch.inference_mode()
    def predict_proba(self, images: np.ndarray) -> np.ndarray:
        """Say how probable each digit is in each picture.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            uint8 grey values, or floats between 0 and 1.

        Returns
        -------
        ndarray, shape (n_images, n_classes)
            Probabilities, float32.
        """
        return torch.softmax(self._applied(self._network, images), dim=1).numpy()

    @torch.inference_mode()
    def features(self, images: np.ndarray) -> np.ndarray:
        """Return what the judge sees in pictures before it decides.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            uint8 grey values, or floats between 0 and 1.

        Returns
        -------
        ndarray, shape (n_images, 16 * width)
            Inputs of the last layer, float32.
        """
        return self._applied(self._network[:-2], images).numpy()

    @torch.inference_mode()
    def decided(self, features: np.ndarray) -> np.ndarray:
        """Say how probable each digit is by the features: what `predict_proba` says of their pictures.

        Parameters
        ----------
        features : ndarray, shape (n_images, n_features)
            What `features` gave.

        Returns
        -------
        ndarray, shape (n_images, n_classes)
            Probabilities, float32.
        """
        return torch.softmax(self._network[-1](torch.tensor(features)), dim=1).numpy()

    @staticmethod
    def _applied(network: nn.Module, images: np.ndarray) -> torch.Tensor:
        images = np.asarray(images)
        scale = 255.0 if images.dtype == np.uint8 else 1.0
        pictures = torch.from_numpy(images.astype(np.float32) / scale)[:, None]
        return torch.cat([network(batch) for batch in pictures.split(500)])

    def predict(self, images: np.ndarray) -> np.ndarray:
        """Say which digit each picture shows: shape (n_images,), int64.

        Parameters
        ----------
        images : ndarray, shape (n_images, 28, 28)
            Grey values: uint8, or floats between 0 and 1.

        Returns
        -------
        ndarray of int64, shape (n_images,)
            Digits.
        """
        return self.predict_proba(images).argmax(axis=1)

    def save(self, path: Path) -> None:
        """Write weights and settings as safetensors."""
        arrays = {name: tensor.numpy() for name, tensor in self._network.state_dict().items()}
        write_arrays(path, arrays, {"kind": "judge", "settings": self.settings.model_dump()})

    @classmethod
    def load(cls, path: Path) -> Judge:
        """Read what `save` wrote.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        Judge
            Trained.

        Raises
        ------
        UserError
            If the file is absent, damaged or something else.
        """
        arrays, about = read_arrays(path)
        if about.get("kind") != "judge":
            raise UserError(f"{path}: holds '{about.get('kind')}', not a judge: name another file")
        try:
            judge = cls(JudgeSettings.model_validate(about["settings"]))
            judge._network.load_state_dict({name: torch.tensor(array) for name, array in arrays.items()})
        except (KeyError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: does not hold what a judge needs: make it anew") from error
        return judge


@cache
def packaged_judge() -> Judge:
    """Load the judge in the package, trained on MNIST training digits that are not in the package."""
    with as_file(files("mindglyph.images") / "data" / "judge.safetensors") as path:
        return Judge.load(path)
