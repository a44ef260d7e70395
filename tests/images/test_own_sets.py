import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindglyph.errors import UserError
from mindglyph.images.own_sets import read_pictures
from mindglyph.images.sets import load_digits


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


def _folder(path: Path, names: tuple[str, ...], each: int = 3, size: int = 28, bright: bool = False) -> np.ndarray:
    images = load_digits("test").images[: each * len(names)]
    for place, image in enumerate(images):
        file = path / names[place // each] / f"{place:02d}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - image if bright else image).resize((size, size), Image.Resampling.NEAREST).save(file)
    return images


@pytest.mark.parametrize("bright", [False, True])
def test_a_folder_of_labelled_pictures_is_read(tmp_path: Path, bright: bool) -> None:
    images = _folder(tmp_path, ("9", "10", "cat"), bright=bright)
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / "9" / "Thumbs.db").write_bytes(b"no picture")
    found = read_pictures(tmp_path)
    assert found.labels == ("9", "10", "cat")
    assert found.inverted is bright
    # In the order of the folders' names: 10, 9, cat.
    assert found.codes.tolist() == [1] * 3 + [0] * 3 + [2] * 3
    np.testing.assert_array_equal(found.images, images[[3, 4, 5, 0, 1, 2, 6, 7, 8]])


def test_pictures_of_any_size_and_colour_become_small_and_grey(tmp_path: Path) -> None:
    images = _folder(tmp_path, ("a", "b"), each=1, size=56)
    drawing = np.zeros((28, 28, 4), dtype=np.uint8)
    # A white stroke on a ground that is transparent, whatever colour it has.
    drawing[..., :3] = 255
    drawing[..., 3] = images[1]
    Image.fromarray(drawing).save(tmp_path / "b" / "01.png")
    found = read_pictures(tmp_path)
    np.testing.assert_array_equal(found.images, images)
    assert not found.inverted


@pytest.mark.parametrize(("images_zipped", "labels_zipped"), [(False, False), (True, True), (True, False)])
def test_idx_files_are_read(tmp_path: Path, images_zipped: bool, labels_zipped: bool) -> None:
    digits = load_digits("test")
    for what, array, zipped in (
        ("images-idx3", digits.images[:50], images_zipped),
        ("labels-idx1", digits.labels[:50], labels_zipped),
    ):
        path = tmp_path / f"train-{what}-ubyte{'.gz' if zipped else ''}"
        path.write_bytes(gzip.compress(_idx(array)) if zipped else _idx(array))
    for path in (tmp_path, next(tmp_path.glob("*images*"))):
        found = read_pictures(path)
        np.testing.assert_array_equal(found.images, digits.images[:50])
        assert [found.labels[code] for code in found.codes] == [str(label) for label in digits.labels[:50]]


def test_larger_idx_pictures_are_made_smaller(tmp_path: Path) -> None:
    images = load_digits("test").images[:4]
    (tmp_path / "x-images-idx3-ubyte").write_bytes(_idx(images.repeat(2, axis=1).repeat(2, axis=2)))
    (tmp_path / "x-labels-idx1-ubyte").write_bytes(_idx(np.array([0, 1, 2, 3])))
    np.testing.assert_array_equal(read_pictures(tmp_path / "x-images-idx3-ubyte").images, images)


def test_what_is_no_set_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent: no such file or folder"):
        read_pictures(tmp_path / "absent")
    with pytest.raises(UserError, match="make one subfolder a label"):
        read_pictures(tmp_path)
    (tmp_path / "x.csv").write_text("1,2")
    with pytest.raises(UserError, match="x.csv: its name does not hold 'images-idx3'"):
        read_pictures(tmp_path / "x.csv")
    _folder(tmp_path, ("1",))
    with pytest.raises(UserError, match="pictures of 1 label: at least two are needed"):
        read_pictures(tmp_path)
    _folder(tmp_path, ("1", "2"))
    (tmp_path / "2" / "00.png").write_bytes(b"\x89PNG nonsense")
    with pytest.raises(UserError, match=r"00.png: cannot be read as a picture"):
        read_pictures(tmp_path)


def test_idx_files_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "x-images-idx3-ubyte"
    path.write_bytes(_idx(np.zeros((4, 28, 28))))
    with pytest.raises(UserError, match="x-labels-idx1-ubyte: no such file"):
        read_pictures(path)
    (tmp_path / "x-labels-idx1-ubyte").write_bytes(_idx(np.zeros(3)))
    with pytest.raises(UserError, match="do not fit"):
        read_pictures(path)
