from pathlib import Path

import numpy as np
from PIL import Image

from mindglyph.images.grids import write_grid


def test_pictures_stand_in_rows_with_a_line_between(tmp_path: Path) -> None:
    pictures = np.arange(5, dtype=float)[:, None, None].repeat(3, 1).repeat(2, 2) / 4
    write_grid(tmp_path / "new" / "x.png", pictures, columns=3, scale=2)
    with Image.open(tmp_path / "new" / "x.png") as file:
        grid = np.asarray(file)
    assert grid.shape == (2 * (2 * 4 - 1), 2 * (3 * 3 - 1))
    assert grid[0, 0] == 0
    assert grid[0, 6] == 64
    assert grid[-1, 6] == 255
    assert np.all(grid[6] == grid[0, 4])
