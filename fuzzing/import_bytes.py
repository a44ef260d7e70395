"""Feed the importer mutated bytes: it may refuse them, but must not crash, hang or lose a row.

    uv run --group fuzz python fuzzing/import_bytes.py -max_total_time=300

Takes libFuzzer's options. The seeds are short files of every format, and the cases that were found
before (tests/sources/cases). A crash is written as `crash-…` into the current folder: move it to
the cases, which the tests read, and mend what it shows.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

# Compiled kernels cannot be instrumented, so they are loaded before.
import mindglyph.sources.text_kernel
import mindglyph.sources.wide_numbers  # noqa: F401

with atheris.instrument_imports(include=["mindglyph.sources"]):
    from mindglyph.errors import UserError
    from mindglyph.sources.formats import recognise
    from mindglyph.sources.recording import ImportSettings

CASES = Path(__file__).parents[1] / "tests" / "sources" / "cases"
_FOLDER = Path(tempfile.mkdtemp(prefix="mindglyph-fuzz-"))


def read_everything(path: Path, settings: ImportSettings) -> None:
    """Read a file as the import does and make sure that every row is accounted for."""
    try:
        recording = recognise(path, settings)
        read = kept = refused = 0
        for chunk in recording.read():
            read += chunk.rows_read
            refused += len(chunk.refusals)
            kept += len(chunk.trials) * recording.rows_per_trial if chunk.trials is not None else 0
    except UserError:
        return
    if read != kept + refused:
        raise AssertionError(f"{read} rows read, {kept} kept, {refused} refused")


def try_bytes(data: bytes) -> None:
    """Import bytes as a file whose first byte says how."""
    path = _FOLDER / "recording.txt"
    path.write_bytes(data[1:])
    read_everything(path, ImportSettings(accept_cut=bool(data[:1] and data[0] & 1)))


def main() -> None:
    """Fuzz until libFuzzer is told to stop."""
    atheris.Setup([*sys.argv, str(_FOLDER / "corpus"), str(CASES)], try_bytes)
    (_FOLDER / "corpus").mkdir()
    atheris.Fuzz()


if __name__ == "__main__":
    main()
