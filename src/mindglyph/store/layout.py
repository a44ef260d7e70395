"""What the files of a store are called."""

from __future__ import annotations

from pathlib import Path

SCHEMA_VERSION = 2
MARKER = "store.json"
SIGNALS = "signals.npy"
TRIALS = "trials.parquet"
IMAGES = "images.npy"
TRUTH = "truth.json"
REJECTED = "rejected.parquet"
REPORT = "import.json"

ARRAYS = "arrays"
"""The format of a store that was made of a person's arrays and not of files."""

_EXTRA = "extra-"
_FILES = (SIGNALS, TRIALS, IMAGES, TRUTH, REJECTED, REPORT, MARKER)


def extra_file(name: str) -> str:
    """Return the file of the extra signals of that name."""
    return f"{_EXTRA}{name}.npy"


def is_part(file: Path) -> bool:
    """Say whether a file belongs to a store."""
    return file.name in _FILES or (file.name.startswith(_EXTRA) and file.suffix == ".npy")


def content_files(folder: Path) -> list[Path]:
    """Return the files that the content hash is of, in their order."""
    extras = sorted(folder.glob(extra_file("*")))
    return [path for path in (*(folder / name for name in (SIGNALS, TRIALS, IMAGES, TRUTH)), *extras) if path.exists()]
