import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.sources.wide_numbers import LEFT_OUT, parse_list

_PLAIN = st.from_regex(r"-?[0-9]{0,15}", fullmatch=True) | st.from_regex(r"-?[0-9]{0,8}\.[0-9]{0,7}", fullmatch=True)
_LONG = st.from_regex(r"-?[0-9]{0,21}\.[0-9]{0,24}", fullmatch=True) | st.from_regex(r"-?[0-9]{1,25}", fullmatch=True)
_POWER = st.from_regex(r"-?[0-9]{0,18}\.?[0-9]{0,18}[eE][+-]?[0-9]{0,4}", fullmatch=True)
_ANY = st.one_of(
    _PLAIN,
    _LONG,
    _POWER,
    st.floats().map(repr),
    st.floats(width=32).map(lambda value: repr(float(value))),
    st.sampled_from(["", "-", ".", "-.", "5.", ".5", "-0", "007", "1e3", "+1", " 1", "1 ", "nan", "inf", "1_0", '"1"']),
    st.text(max_size=4),
)


def _parse(text: str, room: int = 1, scale: float = 1.0) -> tuple[int, np.ndarray]:
    out = np.zeros(room, dtype=np.float32)
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), dtype=np.uint8)
    return int(parse_list(data, scale, out)), out


def _exact(token: str, scale: float = 1.0) -> np.float32:
    with np.errstate(over="ignore"):
        return np.float32(float(token) * scale)


@given(_ANY, st.sampled_from([1.0, 1.25e6 / ((2**23 - 1) * 32), 0.1]))
def test_what_is_vouched_for_is_what_float_gives(token: str, scale: float) -> None:
    count, out = _parse(token, scale=scale)
    if count != LEFT_OUT and "," not in token:
        assert count == 1
        assert out[0].tobytes() == _exact(token, scale).tobytes()


@given(_PLAIN)
def test_every_plain_number_is_vouched_for(token: str) -> None:
    count, _ = _parse(token)
    assert (count == 1) == any(sign.isdigit() for sign in token)


# Beside the middle between two float32 the quotient, which is off by a unit in the last place, would round wrongly.
@given(st.integers(2**23, 2**24 - 1), st.sampled_from([("5", "0"), ("49", "9")]), st.integers(6, 10))
def test_a_long_number_beside_a_float32s_edge_is_never_rounded_wrongly(
    whole: int, half: tuple[str, str], more: int
) -> None:
    token = f"{whole}.{half[0]}{half[1] * more}"
    count, out = _parse(token)
    if count != LEFT_OUT:
        assert out[0].tobytes() == _exact(token).tobytes()


@given(st.floats(-1e6, 1e6).filter(lambda value: not value or abs(value) > 1e-5), st.booleans())
def test_numbers_as_programs_write_them_are_vouched_for(value: float, shouted: bool) -> None:
    token = repr(value).upper() if shouted else repr(value)
    count, out = _parse(token)
    assert count == 1, token
    assert out[0] == np.float32(value)


@pytest.mark.parametrize("token", ["6.103516E-05", "-1e3", "2.5e+2", "1e0", "123e-2", "0e0", "12345678901234567e-20"])
def test_powers_of_ten_are_vouched_for(token: str) -> None:
    count, out = _parse(token)
    assert count == 1
    assert out[0].tobytes() == _exact(token).tobytes()


_UNUSUAL = ["", "-", ".", "+1", " 1", "1 ", "nan", "inf", "-inf", '"1"', "1_0", "٣", "1;2"]
_UNUSUAL_POWERS = ["1e", "e1", "1e+", "1e-x", "1e23", "1e-30", "1e39", "1e0001", "1e1.5", "1E5E5", "9e18"]


@pytest.mark.parametrize("token", [*_UNUSUAL, *_UNUSUAL_POWERS])
def test_what_is_unusual_is_left_to_the_careful_reader(token: str) -> None:
    assert _parse(token)[0] == LEFT_OUT


@given(st.lists(st.decimals(-1000, 1000, places=4).map(str), min_size=1, max_size=30), st.integers(0, 40))
def test_a_list_is_counted_whole_and_kept_as_far_as_there_is_room(tokens: list[str], room: int) -> None:
    count, out = _parse(",".join(tokens), room)
    assert count == len(tokens)
    kept = min(count, room)
    np.testing.assert_array_equal(out[:kept], [_exact(token) for token in tokens[:kept]])
    np.testing.assert_array_equal(out[kept:], 0)


def test_a_comma_without_a_number_is_no_list() -> None:
    assert _parse("1,2,", 3)[0] == LEFT_OUT
    assert _parse(",1", 3)[0] == LEFT_OUT
    assert _parse("1,,2", 3)[0] == LEFT_OUT


def test_a_value_beyond_float32_is_not_vouched_for_as_finite() -> None:
    count, out = _parse("9" * 19, scale=1e15)
    assert count == 1
    assert math.isfinite(out[0])
