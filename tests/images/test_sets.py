import gzip
import struct
from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.images.sets import load_digits, read_idx, read_mnist, shown_pictures


def _idx(array: np.ndarray) -> bytes:
    return struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape) + array.astype(np.uint8).tobytes()


@pytest.mark.parametrize(("part", "each"), [("train", 1000), ("test", 200)])
def test_the_packaged_set_is_balanced(part: str, each: int) -> None:
    digits = load_digits(part)
    assert np.bincount(digits.labels).tolist() == [each] * 10
    assert digits.images.shape == (10 * each, 28, 28)
    assert digits.images.dtype == np.uint8
    assert len(np.unique(digits.index)) == len(digits)
    assert len(np.unique(digits.images.reshape(len(digits), -1), axis=0)) == len(digits)


def test_training_and_test_pictures_are_different() -> None:
    train, test = (load_digits(part).images.reshape(-1, 784) for part in ("train", "test"))
    assert not {picture.tobytes() for picture in train} & {picture.tobytes() for picture in test}


@pytest.mark.parametrize("zipped", [False, True])
def test_mnists_own_files_are_read(tmp_path: Path, zipped: bool) -> None:
    images, labels = load_digits("test").images[:7], load_digits("test").labels[:7]
    for name, array in (("t10k-images-idx3-ubyte", images), ("t10k-labels-idx1-ubyte", labels)):
        content = _idx(array)
        path = tmp_path / (f"{name}.gz" if zipped else name)
        path.write_bytes(gzip.compress(content) if zipped else content)
    digits = read_mnist(tmp_path, "test")
    np.testing.assert_array_equal(digits.images, images)
    np.testing.assert_array_equal(digits.labels, labels)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is no idx file"),
        (b"\0\0\x0d\x01\0\0\0\x01abcd", "is no idx file of bytes"),
        (b"\0\0\x08\x03\0\0", "cut within its header"),
        (_idx(np.zeros(9))[:-1], "holds 8 values where its header says 9"),
        (b"\x1f\x8bnot gzip", "cannot be read"),
    ],
)
def test_a_damaged_idx_file_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_idx(tmp_path / "x")


def test_a_missing_idx_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="train-images-idx3-ubyte: no such file"):
        read_mnist(tmp_path, "train")


def test_pictures_of_another_set_are_refused() -> None:
    with pytest.raises(UserError, match="names the pictures 'faces'"):
        shown_pictures({"picture_set": "faces", "events": [], "pictures": []})
