"""Files that the fuzzer began with, and those that it found: the first byte says how to read, the rest is the file."""

from contextlib import suppress
from pathlib import Path

import pytest

from mindglyph.errors import UserError
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import ImportSettings

CASES = sorted((Path(__file__).parent / "cases").iterdir())


def _read(path: Path, accept_cut: bool) -> tuple[int, int, int]:
    recording = recognise(path, ImportSettings(accept_cut=accept_cut))
    read = kept = refused = 0
    for chunk in recording.read():
        read += chunk.rows_read
        refused += len(chunk.refusals)
        kept += len(chunk.trials) * recording.rows_per_trial if chunk.trials is not None else 0
    return read, kept, refused


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_row_of_a_case_is_lost_wherever_it_is_cut(tmp_path: Path, case: Path) -> None:
    content = case.read_bytes()
    path = tmp_path / "recording.txt"
    for length in (len(content), *range(1, len(content), max(1, len(content) // 40))):
        path.write_bytes(content[1:length])
        # Less than a row may be no recording at all; that is said and is no crash.
        with suppress(UserError):
            read, kept, refused = _read(path, accept_cut=length < len(content) or bool(content[0] & 1))
            assert read == kept + refused


@pytest.mark.parametrize("case", [case for case in CASES if case.name.startswith("seed-")], ids=lambda case: case.name)
def test_a_seed_is_a_recording(tmp_path: Path, case: Path) -> None:
    path = tmp_path / "recording.txt"
    path.write_bytes(case.read_bytes()[1:])
    assert _read(path, accept_cut=False)[1] > 0
