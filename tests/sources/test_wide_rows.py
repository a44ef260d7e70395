from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.sources.rows import RefusedRow
from mindglyph.sources.wide_layout import Layout, NumberColumn, WordColumn, label_column
from mindglyph.sources.wide_rows import ParsedBlock, misses_its_end, parse_block, read_carefully

# A word, the label, two channels of EEG with one that is none between them, and a clock.
LAYOUT = Layout(
    n_columns=12,
    channels=("A", "X", "B"),
    starts=(2, 5, 8),
    n_times=3,
    extras={"PPG": ("X",)},
    numbers=(label_column(1), NumberColumn(11, "unix_time", whole=False)),
    words=(WordColumn(0, "set", ("train", "test")),),
)
ROW = "TRAIN,7,1,2,3,10,20,30,4.5,-5,6,1630000000.25"
PICTURE = Layout(n_columns=786, channels=("A",), starts=(785,), n_times=1, pixels=1, numbers=(label_column(0),))
SCALE = 0.5


def _parse(text: bytes, layout: Layout = LAYOUT) -> ParsedBlock:
    return parse_block(np.frombuffer(text, dtype=np.uint8), layout, SCALE)


def _careful(text: bytes, layout: Layout = LAYOUT) -> ParsedBlock:
    """Read a line by the careful reader alone."""
    empty = _parse(b"#" * (2 * layout.n_columns), layout)
    assert not empty.plain.any()
    read_carefully(text, layout, SCALE, empty, 0)
    return empty


def _agrees(text: bytes, layout: Layout = LAYOUT) -> bool:
    """Say whether the kernel vouches for a line, having made sure that the careful reader agrees."""
    fast = _parse(text, layout)
    if not fast.plain.any():
        return False
    careful = _careful(text, layout)
    for name in ("signals", "pixels", "numbers"):
        assert getattr(fast, name).tobytes() == getattr(careful, name).tobytes()
    assert fast.words == careful.words
    return True


def test_a_plain_row_is_read_whole() -> None:
    for end in (b"", b"\n", b"\r\n", b",\n"):
        assert _agrees(ROW.encode() + end)
    parsed = _parse(ROW.encode())
    np.testing.assert_array_equal(parsed.signals[0], [0.5, 1, 1.5, 10, 20, 30, 2.25, -2.5, 3])
    np.testing.assert_array_equal(parsed.numbers[0], [7, 1630000000.25])
    assert parsed.words == (["train"],)


@pytest.mark.parametrize(
    ("column", "token", "reason"),
    [
        (0, "VALID", "column 1 is none of train, test: 'VALID'"),
        (0, "", "column 1 is none of train, test: ''"),
        (1, "10", "column 2 is not between -1 and 9: '10'"),
        (1, "-2", "column 2 is not between -1 and 9: '-2'"),
        (1, "1.5", "column 2 is no whole number: '1.5'"),
        (1, "x", "column 2 is no number: 'x'"),
        (2, "", "column 3 is no number: ''"),
        (4, "nan", "column 5 is not finite: 'nan'"),
        (5, "-inf", "column 6 is not finite: '-inf'"),
        (10, "1e39", "column 11 is not finite: '1e39'"),
        (11, "soon", "column 12 is no number: 'soon'"),
        (11, "inf", "column 12 is not finite: 'inf'"),
        (3, "1,2", "has 13 of 12 columns"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(column: int, token: str, reason: str) -> None:
    tokens = ROW.split(",")
    tokens[column] = token
    text = ",".join(tokens).encode()
    assert not _parse(text).plain.any()
    with pytest.raises(RefusedRow) as refused:
        _careful(text)
    assert str(refused.value) == reason


def test_a_header_gives_the_column_its_name() -> None:
    named = replace(LAYOUT, header=tuple("abcdefghijkl"))
    with pytest.raises(RefusedRow, match=r"column 5 \(e\) is no number: '\?'"):
        _careful(ROW.replace(",3,", ",?,", 1).encode(), named)


@pytest.mark.parametrize("token", ["1e-40", "+1", " 1 ", '"1"', "1" * 30, "0.00000000000000000000000001"])
def test_an_unusual_number_is_read_by_the_careful_reader(token: str) -> None:
    text = ROW.replace(",1,", f",{token},", 1).encode()
    assert not _parse(text).plain.any()
    assert _careful(text).signals[0, 0] == np.float32(float(token.strip('"')) * SCALE)


def test_a_row_in_quotes_is_read() -> None:
    quoted = ",".join(f'"{token}"' for token in ROW.split(","))
    assert _careful(quoted.encode()).signals.tobytes() == _parse(ROW.encode()).signals.tobytes()
    assert _careful(quoted.encode()).words == (["train"],)


@pytest.mark.parametrize(
    ("token", "good"), [("0", True), ("255", True), ("12.0", True), ("256", False), ("-1", False), ("0.5", False)]
)
def test_pixels_are_whole_and_from_0_to_255(token: str, good: bool) -> None:
    pixels = ["7"] * 784
    pixels[9] = token
    text = f"3,{','.join(pixels)},1.5".encode()
    assert _agrees(text, PICTURE) == good
    if good:
        assert _parse(text, PICTURE).pixels[0, 9] == float(token)
    else:
        with pytest.raises(RefusedRow, match="column 11 is no pixel, whole and from 0 to 255"):
            _careful(text, PICTURE)


def test_the_shortest_row_has_room_and_a_line_without_any_is_refused() -> None:
    layout = replace(LAYOUT, words=(WordColumn(0, "source"),))
    assert _agrees(b",1" * 11, layout)
    assert _parse(b",1" * 11, layout).words == ([""],)
    for text in (b"," * 11, b",1" * 10 + b","):
        parsed = _parse(text + b"\n" + b"9,1" + b",2" * 10, layout)
        assert parsed.slot.tolist() == [-1, 0]
        with pytest.raises(RefusedRow, match="is no number: ''"):
            read_carefully(text, layout, SCALE, parsed, -1)
        assert parsed.words == (["9"],)


def test_a_row_that_breaks_off_is_told_from_a_bad_one() -> None:
    assert misses_its_end(ROW.encode()[:20], LAYOUT)
    assert misses_its_end(ROW.rsplit(",", 1)[0].encode() + b",", LAYOUT)
    assert misses_its_end(ROW.rsplit(",", 1)[0].encode() + b",-", LAYOUT)
    assert not misses_its_end(ROW.replace("7", "77", 1).encode(), LAYOUT)
    assert not misses_its_end(ROW.encode() + b",1", LAYOUT)


_TOKENS = st.one_of(
    st.integers(-10_000, 10_000).map(str),
    st.integers().map(str),
    st.floats().map(repr),
    st.decimals(-1e6, 1e6, places=6).map(str),
    st.sampled_from(["", "-", ".", "5.", ".5", "-0", "1e3", "+1", " 1", "nan", "1_0", '"1"', "train", "TEST", " Test"]),
    st.from_regex(r"-?[0-9]{0,20}\.[0-9]{0,20}", fullmatch=True),
    st.text(max_size=4).map(lambda text: text.replace("\n", "").replace("\r", "")),
)


@given(st.dictionaries(st.integers(0, 11), _TOKENS, max_size=3), st.sampled_from(["", ",", "\n", "\r\n", ",1", " "]))
def test_what_the_kernel_vouches_for_the_careful_reader_reads_the_same(changed: dict[int, str], end: str) -> None:
    tokens = ROW.split(",")
    for column, token in changed.items():
        tokens[column] = token
    text = (",".join(tokens) + end).encode("utf-8", "surrogatepass")
    try:
        _careful(text)
    except RefusedRow:
        assert not _parse(text).plain.any()
    else:
        _agrees(text)


@given(st.binary(max_size=500))
def test_any_bytes_are_cut_into_all_their_lines(text: bytes) -> None:
    parsed = _parse(text)
    pieces = [text[start:stop] for start, stop in zip(parsed.start, parsed.stop, strict=True)]
    assert b"\n".join(pieces) == text.removesuffix(b"\n")


def test_junk_takes_no_room() -> None:
    assert _parse(b"x\n" * 100_000).signals.nbytes == 0
