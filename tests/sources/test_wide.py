import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS
from mindglyph.sources.recording import Chunk, ImportSettings, Recording, Refusal
from mindglyph.sources.wide import WideFormat, in_words, wide_recording
from mindglyph.sources.wide_layout import Layout, NumberColumn, WordColumn, label_column
from mindglyph.store import Store, write_store
from mindglyph.trials import Trials, make_info

LAYOUT = Layout(
    n_columns=9,
    channels=("Fz", "PPG1", "Cz"),
    starts=(3, 5, 7),
    n_times=2,
    extras={"PPG": ("PPG1",)},
    numbers=(label_column(1), NumberColumn(2, "unix_time", whole=False)),
    words=(WordColumn(0, "set", ("train", "test")),),
)
WIDE = WideFormat("tiny", "a tiny table", "a tiny headset", make_info(["Fz", "Cz"], 100.0), LAYOUT)


def _row(label: int = 3, time: float = 1000.0, value: float = 1.5) -> str:
    return f"TRAIN,{label},{time},{value},2,30,40,-5,-6"


def _write(folder: Path, rows: list[str], end: str = "\n") -> Path:
    path = folder / "table.csv"
    path.write_text("\n".join(rows) + end)
    return path


def _recording(path: Path, wide: WideFormat = WIDE, block_bytes: int = 200, **settings: object) -> Recording:
    return wide_recording(path, ImportSettings(**settings), wide, block_bytes)


def _read(path: Path, wide: WideFormat = WIDE, block_bytes: int = 200, **settings: object) -> list[Chunk]:
    chunks = list(_recording(path, wide, block_bytes, **settings).read())
    assert sum(chunk.rows_read for chunk in chunks) == len(_lines(chunks)) + len(_refusals(chunks))
    return chunks


def _trials(chunks: list[Chunk]) -> list[Trials]:
    return [chunk.trials for chunk in chunks if chunk.trials]


def _lines(chunks: list[Chunk]) -> list[int]:
    return [line for trials in _trials(chunks) for line in trials.metadata["line"]]


def _refusals(chunks: list[Chunk]) -> list[Refusal]:
    return [refusal for chunk in chunks for refusal in chunk.refusals]


def test_a_row_becomes_a_trial_with_all_its_parts(tmp_path: Path) -> None:
    (trials,) = _trials(_read(_write(tmp_path, [_row(time=1630000000.5)])))
    np.testing.assert_array_equal(trials.signals, [[[1.5, 2], [-5, -6]]])
    np.testing.assert_array_equal(trials.extras["PPG"].signals, [[[30, 40]]])
    assert (trials.extras["PPG"].ch_names, trials.extras["PPG"].sfreq) == (("PPG1",), 100.0)
    assert trials.labels.tolist() == [3]
    assert trials.labels.dtype == np.int64
    assert trials.images is None
    assert trials.metadata.to_dict("records") == [
        {
            "event": 0,
            "unix_time": 1630000000.5,
            "set": "train",
            "onset_s": 0.0,
            "simulated": False,
            "n_samples": 2,
            "file": "table.csv",
            "line": 1,
        }
    ]


def test_trials_go_through_in_blocks_and_keep_their_lines(tmp_path: Path) -> None:
    rows = [_row(time=1000.0 + number, value=number) for number in range(100)]
    rows[40] = rows[40].replace("TRAIN", "NONE")
    chunks = _read(_write(tmp_path, rows))
    assert len(_trials(chunks)) > 10
    assert _lines(chunks) == [line for line in range(1, 101) if line != 41]
    values = np.concatenate([trials.signals[:, 0, 0] for trials in _trials(chunks)])
    np.testing.assert_array_equal(values, [number for number in range(100) if number != 40])
    onsets = np.concatenate([trials.metadata["onset_s"] for trials in _trials(chunks)])
    np.testing.assert_array_equal(onsets, values)
    (refused,) = _refusals(chunks)
    assert (refused.line, refused.file, refused.text.decode()) == (41, "table.csv", rows[40])
    assert refused.reason == "column 1 is none of train, test: 'NONE'"
    positions = [chunk.position for chunk in chunks]
    assert positions == sorted(positions)
    assert positions[-1] == (tmp_path / "table.csv").stat().st_size


@pytest.mark.parametrize(("mark", "end", "last"), [("\ufeff", "\n", ""), ("", "\r\n", "\r\n"), ("\ufeff", "\r\n", "")])
def test_marks_and_line_ends_of_other_systems_are_tolerated(tmp_path: Path, mark: str, end: str, last: str) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes((mark + end.join([_row(), "", _row(), "  ", _row()]) + last).encode())
    chunks = _read(path)
    assert _lines(chunks) == [1, 3, 5]
    assert not _refusals(chunks)


def test_a_header_is_no_row_and_names_the_columns(tmp_path: Path) -> None:
    named = replace(WIDE, layout=replace(LAYOUT, header=tuple("abcdefghi")))
    header = ",".join(named.layout.header)
    chunks = _read(_write(tmp_path, [header, _row(), _row(label=12), header]), named)
    assert _lines(chunks) == [2]
    assert _trials(chunks)[0].metadata["event"].tolist() == [0]
    assert [(refusal.line, refusal.reason) for refusal in _refusals(chunks)] == [
        (3, "column 2 (b) is not between -1 and 9: '12'"),
        (4, "column 1 (a) is none of train, test: 'a'"),
    ]


def test_a_header_of_numbers_is_no_row_either(tmp_path: Path) -> None:
    layout = Layout(5, ("Fz", "Cz"), (1, 3), 2, numbers=(label_column(0),), header=("1", "2", "3", "4", "5"))
    chunks = _read(_write(tmp_path, ["1,2,3,4,5", "1,6,7,8,9"]), replace(WIDE, layout=layout))
    assert _lines(chunks) == [2]


def test_unusual_rows_are_read_in_their_place(tmp_path: Path) -> None:
    rows = [_row(), _row().replace("1.5", '"1.5"'), _row().replace("1.5", " +1.5"), _row()]
    chunks = _read(_write(tmp_path, rows))
    assert _lines(chunks) == [1, 2, 3, 4]
    assert all((trials.signals[:, 0, 0] == 1.5).all() for trials in _trials(chunks))


def test_duplicates_are_kept(tmp_path: Path) -> None:
    assert _lines(_read(_write(tmp_path, [_row()] * 5))) == [1, 2, 3, 4, 5]


def test_a_clock_in_milliseconds_is_told(tmp_path: Path) -> None:
    (trials,) = _trials(_read(_write(tmp_path, [_row(time=1.68e12), _row(time=1.68e12 + 1500)]), block_bytes=1000))
    assert trials.metadata["unix_time"].tolist() == [1.68e9, 1.68e9 + 1.5]
    assert trials.metadata["onset_s"].tolist() == [0, 1.5]


def test_a_clock_of_years_to_come_says_that_the_recording_is_simulated(tmp_path: Path) -> None:
    (trials,) = _trials(_read(_write(tmp_path, [_row(time=4.2e9)])))
    assert trials.metadata["simulated"].all()


def test_microvolts_scale_the_eeg_and_nothing_else(tmp_path: Path) -> None:
    path = _write(tmp_path, [_row(), _row().replace("1.5", "+1.5")])
    for wide, settings in ((WIDE, {"microvolts": 0.1}), (replace(WIDE, microvolts=0.1), {})):
        for trials in _trials(_read(path, wide, **settings)):
            np.testing.assert_array_equal(trials.signals[:, 0], np.float32([[0.15, 0.2]] * len(trials)))
            np.testing.assert_array_equal(trials.extras["PPG"].signals[:, 0], [[30, 40]] * len(trials))
    with pytest.raises(UserError, match="beyond all sense"):
        _recording(path, microvolts=1e20)


def test_a_gzipped_file_is_read_as_it_lies(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress("\n".join([_row()] * 500).encode()))
    recording = _recording(path)
    chunks = list(recording.read())
    assert len(_lines(chunks)) == 500
    assert chunks[-1].position == recording.size


def test_a_gzipped_file_that_breaks_off_is_said(tmp_path: Path) -> None:
    path = tmp_path / "table.csv.gz"
    path.write_bytes(gzip.compress("\n".join([_row(value=number) for number in range(500)]).encode())[:-30])
    with pytest.raises(UserError, match="table.csv.gz: cannot be read to its end .*: fetch it again"):
        list(_recording(path).read())


def test_a_file_that_breaks_off_is_refused_unless_accepted(tmp_path: Path) -> None:
    path = _write(tmp_path, [_row(), _row(), _row()[:12]], end="")
    with pytest.raises(UserError, match=r"ends in the middle of line 3 .*--accept-cut"):
        list(_recording(path).read())
    chunks = _read(path, accept_cut=True)
    assert _lines(chunks) == [1, 2]
    assert [(refusal.line, refusal.reason) for refusal in _refusals(chunks)] == [(3, "has 3 of 9 columns")]


def test_a_last_row_without_a_line_end_is_kept_or_refused_as_any_other(tmp_path: Path) -> None:
    assert _lines(_read(_write(tmp_path, [_row(), _row()], end=""))) == [1, 2]
    chunks = _read(_write(tmp_path, [_row(), _row(label=11)], end=""))
    assert [refusal.reason for refusal in _refusals(chunks)] == ["column 2 is not between -1 and 9: '11'"]


def test_a_hopeless_file_is_given_up_early(tmp_path: Path) -> None:
    path = _write(tmp_path, [_row(label=77)] * 1500)
    with pytest.raises(UserError, match=r"none of the first 1000 rows can be used \(line 1000: .*is it a file of tiny"):
        list(_recording(path).read())


def test_many_refused_rows_are_passed_on_in_pieces(tmp_path: Path) -> None:
    chunks = _read(_write(tmp_path, [_row(), *["junk"] * 5000]), block_bytes=1 << 20)
    assert len(_refusals(chunks)) == 5000
    assert max(len(chunk.refusals) for chunk in chunks) <= 1024


def test_the_store_holds_what_the_file_holds(tmp_path: Path) -> None:
    rows = [_row(label=number, time=2000 - number, value=number) for number in range(10)]
    path = _write(tmp_path, [*rows, "junk"])
    report = write_store(tmp_path / "store", _recording(path, replace(WIDE, order=("unix_time",))))
    assert (report["rows_read"], report["rows_kept"], report["rows_rejected"]) == (11, 10, 1)
    trials = Store(tmp_path / "store").trials()
    assert trials.labels.tolist() == list(range(9, -1, -1))
    np.testing.assert_array_equal(trials.signals[:, 0, 0], trials.labels)
    assert trials.extras["PPG"].signals.shape == (10, 1, 2)
    assert (np.diff(trials.metadata["unix_time"]) > 0).all()


def test_what_a_file_holds_is_said_in_words() -> None:
    assert in_words(HEADSETS["EP"], LAYOUT) == "Emotiv EPOC, 2 channels, beside them PPG, 2 samples at 128 Hz"
    cap = replace(HEADSETS["EP"], name="cap of 1 channels")
    pictured = Layout(785, ("Fz",), (784,), 1, pixels=0)
    assert in_words(cap, pictured) == "cap of 1 channels, 1 samples at 128 Hz, with the pictures shown"


_LINES = st.lists(
    st.one_of(
        st.just(_row().encode()),
        st.integers(-3, 12).map(lambda label: _row(label).encode()),
        st.floats().map(lambda value: _row(value=value).encode()),
        st.just(_row().encode()[:-5]),
        st.binary(max_size=40).map(lambda junk: junk.replace(b"\n", b"").replace(b"\r", b"")),
        st.just(b""),
    ),
    max_size=60,
).filter(lambda lines: not lines or not lines[0].startswith(b"\x1f\x8b"))


@given(_LINES, st.sampled_from([b"\n", b"\r\n"]), st.integers(20, 500))
def test_no_row_is_ever_lost(tmp_path: Path, lines: list[bytes], end: bytes, block_bytes: int) -> None:
    path = tmp_path / "fuzz.csv"
    content = end.join(lines) + end
    path.write_bytes(content)
    chunks = _read(path, block_bytes=block_bytes)
    marked = content.removeprefix(b"\xef\xbb\xbf").split(b"\n")
    assert sum(chunk.rows_read for chunk in chunks) == sum(bool(line.strip()) for line in marked)
    lines_seen = sorted([*_lines(chunks), *(refusal.line for refusal in _refusals(chunks))])
    assert lines_seen == [number for number, line in enumerate(marked, start=1) if line.strip()]
    assert all(np.isfinite(trials.signals).all() for trials in _trials(chunks))
