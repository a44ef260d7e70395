"""What of a store grows while a recording is read: its arrays, and the table of what was refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa

from mindglyph.sources.recording import Chunk
from mindglyph.store import layout
from mindglyph.trials import Trials

REFUSED = pa.schema(
    [
        ("file", pa.string()),
        ("line", pa.int64()),
        ("reason", pa.string()),
        ("kind", pa.string()),
        ("text", pa.large_binary()),
    ]
)
"""What is kept of a row that was refused."""


class Content:
    """The arrays of a store, each growing trial by trial, and the rows of its table.

    Parameters
    ----------
    folder : Path
        Where they are written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._arrays: dict[str, GrowingArray] = {}
        self.tables: list[pd.DataFrame] = []
        self.extras: dict[str, dict[str, Any]] = {}
        self.tmin = 0.0

    def __enter__(self) -> Content:
        return self

    def __exit__(self, *error: object) -> None:
        for array in self._arrays.values():
            array.close()

    def append(self, trials: Trials) -> None:
        """Add trials, all of which must have the same parts as the first."""
        parts = {layout.SIGNALS: trials.signals}
        if trials.images is not None:
            parts[layout.IMAGES] = trials.images
        for name, extra in trials.extras.items():
            parts[layout.extra_file(name)] = extra.signals
            self.extras[name] = {"channels": list(extra.ch_names), "sfreq": extra.sfreq}
        if not self.tables:
            self.tmin = trials.tmin
            self._arrays = {name: GrowingArray(self._folder / name, part) for name, part in parts.items()}
        for name, array in self._arrays.items():
            array.append(parts[name])
        self.tables.append(trials.metadata.assign(label=trials.labels))

    @property
    def files(self) -> list[str]:
        """Names of the files that hold a row a trial."""
        return list(self._arrays)


class GrowingArray:
    """A .npy file whose first axis grows.

    Parameters
    ----------
    path : Path
        The file.
    like : ndarray
        An array of the same type, and but for the first axis of the same shape.
    """

    def __init__(self, path: Path, like: np.ndarray) -> None:
        self._file = path.open("wb")
        self._count = 0
        self._shape, self._type = like.shape[1:], like.dtype
        write_header(self._file, (0, *self._shape), self._type)

    def append(self, part: np.ndarray) -> None:
        """Write rows after those that are there."""
        self._count += len(part)
        self._file.write(np.ascontiguousarray(part).data)

    def close(self) -> None:
        """Say in the header how many rows there are."""
        with self._file:
            write_header(self._file, (self._count, *self._shape), self._type)


def write_header(file: BinaryIO, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Write, at its start, what a .npy file says of its array."""
    # NumPy leaves room in the header for the first axis to grow, so it can be written again in place.
    file.seek(0)
    kind = np.lib.format.dtype_to_descr(dtype)
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})


def refused_table(chunk: Chunk) -> pa.Table:
    """Return the rows of a chunk that were refused."""
    columns = {name: [getattr(refusal, name) for refusal in chunk.refusals] for name in REFUSED.names}
    return pa.table(columns, schema=REFUSED)
