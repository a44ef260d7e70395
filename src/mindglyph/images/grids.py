"""Pictures side by side in one PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mindglyph.files import replaced_file


def write_grid(path: Path, pictures: np.ndarray, columns: int, scale: int = 2) -> None:
    """Write pictures row by row into a grey PNG, with a grey line between them.

    Parameters
    ----------
    path : Path
        The file.
    pictures : ndarray, shape (n_pictures, height, width)
        Grey values between 0 and 1.
    columns : int
        Pictures a row.
    scale : int
        Edge of a pixel in the file.
    """
    from PIL import Image

    count, height, width = pictures.shape
    rows = -(-count // columns)
    grid = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 0.35)
    for place, picture in enumerate(pictures):
        top, left = place // columns * (height + 1), place % columns * (width + 1)
        grid[top : top + height, left : left + width] = picture
    values = np.round(255 * np.clip(grid, 0, 1)).astype(np.uint8).repeat(scale, axis=0).repeat(scale, axis=1)
    with replaced_file(path) as temporary:
        Image.fromarray(values).save(temporary, format="PNG")
