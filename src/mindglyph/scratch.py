"""Arrays larger than the memory, for the time of one training."""

from __future__ import annotations

import mmap
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np

from mindglyph.errors import PlaceError
from mindglyph.files import explained


@contextmanager
def scratch_array(shape: tuple[int, ...], folder: Path | None = None) -> Iterator[np.ndarray]:
    """Give a float32 array on disk, which is gone when the block ends, however it ends.

    Its pages are the system's file cache, not memory of this process: the system writes them
    out and lets them go when memory gets short.

    Parameters
    ----------
    shape : tuple of int
        Of the array.
    folder : Path, optional
        Where its file stands; the system's folder for temporary files otherwise.

    Yields
    ------
    ndarray
        Memory-mapped, for reading and writing.

    Raises
    ------
    PlaceError
        If the disk has too little room.
    """
    place = Path(tempfile.gettempdir()) if folder is None else folder
    size = int(np.prod(shape)) * 4
    with explained(place):
        place.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(place).free < size:
            raise PlaceError(
                f"{place}: training needs {size / 1e9:.1f} GB there for the preprocessed signals, and less is free: "
                "free space or name another place with --out"
            )
        handle, name = tempfile.mkstemp(dir=place, prefix=".signals.", suffix=".tmp")
    path = Path(name)
    try:
        if sys.platform != "win32":
            # A file without a name goes with the last who has it open, even when that one is killed.
            path.unlink()
        with explained(place), os.fdopen(handle, "r+b") as file:
            # A mapped file that the disk then has no room for would kill the process without a word.
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
            mapped = mmap.mmap(file.fileno(), size)
        yield np.frombuffer(mapped, dtype=np.float32).reshape(shape)
    finally:
        # Windows removes no file that is open: there it goes at the next clean-up of temporary files.
        with suppress(OSError):
            path.unlink(missing_ok=True)
