from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.errors import UserError
from mindglyph.sources.wide_layout import (
    ColumnRun,
    channel_layout,
    column_runs,
    first_lines,
    label_column,
    read_header,
    split_header,
)

FILE = Path("table.csv")


def test_columns_of_one_name_and_running_number_belong_together() -> None:
    header = ["label", "pix0", "pix1", "AF3-0", "AF3-1", "F7-0", "F7-1", "F7-3", "Fz"]
    assert column_runs(header, "-") == [
        ColumnRun("label", 0, 1, None),
        ColumnRun("pix", 1, 2, 0),
        ColumnRun("AF3", 3, 2, 0),
        ColumnRun("F7", 5, 2, 0),
        ColumnRun("F7", 7, 1, 3),
        ColumnRun("Fz", 8, 1, None),
    ]
    assert column_runs(["0", "1", "label_imgpix_0", "label_imgpix_1", "label_pos"], "_") == [
        ColumnRun("", 0, 2, 0),
        ColumnRun("label_imgpix", 2, 2, 0),
        ColumnRun("label_pos", 4, 1, None),
    ]


@given(st.lists(st.text("AF3-_01 ", max_size=6), max_size=30), st.sampled_from("-_"))
def test_every_column_is_in_one_run(header: list[str], separator: str) -> None:
    runs = column_runs(header, separator)
    assert [column for run in runs for column in range(run.start, run.start + run.count)] == list(range(len(header)))


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("label,A-0,A-1,B-0", r"channel B has 1 columns in line 1, up to column 4 \('B-0'\), and others have 2"),
        ("label,A-0,A-1,B-1,B-2", r"column 4 \('B-1'\) of line 1 does not follow on the column before it"),
        ("label,A-0,A-2", r"column 3 \('A-2'\) of line 1 does not follow"),
        ("label,A-0,A-1,B-0,B-1,A-2,A-3", r"column 6 \('A-2'\) of line 1 does not follow"),
        ("label,A-0,A-1,A-0", r"column 4 \('A-0'\) of line 1 does not follow"),
        ("label,PPG1-0,PPG1-1", "line 1 names no EEG channel"),
        ("label", "line 1 names no EEG channel"),
    ],
)
def test_an_incomplete_channel_is_named(header: str, message: str) -> None:
    names = tuple(header.split(","))
    channels = [run for run in column_runs(names, "-") if run.start]
    kind = {"PPG1": "PPG"}.get
    with pytest.raises(UserError, match=message) as error:
        channel_layout(FILE, names, channels, None, [label_column(0)], extra_of=kind)
    assert str(error.value).startswith("table.csv: ")


def test_a_header_is_read_through_marks_quotes_and_spaces(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(b'\xef\xbb\xbf"label", "AF3-0",AF3-1 ,\r\n1,2,3\r\n')
    assert read_header(path) == ("label", "AF3-0", "AF3-1")
    assert split_header(b"") == ("",)
    assert list(first_lines(path))[1] == b"1,2,3\r\n"
