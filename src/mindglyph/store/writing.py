"""Writes a recording as a store, whole or not at all."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from mindglyph.errors import UserError
from mindglyph.files import content_hash, read_json, write_json
from mindglyph.folders import recover_folder, replaced_folder
from mindglyph.sources.recording import Chunk, Recording
from mindglyph.store import layout
from mindglyph.store.growing import REFUSED, Content, refused_table, write_header
from mindglyph.store.parts import read_by_tasks
from mindglyph.trials import positions_of


def write_store(
    path: Path,
    recording: Recording,
    truth: Mapping[str, Any] | None = None,
    pictures: Mapping[int, np.ndarray] | None = None,
    report: Callable[[int], None] | None = None,
    workers: int = 1,
    cluster: str | None = None,
) -> dict[str, Any]:
    """Write a recording as a store, whole or not at all.

    Parameters
    ----------
    path : Path
        The folder; an older store of the same recording there is replaced when the new one is complete.
    recording : Recording
        What `mindglyph.sources.formats.recognise` gives.
    truth : mapping, optional
        Truth of a simulated recording.
    pictures : mapping of int to ndarray, optional
        The picture shown at each event, (28, 28) uint8, where the recording holds none.
    report : callable, optional
        Called with the bytes read so far.
    workers : int
        Processes of this machine that read the files of a recording of several side by side.
    cluster : str, optional
        A Dask scheduler whose workers do it instead; they must see the files and the folder.

    Returns
    -------
    dict
        `rows_read`, `rows_kept`, `rows_rejected`, `trials`, how many of these were `trials_cut`
        at a spreadsheet's last column, `trials_padded` at their end or `trials_with_decimal_comma`,
        `reasons`, `seconds`, `megabytes`, and what was `seen`, as written to `import.json`.

    Raises
    ------
    UserError
        If no trial could be read, the folder is something else or a store of another recording, or
        cannot be written.
    """
    _refuse_to_sweep_away(path, recording.path)
    _refuse_another_source(path, recording)
    start = time.perf_counter()
    with replaced_folder(path, layout.MARKER) as folder:
        with read_by_tasks(recording, folder, workers, cluster) as read:
            content, counts, reasons = _read_into(folder, read, report)
        table = _in_order_of_recording(folder, content, recording)
        if pictures is not None and layout.IMAGES not in content.files:
            np.save(folder / layout.IMAGES, _pictures_of(table, pictures, recording.path))
        if truth is not None:
            write_json(folder / layout.TRUTH, truth)
        table.to_parquet(folder / layout.TRIALS)
        result = {
            "file": _name_of(recording),
            "format": recording.format,
            "seen": recording.seen,
            "warnings": list(recording.warnings),
            "rows_read": counts["read"],
            "rows_kept": len(table) * recording.rows_per_trial,
            "rows_rejected": counts["rejected"],
            **_trial_counts(table, recording),
            "reasons": reasons,
            "seconds": round(time.perf_counter() - start, 3),
            "megabytes": round(recording.size / 1e6, 3),
        }
        write_json(folder / layout.REPORT, result)
        write_json(folder / layout.MARKER, _about(folder, recording, content, table, truth))
    return result


def _read_into(
    folder: Path, recording: Recording, report: Callable[[int], None] | None
) -> tuple[Content, Counter[str], dict[str, dict[str, Any]]]:
    """Write all chunks; return what was written, how many rows were read and rejected, and why."""
    counts: Counter[str] = Counter()
    reasons: dict[str, dict[str, Any]] = {}
    with (
        pq.ParquetWriter(folder / layout.REJECTED, REFUSED) as refused,
        Content(folder) as content,
    ):
        for chunk in recording.read():
            counts["read"] += chunk.rows_read
            counts["rejected"] += len(chunk.refusals)
            if chunk.refusals:
                refused.write_table(refused_table(chunk))
            _count_reasons(reasons, chunk)
            if chunk.trials is not None:
                content.append(chunk.trials)
            if report is not None:
                report(chunk.position)
        if not content.tables:
            raise _nothing_read(recording.path, reasons)
    return content, counts, reasons


def _refuse_to_sweep_away(path: Path, source: Path) -> None:
    """Make sure that replacing `path` removes nothing but an older store."""
    if path.resolve() in source.resolve().parents:
        raise UserError(f"{source}: lies inside {path}, which would be replaced: name another store")
    foreign = [file.name for file in path.iterdir() if not layout.is_part(file)] if path.is_dir() else []
    if foreign:
        raise UserError(f"{path}: holds {foreign[0]}, which is no part of a store: name another folder")


def _refuse_another_source(path: Path, recording: Recording) -> None:
    """Make sure that a store there is of the same recording: nobody's trials vanish by a mistyped name."""
    recover_folder(path)
    try:
        there = read_json(path / layout.REPORT)
        name, arrays = str(there["file"]), there["format"] == layout.ARRAYS
    except (UserError, KeyError, TypeError):
        # There is none, or one that is damaged, of which is said: import the recording again.
        return
    # Arrays have no file, and what a notebook calls them may change from run to run.
    if arrays != (recording.format == layout.ARRAYS) or (not arrays and name != _name_of(recording)):
        raise UserError(f"{path}: holds the trials of {name}: name another store, or remove it")


def _name_of(recording: Recording) -> str:
    # The folder in which a person stands is "." and has no name of its own.
    return recording.path.name or recording.path.absolute().name


def _count_reasons(reasons: dict[str, dict[str, Any]], chunk: Chunk) -> None:
    for refusal in chunk.refusals:
        new = {"rows": 0, "first_line": refusal.line, "example": refusal.reason, "file": refusal.file}
        reasons.setdefault(refusal.kind, new)["rows"] += 1


def _nothing_read(source: Path, reasons: Mapping[str, Mapping[str, Any]]) -> UserError:
    first = next(iter(reasons.values()), {"first_line": 1, "example": "holds no rows"})
    why = f"line {first['first_line']}: {first['example']}"
    return UserError(f"{source}: no trial could be read ({why}): is it the right file?")


def _trial_counts(table: pd.DataFrame, recording: Recording) -> dict[str, int]:
    padded = table["n_samples"] < recording.n_times if "n_samples" in table else pd.Series(dtype=bool)
    return {
        "trials": len(table),
        "trials_cut": int(table["cut"].sum()) if "cut" in table else 0,
        "trials_padded": int(padded.sum()),
        "trials_with_decimal_comma": int(table["decimal_comma"].sum()) if "decimal_comma" in table else 0,
    }


def _in_order_of_recording(folder: Path, content: Content, recording: Recording) -> pd.DataFrame:
    # Everything later relies on the order of recording; the last key of lexsort counts most.
    table = pd.concat(content.tables, ignore_index=True)
    if not recording.order:
        return table
    order = np.lexsort([table[column].to_numpy() for column in reversed(recording.order)])
    if (np.diff(order) > 0).all():
        return table
    for name in content.files:
        _reorder(folder / name, order)
    return table.iloc[order].reset_index(drop=True)


def _reorder(path: Path, order: np.ndarray) -> None:
    # Trial by trial through a file: the pages of a memory map would stay in the process.
    mapped = np.load(path, mmap_mode="r")
    start, size = mapped.offset, mapped[:1].nbytes
    ordered = path.with_name("ordered.npy")
    with path.open("rb") as unordered, ordered.open("wb") as file:
        write_header(file, mapped.shape, mapped.dtype)
        for place in order.tolist():
            unordered.seek(start + place * size)
            file.write(unordered.read(size))
    del mapped
    ordered.replace(path)


def _pictures_of(table: pd.DataFrame, pictures: Mapping[int, np.ndarray], source: Path) -> np.ndarray:
    try:
        return np.stack([pictures[event] for event in table["event"]])
    except KeyError as error:
        raise UserError(f"{source}: event {error} is not in the truth file beside it: simulate both anew") from None


def _about(
    folder: Path, recording: Recording, content: Content, table: pd.DataFrame, truth: Mapping[str, Any] | None
) -> dict[str, Any]:
    return {
        "schema_version": layout.SCHEMA_VERSION,
        "format": recording.format,
        "device": recording.device,
        "sfreq": float(recording.info["sfreq"]),
        "channels": list(recording.info["ch_names"]),
        "positions": positions_of(recording.info),
        "tmin": content.tmin,
        "extras": content.extras,
        "trials": len(table),
        "ordered": recording.ordered,
        "warnings": list(recording.warnings),
        "simulated": truth is not None or ("simulated" in table and bool(table["simulated"].any())),
        "content_hash": content_hash(*layout.content_files(folder)),
    }
