"""Sets of pictures that a user brings: idx files, or a folder with a subfolder for each label."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mindglyph.errors import UserError
from mindglyph.images.sets import read_idx

_ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff")
_SIZE = 28


@dataclass(frozen=True)
class LabelledPictures:
    """Pictures of any labels.

    Attributes
    ----------
    images : ndarray, shape (n_images, 28, 28)
        Grey values, uint8, bright strokes on black.
    codes : ndarray, shape (n_images,)
        Place of each picture's label among `labels`, int64.
    labels : tuple of str
        Every label once; numbers by size, others by alphabet.
    inverted : bool
        Whether the pictures were dark on a bright ground and were turned round.
    """

    images: np.ndarray
    codes: np.ndarray
    labels: tuple[str, ...]
    inverted: bool


def read_pictures(path: Path, report: Callable[[int, int], None] | None = None) -> LabelledPictures:
    """Read a set of labelled pictures.

    Parameters
    ----------
    path : Path
        An idx file of pictures (`…images-idx3-ubyte`, gzipped or not) with that of its labels
        beside it, a folder that holds such files for training, or a folder with a subfolder of
        PNG files for each label. Pictures are made 28 × 28 and grey.
    report : callable, optional
        Called with the pictures read and in all.

    Returns
    -------
    LabelledPictures
        Of at least two labels.

    Raises
    ------
    UserError
        If there is nothing of the kind, a file is damaged, pictures and labels differ in number,
        or there is one label only.
    """
    if not path.exists():
        raise UserError(f"{path}: no such file or folder: name idx files or a folder of labelled pictures")
    indexed = _index_file(path)
    if indexed is not None:
        images, names = _read_indexed(indexed, report)
    elif path.is_dir():
        images, names = _read_folder(path, report)
    else:
        raise UserError(f"{path}: its name does not hold 'images-idx3': name an idx file of pictures or a folder")
    labels = tuple(sorted(set(names), key=_order))
    if len(labels) < 2:
        raise UserError(f"{path}: holds pictures of {len(labels)} label: at least two are needed")
    places = {label: place for place, label in enumerate(labels)}
    inverted = _is_bright(images)
    return LabelledPictures(
        images=255 - images if inverted else images,
        codes=np.array([places[name] for name in names], dtype=np.int64),
        labels=labels,
        inverted=inverted,
    )


def _index_file(path: Path) -> Path | None:
    """Return the idx file of pictures that a path means, if it means one."""
    if path.is_file():
        return path if "images-idx3" in path.name else None
    found = sorted(path.glob("*train-images-idx3-ubyte*"))
    return found[0] if found else None


def _read_indexed(path: Path, report: Callable[[int, int], None] | None) -> tuple[np.ndarray, list[str]]:
    images = read_idx(path)
    beside = path.with_name(path.name.replace("images-idx3", "labels-idx1"))
    if not beside.exists():
        # The labels may be gzipped where the pictures are not, and the other way round.
        other = beside.with_suffix("") if beside.suffix == ".gz" else beside.with_name(f"{beside.name}.gz")
        beside = other if other.exists() else beside
    labels = read_idx(beside)
    if images.ndim != 3 or labels.ndim != 1 or len(images) != len(labels):
        raise UserError(f"{path}: {images.shape} pictures do not fit {labels.shape} labels of {beside.name}")
    if not len(images):
        raise UserError(f"{path}: holds no pictures")
    if images.shape[1:] != (_SIZE, _SIZE):
        from PIL import Image

        images = np.stack([_fitted(Image.fromarray(image)) for image in images])
    if report is not None:
        report(len(images), len(images))
    return images, [str(label) for label in labels]


def _read_folder(path: Path, report: Callable[[int, int], None] | None) -> tuple[np.ndarray, list[str]]:
    from PIL import Image

    files = [
        file
        for folder in sorted(path.iterdir())
        if folder.is_dir() and not folder.name.startswith(".")
        for file in sorted(folder.iterdir())
        if file.suffix.lower() in _ENDINGS and not file.name.startswith(".")
    ]
    if not files:
        raise UserError(f"{path}: holds no idx files and no subfolders with PNG files: make one subfolder a label")
    images = np.empty((len(files), _SIZE, _SIZE), dtype=np.uint8)
    for place, file in enumerate(files):
        try:
            with Image.open(file) as picture:
                images[place] = _fitted(picture)
        # Pillow tells of damage in more ways than one, and refuses pictures that are absurdly large.
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            raise UserError(f"{file}: cannot be read as a picture ({error}): mend or remove it") from error
        if report is not None and (place % 100 == 99 or place + 1 == len(files)):
            report(place + 1, len(files))
    return images, [file.parent.name for file in files]


def _fitted(picture: object) -> np.ndarray:
    """Return a picture of Pillow as (28, 28) grey values; what is transparent counts as black."""
    from PIL import Image

    assert isinstance(picture, Image.Image)
    if "A" in picture.getbands() or "transparency" in picture.info:
        clear = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", clear.size, (0, 0, 0, 255)), clear)
    grey = picture.convert("L")
    return np.asarray(grey if grey.size == (_SIZE, _SIZE) else grey.resize((_SIZE, _SIZE), Image.Resampling.BOX))


def _is_bright(images: np.ndarray) -> bool:
    """Say whether the edges, where there are no strokes, are mostly bright."""
    edges = np.concatenate([images[:, [0, -1], :].ravel(), images[:, :, [0, -1]].ravel()])
    return bool(np.median(edges) > 127)


def _order(label: str) -> tuple[int, int, str]:
    return (0, int(label), label) if label.isdecimal() else (1, 0, label)
