from collections.abc import Callable
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.headsets import HEADSETS
from mindglyph.sources.rows import RefusedRow, Row, device_of, parse_row

MakeRow = Callable[..., str]


def _parse(text: str, headset: str = "MW") -> Row:
    return parse_row(text.encode(), 7, 100, HEADSETS[headset])


def test_a_good_row_is_read_whole(row: MakeRow) -> None:
    parsed = _parse(row(5, "FP1", code=9, values=range(1000)))
    assert (parsed.line, parsed.position, parsed.event, parsed.channel, parsed.code) == (7, 100, 5, "FP1", 9)
    assert (parsed.n_samples, parsed.n_stated, parsed.cut, parsed.decimal_comma) == (1000, 1000, False, False)
    np.testing.assert_array_equal(parsed.values, np.arange(880, dtype=np.float32))


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"device": "XX"}, "device 'XX' is unknown"),
        ({"device": "EP"}, "device EP in a file of MW"),
        ({"channel": "O1"}, "channel 'O1' is none of MW's"),
        ({"code": 10}, "code 10 is not between -1 and 9"),
        ({"code": "x"}, "code 'x' is no whole number"),
        ({"event": "1.5"}, "event '1.5' is no whole number"),
        ({"event": 10**30}, "beyond all bounds"),
        ({"size": 881}, "holds 880 values where size says 881"),
        ({"size": 879}, "holds 880 "),
        ({"data": "1," * 879 + "x"}, "value 880 is no number: 'x'"),
        ({"data": "1," * 879}, "value 880 is no number: ''"),
        ({"data": "1," * 879 + "nan"}, "value 880 is not finite"),
        ({"data": "1," * 879 + "1e39"}, "value 880 is not finite"),
        ({"data": "1\t2"}, "has 8 of 7"),
    ],
)
def test_a_bad_row_is_refused_with_its_reason(row: MakeRow, fields: dict[str, object], reason: str) -> None:
    with pytest.raises(RefusedRow, match=reason):
        _parse(row(5, "FP1", **fields))


def test_a_short_row_is_padded_down_to_nine_tenths(row: MakeRow) -> None:
    parsed = _parse(row(5, "FP1", values=range(792)))
    assert parsed.n_samples == 792
    np.testing.assert_array_equal(parsed.values[792:], 791.0)
    with pytest.raises(RefusedRow, match="too short: 791 of 880"):
        _parse(row(5, "FP1", values=range(791)))


def test_a_decimal_comma_is_understood(row: MakeRow) -> None:
    values = [f"{4200 + place * 20 / 39:.6f}" for place in range(256)]
    exact = np.array(values, dtype=np.float32)
    everywhere = row(5, "AF3", headset="EP", data=",".join(values).replace(".", ","), size=256)
    parsed = _parse(everywhere, "EP")
    assert parsed.decimal_comma
    np.testing.assert_array_equal(parsed.values, exact)
    # 4200 and 4220 have no decimals in such files.
    bare = [value.removesuffix(".000000") for value in values]
    assert any("." not in value for value in bare)
    parsed = _parse(row(5, "AF3", headset="EP", data=",".join(bare).replace(".", ","), size=256), "EP")
    np.testing.assert_array_equal(parsed.values, exact)


def test_whole_numbers_beyond_size_are_no_decimal_commas(row: MakeRow) -> None:
    with pytest.raises(RefusedRow, match="no decimal commas"):
        _parse(row(5, "AF3", headset="EP", values=range(4200, 4712), size=256), "EP")
    with pytest.raises(RefusedRow, match="holds 1760 values where size says 880"):
        _parse(row(5, "FP1", values=range(1760), size=880))


def test_a_spreadsheet_row_is_recovered_and_marked(row: MakeRow) -> None:
    head, data = row(5, "FP1", values=range(1000), size=1017).rsplit("\t", 1)
    first, rest = data.split(",", 1)
    parsed = _parse(f'"{head}\t{first}",{rest},,,')
    assert (parsed.n_samples, parsed.n_stated, parsed.cut) == (1000, 1017, True)
    with pytest.raises(RefusedRow, match="nothing but commas"):
        _parse(",,,,")


def test_the_device_of_a_line() -> None:
    assert device_of(b"\xef\xbb\xbf1\t2\tMU\tTP9\t3\t4\t5") == "MU"
    assert device_of(b"1\t2\tXX\tTP9\t3\t4\t5") is None
    assert device_of(b"no fields") is None


@given(st.binary(max_size=200))
def test_no_bytes_do_anything_but_be_refused(text: bytes) -> None:
    with pytest.raises(RefusedRow):
        parse_row(text, 1, 0, HEADSETS["MW"])


_FIELD = st.one_of(
    st.integers().map(str), st.sampled_from(["MW", "FP1", "", " ", '"', "1_0", "٣"]), st.text(max_size=5)
)


@given(st.lists(_FIELD, min_size=7, max_size=7))
def test_any_fields_give_a_row_or_a_reason(fields: list[str]) -> None:
    text = "\t".join(fields).encode("utf-8", "surrogatepass")
    with suppress(RefusedRow):
        parsed = parse_row(text, 1, 0, HEADSETS["MW"])
        assert parsed.values is not None
        assert np.isfinite(parsed.values).all()
