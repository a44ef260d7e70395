"""Trials on disk: a folder with memory-mapped signals, a table, and what was refused.

`signals.npy`, `trials.parquet` (labels and metadata), `rejected.parquet`, `import.json`,
`store.json` (schema version, headset, content hash), and where the pictures shown are
known `images.npy`; a simulated recording's truth comes along as `truth.json`. The folder
is written under a temporary name and renamed: a crash leaves the old store or none.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from mindglyph.errors import UserError
from mindglyph.files import content_hash, read_json, replaced_folder, write_json
from mindglyph.headsets import Headset
from mindglyph.sources.mindbigdata import Chunk
from mindglyph.trials import Trials, make_info

SCHEMA_VERSION = 1
MARKER = "store.json"
_CONTENT = ("signals.npy", "trials.parquet", "images.npy", "truth.json")
_FILES = (*_CONTENT, "rejected.parquet", "import.json", MARKER)

_REFUSED = pa.schema(
    [("line", pa.int64()), ("reason", pa.string()), ("kind", pa.string()), ("text", pa.large_binary())]
)


def write_store(
    path: Path,
    source: Path,
    headset: Headset,
    chunks: Iterable[Chunk],
    truth: Mapping[str, Any] | None = None,
    pictures: Mapping[int, np.ndarray] | None = None,
    report: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Write chunks of a recording as a store, whole or not at all.

    Parameters
    ----------
    path : Path
        The folder; an older store there is replaced when the new one is complete.
    source : Path
        The recording, for the report.
    headset : Headset
        Whose recording it is.
    chunks : iterable of Chunk
        What a source's `read` gives.
    truth : mapping, optional
        Truth of a simulated recording.
    pictures : mapping of int to ndarray, optional
        The picture shown at each event, (28, 28) uint8.
    report : callable, optional
        Called with the bytes read so far.

    Returns
    -------
    dict
        `rows_read`, `rows_kept`, `rows_rejected`, `trials`, how many of these were `trials_cut`
        at a spreadsheet's last column, `trials_padded` at their end or `trials_with_decimal_comma`,
        `reasons`, `seconds`, `megabytes`, as written to `import.json`.

    Raises
    ------
    UserError
        If no trial could be read, the folder is something else, or cannot be written.
    """
    _refuse_to_sweep_away(path, source)
    start = time.perf_counter()
    counts: Counter[str] = Counter()
    reasons: dict[str, dict[str, Any]] = {}
    tables: list[pd.DataFrame] = []
    shape = (len(headset.channels), headset.n_times)
    with replaced_folder(path, MARKER) as folder:
        with (
            (folder / "signals.npy").open("wb") as signals,
            pq.ParquetWriter(folder / "rejected.parquet", _REFUSED) as refused,
        ):
            _write_header(signals, (0, *shape))
            for chunk in chunks:
                counts["read"] += chunk.rows_read
                counts["rejected"] += len(chunk.refusals)
                if chunk.refusals:
                    refused.write_table(_refused_table(chunk))
                _count_reasons(reasons, chunk)
                if chunk.trials is not None:
                    signals.write(chunk.trials.signals.tobytes())
                    tables.append(chunk.trials.metadata.assign(label=chunk.trials.labels))
                if report is not None:
                    report(chunk.position)
            if not tables:
                raise _nothing_read(source, reasons)
            table = pd.concat(tables, ignore_index=True)
            _write_header(signals, (len(table), *shape))
        table = _in_order_of_events(folder, table)
        if pictures is not None:
            np.save(folder / "images.npy", _pictures_of(table, pictures, source))
        if truth is not None:
            write_json(folder / "truth.json", truth)
        table.to_parquet(folder / "trials.parquet")
        result = {
            "file": source.name,
            "rows_read": counts["read"],
            "rows_kept": len(table) * len(headset.channels),
            "rows_rejected": counts["rejected"],
            **_trial_counts(table, headset),
            "reasons": reasons,
            "seconds": round(time.perf_counter() - start, 3),
            "megabytes": round(source.stat().st_size / 1e6, 3),
        }
        write_json(folder / "import.json", result)
        write_json(folder / MARKER, _about(folder, headset, table, truth))
    return result


def _refuse_to_sweep_away(path: Path, source: Path) -> None:
    """Make sure that replacing `path` removes nothing but an older store."""
    if path.resolve() in source.resolve().parents:
        raise UserError(f"{source}: lies inside {path}, which would be replaced: name another store")
    foreign = [file.name for file in path.iterdir() if file.name not in _FILES] if path.is_dir() else []
    if foreign:
        raise UserError(f"{path}: holds {foreign[0]}, which is no part of a store: name another folder")


def _count_reasons(reasons: dict[str, dict[str, Any]], chunk: Chunk) -> None:
    for refusal in chunk.refusals:
        new = {"rows": 0, "first_line": refusal.line, "example": refusal.reason}
        reasons.setdefault(refusal.kind, new)["rows"] += 1


def _nothing_read(source: Path, reasons: Mapping[str, Mapping[str, Any]]) -> UserError:
    first = next(iter(reasons.values()), {"first_line": 1, "example": "holds no rows"})
    why = f"line {first['first_line']}: {first['example']}"
    return UserError(f"{source}: no trial could be read ({why}): is it the right file?")


def _trial_counts(table: pd.DataFrame, headset: Headset) -> dict[str, int]:
    return {
        "trials": len(table),
        "trials_cut": int(table["cut"].sum()),
        "trials_padded": int((table["n_samples"] < headset.n_times).sum()),
        "trials_with_decimal_comma": int(table["decimal_comma"].sum()),
    }


def _write_header(file: BinaryIO, shape: tuple[int, ...]) -> None:
    # NumPy leaves room in the header for the first axis to grow, so it can be written again in place.
    file.seek(0)
    np.lib.format.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})


def _refused_table(chunk: Chunk) -> pa.Table:
    columns = {name: [getattr(refusal, name) for refusal in chunk.refusals] for name in _REFUSED.names}
    return pa.table(columns, schema=_REFUSED)


def _in_order_of_events(folder: Path, table: pd.DataFrame) -> pd.DataFrame:
    # Event numbers are the only clock, and everything later relies on the order of recording.
    order = np.argsort(table["event"].to_numpy(), kind="stable")
    if (np.diff(order) > 0).all():
        return table
    unordered = np.load(folder / "signals.npy", mmap_mode="r")
    with (folder / "ordered.npy").open("wb") as file:
        _write_header(file, unordered.shape)
        for part in np.array_split(order, -(-len(order) // 512)):
            file.write(unordered[part].tobytes())
    del unordered
    (folder / "ordered.npy").replace(folder / "signals.npy")
    return table.iloc[order].reset_index(drop=True)


def _pictures_of(table: pd.DataFrame, pictures: Mapping[int, np.ndarray], source: Path) -> np.ndarray:
    try:
        return np.stack([pictures[event] for event in table["event"]])
    except KeyError as error:
        raise UserError(f"{source}: event {error} is not in the truth file beside it: simulate both anew") from None


def _about(folder: Path, headset: Headset, table: pd.DataFrame, truth: Mapping[str, Any] | None) -> dict[str, Any]:
    return {
        "schema_version": SCHEMA_VERSION,
        "headset": headset.code,
        "sfreq": headset.sfreq,
        "channels": list(headset.channels),
        "trials": len(table),
        "simulated": truth is not None or bool(table["simulated"].any()),
        "content_hash": content_hash(*(folder / name for name in _CONTENT if (folder / name).exists())),
    }


class Store:
    """A store that was written before.

    Parameters
    ----------
    path : Path
        The folder.

    Raises
    ------
    UserError
        If it is no store, or one of another schema version.
    """

    def __init__(self, path: Path) -> None:
        if not (path / MARKER).is_file():
            raise UserError(f"{path}: is no trial store: make one with 'mindglyph import FILE {path}'")
        self.path = path
        self.about: dict[str, Any] = read_json(path / MARKER)
        if not isinstance(self.about, dict) or self.about.get("schema_version") != SCHEMA_VERSION:
            raise UserError(f"{path}: was written by another version of mindglyph: import the recording again")

    @property
    def import_report(self) -> dict[str, Any]:
        """What the import counted."""
        report: dict[str, Any] = read_json(self.path / "import.json")
        return report

    @property
    def truth(self) -> dict[str, Any] | None:
        """The truth of a simulated recording, or None."""
        path = self.path / "truth.json"
        return read_json(path) if path.exists() else None

    def verify(self) -> None:
        """Compare the content with the hash that was taken when it was written.

        Raises
        ------
        UserError
            If they differ.
        """
        present = [self.path / name for name in _CONTENT if (self.path / name).exists()]
        if content_hash(*present) != self.about.get("content_hash"):
            raise UserError(f"{self.path}: the store is damaged or was changed: import the recording again")

    def trials(self) -> Trials:
        """Return the trials, memory-mapped, in the order of recording.

        Raises
        ------
        UserError
            If a file of the store is absent or damaged.
        """
        try:
            table = pd.read_parquet(self.path / "trials.parquet")
            signals = np.load(self.path / "signals.npy", mmap_mode="r", allow_pickle=False)
            images_path = self.path / "images.npy"
            images = np.load(images_path, mmap_mode="r", allow_pickle=False) if images_path.exists() else None
        except (OSError, EOFError, ValueError) as error:
            raise UserError(f"{self.path}: the store is damaged ({error}): import the recording again") from error
        info = make_info(self.about["channels"], self.about["sfreq"])
        return Trials(signals, table["label"].to_numpy(), info, table.drop(columns="label"), images)
