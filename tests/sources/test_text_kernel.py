from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.headsets import HEADSETS, Headset
from mindglyph.sources.rows import RefusedRow, parse_row
from mindglyph.sources.text_kernel import ParsedLines, parse_lines

MakeRow = Callable[..., str]
MW, MU = HEADSETS["MW"], HEADSETS["MU"]


def _parse(text: bytes, headset: Headset = MW) -> ParsedLines:
    return parse_lines(np.frombuffer(text, dtype=np.uint8), headset)


def _agrees(text: bytes, headset: Headset) -> bool:
    """Say whether the kernel vouches for a line, having made sure that the careful reader agrees."""
    lines = _parse(text, headset)
    if not len(lines.slot) or lines.slot[0] < 0:
        return False
    careful = parse_row(text, 1, 0, headset)
    assert not careful.cut
    assert not careful.decimal_comma
    found = (lines.row_id[0], lines.event[0], headset.channels[lines.channel[0]], lines.code[0], lines.size[0])
    assert found == (careful.row_id, careful.event, careful.channel, careful.code, careful.n_samples)
    assert careful.n_stated == careful.n_samples
    assert careful.values is not None
    assert lines.values[lines.slot[0]].tobytes() == careful.values.tobytes()
    return True


def test_every_real_row_is_vouched_for(real_rows: Path) -> None:
    text = (real_rows / "MW-excerpt.txt").read_bytes()
    lines = _parse(text)
    assert (lines.slot >= 0).all()
    for line in text.splitlines(keepends=True):
        assert _agrees(line, MW)


@pytest.mark.parametrize("code", list(HEADSETS))
def test_every_channel_of_every_headset_is_known(row: MakeRow, code: str) -> None:
    headset = HEADSETS[code]
    for channel in headset.channels:
        assert _agrees(row(5, channel, headset=code).encode(), headset)


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("length", [792, 880, 1000])
def test_lengths_and_line_ends(row: MakeRow, end: bytes, length: int) -> None:
    assert _agrees(row(5, "FP1", values=range(length)).encode() + end, MW)


_TOKENS = st.one_of(
    st.integers(-10_000, 10_000).map(str),
    st.integers().map(str),
    st.floats(allow_nan=True).map(repr),
    st.decimals(-1e6, 1e6, places=6).map(str),
    st.sampled_from(
        ["", "-", ".", "5.", ".5", "-0", "-.5", "00012", "1e3", "+1", " 1", "1 ", "nan", "inf", "1_0", "0x1"]
    ),
    st.from_regex(r"-?[0-9]{0,18}\.[0-9]{0,18}", fullmatch=True),
    st.text(max_size=4).map(lambda text: text.replace("\n", "").replace("\r", "")),
)


@given(st.lists(_TOKENS, min_size=1, max_size=8), st.integers(0, 400), st.integers(-2, 2))
def test_what_the_kernel_vouches_for_the_careful_reader_reads_the_same(tokens: list[str], place: int, off: int) -> None:
    values = ["500"] * 400
    values[place:place] = tokens
    text = f"1\t2\tMU\tFP2\t7\t{len(values) + off}\t{','.join(values)}".encode("utf-8", "surrogatepass")
    try:
        parse_row(text, 1, 0, MU)
    except RefusedRow:
        assert not _agrees(text, MU)
    else:
        _agrees(text, MU)


_FIELDS = st.one_of(st.sampled_from(["MU", "TP9", "FP1", "TP", "7", "-1", "10", "400", "-0", "", " "]), _TOKENS)


@given(st.lists(_FIELDS, min_size=5, max_size=7))
def test_fields_that_are_unusual_are_left_to_the_careful_reader(fields: list[str]) -> None:
    text = "\t".join([*fields[:6], ",".join(["500"] * 400), *fields[6:]]).encode("utf-8", "surrogatepass")
    try:
        parse_row(text, 1, 0, MU)
    except RefusedRow:
        assert not _agrees(text, MU)
    else:
        _agrees(text, MU)


@given(st.binary(max_size=3000), st.sampled_from(list(HEADSETS.values())))
def test_any_bytes_are_cut_into_all_their_lines(text: bytes, headset: Headset) -> None:
    lines = _parse(text, headset)
    pieces = [text[start:stop] for start, stop in zip(lines.start, lines.stop, strict=True)]
    assert b"\n".join(pieces) == text.removesuffix(b"\n")


def test_junk_takes_no_room() -> None:
    assert _parse(b"x\n" * 100_000).values.nbytes == 0
