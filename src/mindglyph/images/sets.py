"""Sets of digit pictures: the one in the package, and MNIST's own idx files."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mindglyph.errors import UserError

PACKAGED = "mnist-balanced-12000"
"""Name of the packaged set, as a simulated recording's truth file gives it."""

_IDX_UINT8 = 0x08


@dataclass(frozen=True)
class DigitSet:
    """Digit pictures with their labels.

    Attributes
    ----------
    images : ndarray, shape (n_images, 28, 28)
        Grey values, uint8, 0 is black.
    labels : ndarray, shape (n_images,)
        The digits, int64.
    index : ndarray, shape (n_images,)
        Place of each picture in the MNIST file that it comes from.
    """

    images: np.ndarray
    labels: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.labels)


def load_digits(part: Literal["train", "test"]) -> DigitSet:
    """Load the pictures in the package.

    Parameters
    ----------
    part : {"train", "test"}
        1,000 pictures of each digit from MNIST's training file, or 200 of each from its
        test file. The packaged generator and judge were trained on neither.

    Returns
    -------
    DigitSet
        The pictures, in the order of the MNIST file.
    """
    source = files("mindglyph.images") / "data" / "digits.npz"
    with source.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        return DigitSet(
            images=arrays[f"{part}_images"],
            labels=arrays[f"{part}_labels"].astype(np.int64),
            index=arrays[f"{part}_index"].astype(np.int64),
        )


def shown_pictures(truth: Mapping[str, Any]) -> dict[int, np.ndarray] | None:
    """Return the picture of each event that a simulated recording's truth file names.

    Parameters
    ----------
    truth : mapping
        Content of `<name>.truth.json`.

    Returns
    -------
    dict of int to ndarray, shape (28, 28), or None
        Event number to picture, black where none was shown; None where the truth names none,
        since no digits were shown.

    Raises
    ------
    UserError
        If the truth names a set of pictures that this version does not have.
    """
    if "pictures" not in truth:
        return None
    if truth["picture_set"] != PACKAGED:
        raise UserError(f"the truth file names the pictures '{truth['picture_set']}', which are not in this version")
    images = load_digits("train").images
    black = np.zeros_like(images[0])
    shown = zip(truth["events"], truth["pictures"], strict=True)
    return {event: images[place] if place >= 0 else black for event, place in shown}


def read_idx(path: Path) -> np.ndarray:
    """Read one of MNIST's idx files, plain or gzipped.

    Parameters
    ----------
    path : Path
        For example `train-images-idx3-ubyte`.

    Returns
    -------
    ndarray of uint8
        Shape (n, 28, 28) for a file of pictures, (n,) for one of labels.

    Raises
    ------
    UserError
        If the file is absent, or is no idx file of bytes, or is cut.
    """
    try:
        content = path.read_bytes()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (OSError, EOFError) as error:
        raise UserError(f"{path}: cannot be read ({error}): fetch it again") from error
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _IDX_UINT8:
        raise UserError(f"{path}: is no idx file of bytes: give MNIST's own files")
    header = 4 + 4 * content[3]
    if len(content) < header:
        raise UserError(f"{path}: is cut within its header: fetch it again")
    shape = struct.unpack(f">{content[3]}I", content[4:header])
    values = np.frombuffer(content, dtype=np.uint8, offset=header)
    if values.size != int(np.prod(shape)):
        raise UserError(f"{path}: holds {values.size} values where its header says {np.prod(shape)}: fetch it again")
    return values.reshape(shape)


def read_mnist(folder: Path, part: Literal["train", "test"]) -> DigitSet:
    """Read a whole part of MNIST from a folder of idx files.

    Parameters
    ----------
    folder : Path
        Holds `train-images-idx3-ubyte` and its fellows, with or without `.gz`.
    part : {"train", "test"}
        60,000 or 10,000 pictures.

    Returns
    -------
    DigitSet
        All pictures in file order.

    Raises
    ------
    UserError
        If a file is absent or damaged, or pictures and labels differ in number.
    """
    stem = {"train": "train", "test": "t10k"}[part]
    images = read_idx(_plain_or_gzipped(folder / f"{stem}-images-idx3-ubyte"))
    labels = read_idx(_plain_or_gzipped(folder / f"{stem}-labels-idx1-ubyte"))
    if images.ndim != 3 or len(images) != len(labels):
        raise UserError(f"{folder}: {images.shape} pictures do not fit {labels.shape} labels: fetch both files again")
    return DigitSet(images=images, labels=labels.astype(np.int64), index=np.arange(len(labels)))


def _plain_or_gzipped(path: Path) -> Path:
    zipped = path.with_name(f"{path.name}.gz")
    return zipped if zipped.exists() and not path.exists() else path
