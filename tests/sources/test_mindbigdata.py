import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS
from mindglyph.sources import mindbigdata
from mindglyph.sources.formats import recognise
from mindglyph.sources.mindbigdata import text_recording
from mindglyph.sources.recording import Chunk, Refusal

MakeRow = Callable[..., str]
EPOC = HEADSETS["EP"].channels


def _write(folder: Path, rows: list[str], end: str = "\n") -> Path:
    path = folder / "file.txt"
    path.write_text("\n".join(rows) + end)
    return path


def _events(chunks: list[Chunk]) -> list[int]:
    return [event for chunk in chunks if chunk.trials for event in chunk.trials.metadata["event"]]


def _refusals(chunks: list[Chunk]) -> list[Refusal]:
    return [refusal for chunk in chunks for refusal in chunk.refusals]


def _read(path: Path, headset: str = "MW", **options: object) -> list[Chunk]:
    chunks = list(text_recording(path, HEADSETS[headset], **options).read())
    kept = len(_events(chunks)) * len(HEADSETS[headset].channels)
    assert sum(chunk.rows_read for chunk in chunks) == kept + len(_refusals(chunks))
    return chunks


def _epoc_event(row: MakeRow, event: int) -> list[str]:
    return [row(event, channel, headset="EP", values=np.full(256, 4200 + place)) for place, channel in enumerate(EPOC)]


def test_every_real_row_is_kept(real_rows: Path) -> None:
    path = real_rows / "MW-excerpt.txt"
    assert recognise(path).format == "mw"
    chunks = _read(path)
    assert len(_events(chunks)) == 462
    labels = np.concatenate([chunk.trials.labels for chunk in chunks if chunk.trials])
    counted = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    assert counted == {-1: 43, 0: 34, 1: 44, 2: 38, 3: 49, 4: 45, 5: 47, 6: 40, 7: 35, 8: 45, 9: 42}


def test_the_damaged_spreadsheet_is_recovered(real_rows: Path) -> None:
    chunks = _read(real_rows / "MW-spreadsheet-damaged.csv")
    assert len(_events(chunks)) == 174
    assert all(chunk.trials.metadata["cut"].all() for chunk in chunks if chunk.trials)
    assert [(refusal.line, refusal.reason) for refusal in _refusals(chunks)] == [(175, "holds nothing but commas")]


def test_channels_stand_in_the_headsets_order(tmp_path: Path, row: MakeRow) -> None:
    rows = _epoc_event(row, 1)
    random.Random(0).shuffle(rows)
    (chunk,) = _read(_write(tmp_path, rows), "EP")
    np.testing.assert_array_equal(chunk.trials.signals[0, :, 0], 4200 + np.arange(14))


def test_rows_of_an_event_may_stand_anywhere(tmp_path: Path, row: MakeRow, monkeypatch: pytest.MonkeyPatch) -> None:
    # A limit of ten rows makes the reader let go of values and fetch them again.
    monkeypatch.setattr(mindbigdata, "_HELD_VALUES", 10 * 256)
    rows = [text for event in range(40) for text in _epoc_event(row, event)]
    by_channel = sorted(rows, key=lambda text: EPOC.index(text.split("\t")[3]))
    chunks = _read(_write(tmp_path, by_channel), "EP", block_bytes=20_000)
    assert sorted(_events(chunks)) == list(range(40))
    for chunk in chunks:
        if chunk.trials:
            np.testing.assert_array_equal(chunk.trials.signals[:, :, -1], [4200 + np.arange(14)] * len(chunk.trials))


def test_an_incomplete_event_is_refused_row_by_row(tmp_path: Path, row: MakeRow) -> None:
    rows = [*_epoc_event(row, 1)[:-2], *_epoc_event(row, 2)]
    chunks = _read(_write(tmp_path, rows), "EP")
    assert _events(chunks) == [2]
    refused = _refusals(chunks)
    assert len(refused) == 12
    assert refused[0].line == 1
    assert refused[0].reason == "event 1 is incomplete: F8, AF4 missing"
    assert refused[0].text.decode() == rows[0]


def test_one_bad_row_takes_its_event_along(tmp_path: Path, row: MakeRow) -> None:
    rows = _epoc_event(row, 1) + _epoc_event(row, 2)
    rows[5] = rows[5].replace("4205", "oops", 1)
    chunks = _read(_write(tmp_path, rows), "EP")
    assert _events(chunks) == [2]
    reasons = {refusal.reason for refusal in _refusals(chunks)}
    assert reasons == {"value 1 is no number: 'oops'", f"event 1 is incomplete: {EPOC[5]} missing"}


def test_a_repeated_channel_is_refused_and_the_first_counts(tmp_path: Path, row: MakeRow) -> None:
    again = row(1, EPOC[0], headset="EP", values=np.zeros(256))
    for rows in ([*_epoc_event(row, 1), again], [_epoc_event(row, 1)[0], again, *_epoc_event(row, 1)[1:]]):
        chunks = _read(_write(tmp_path, rows), "EP")
        assert _events(chunks) == [1]
        assert [refusal.reason for refusal in _refusals(chunks)] == ["event 1 has channel AF3 already"]
        assert chunks[0].trials.signals[0, 0, 0] == 4200


def test_an_event_of_two_codes_is_refused(tmp_path: Path, row: MakeRow) -> None:
    rows = [*_epoc_event(row, 1)[:-1], row(1, EPOC[-1], headset="EP", code=4), *_epoc_event(row, 2)]
    chunks = _read(_write(tmp_path, rows), "EP")
    assert _events(chunks) == [2]
    assert {refusal.reason for refusal in _refusals(chunks)} == {"event 1 carries the codes [3, 4]"}


def test_a_file_that_breaks_off_is_refused_unless_accepted(tmp_path: Path, row: MakeRow) -> None:
    rows = [row(event, "FP1") for event in range(3)]
    path = _write(tmp_path, [*rows, rows[0][:60]], end="")
    with pytest.raises(UserError, match="ends in the middle of line 4"):
        list(text_recording(path, HEADSETS["MW"]).read())
    assert _events(_read(path, accept_cut=True)) == [0, 1, 2]


def test_a_repeated_last_row_without_a_line_end_is_no_broken_file(tmp_path: Path, row: MakeRow) -> None:
    chunks = _read(_write(tmp_path, [row(1, "FP1"), row(1, "FP1")], end=""))
    assert [refusal.reason for refusal in _refusals(chunks)] == ["event 1 has channel FP1 already"]


def test_another_headsets_rows_may_come_first(tmp_path: Path, row: MakeRow) -> None:
    rows = [row(event, "TP9", headset="MU") for event in range(1100)] + [row(5000, "FP1")]
    assert _events(_read(_write(tmp_path, rows))) == [5000]


def test_a_last_row_without_a_line_end_is_kept(tmp_path: Path, row: MakeRow) -> None:
    assert _events(_read(_write(tmp_path, [row(1, "FP1"), row(2, "FP1")], end=""))) == [1, 2]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"\x00\x01\x02", "is a binary file"),
        (b"PK\x03\x04rest", "is a zip archive"),
        (b"a,b,c\n1,2,3\n", "line 1 is no row of any known format"),
    ],
)
def test_what_is_no_recording_is_said(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.txt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        recognise(path)
    assert str(path) in str(error.value)


def test_missing_files_and_folders_are_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        recognise(tmp_path / "absent.txt")
    with pytest.raises(UserError, match="is a folder"):
        recognise(tmp_path)


def test_a_hopeless_file_is_given_up_early(tmp_path: Path, row: MakeRow) -> None:
    path = _write(tmp_path, [row(event, "FP1", code=77) for event in range(1500)])
    with pytest.raises(UserError, match="none of the first 1000 rows can be used"):
        list(text_recording(path, HEADSETS["MW"]).read())


_LINES = st.lists(
    st.one_of(
        st.integers(0, 5).map(lambda event: file_line(event, "TP9")),
        st.tuples(st.integers(0, 5), st.sampled_from(["TP9", "FP1", "FP2", "TP10"])).map(lambda pair: file_line(*pair)),
        st.tuples(st.integers(0, 5), st.integers(-2, 11)).map(lambda pair: file_line(pair[0], "FP1", code=pair[1])),
        st.binary(max_size=30).map(lambda junk: junk.replace(b"\n", b"").replace(b"\r", b"")),
        st.just(b""),
    ),
    max_size=60,
)


def file_line(event: int, channel: str, code: int = 1) -> bytes:
    """Return a Muse row."""
    return f"0\t{event}\tMU\t{channel}\t{code}\t400\t{','.join(['500'] * 400)}".encode()


@given(_LINES, st.sampled_from([b"\n", b"\r\n"]))
def test_no_row_is_ever_lost(tmp_path: Path, lines: list[bytes], end: bytes) -> None:
    path = tmp_path / "fuzz.txt"
    path.write_bytes(end.join(lines) + end)
    chunks = _read(path, "MU", block_bytes=1000)
    # A byte order mark alone in the first line leaves that line empty.
    written = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert sum(chunk.rows_read for chunk in chunks) == sum(bool(line.strip()) for line in written)
    events = _events(chunks)
    assert len(events) == len(set(events))
    assert all(chunk.trials.signals.shape[1:] == (4, 400) for chunk in chunks if chunk.trials)
