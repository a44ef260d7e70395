"""Reads plain rows of the 2014-15 text files as fast as the memory gives them.

The kernel vouches for what it reads: seven fields, a channel of the headset, `size` values, each
of at most fifteen digits. A number of fifteen digits and a power of ten up to 10^22 are exact as
float64, so their quotient is what `float()` gives, to the last bit (Clinger 1990,
https://doi.org/10.1145/93542.93557). Whatever is unusual it leaves to `rows.parse_row`, which
decides and gives the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit

from mindglyph.headsets import Headset
from mindglyph.sources.rows import MINIMUM_SHARE

_TAB, _LINE_FEED, _RETURN, _COMMA, _MINUS, _POINT = 9, 10, 13, 44, 45, 46
_MOST_DIGITS = 15
_POWERS = 10.0 ** np.arange(_MOST_DIGITS + 1)
_LEFT_OUT = -1


@dataclass(frozen=True)
class ParsedLines:
    """Lines of a block; those that the kernel vouches for with their fields and values.

    Attributes
    ----------
    start, stop : ndarray, shape (n_lines,)
        Place of each line in the block, without its end.
    slot : ndarray, shape (n_lines,)
        Row of `values`, or -1 where the line is left to the careful reader.
    row_id, event, channel, code, size : ndarray, shape (n_lines,)
        The fields; `channel` counts in the headset's order. `size` is the number of values, too.
    values : ndarray, shape (n_slots, n_times)
        float32, cropped or padded with the edge value to the nominal length.
    """

    start: np.ndarray
    stop: np.ndarray
    slot: np.ndarray
    row_id: np.ndarray
    event: np.ndarray
    channel: np.ndarray
    code: np.ndarray
    size: np.ndarray
    values: np.ndarray


def parse_lines(block: bytes | bytearray, headset: Headset) -> ParsedLines:
    """Read the lines of a block.

    Parameters
    ----------
    block : bytes
        Whole lines; the last may lack its end.
    headset : Headset
        Whose rows they are.

    Returns
    -------
    ParsedLines
        One entry a line, empty ones included.
    """
    text = np.frombuffer(block, dtype=np.uint8)
    ends = np.flatnonzero(text == _LINE_FEED)
    if len(text) and (not len(ends) or ends[-1] != len(text) - 1):
        ends = np.append(ends, len(text))
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    fewest = int(np.ceil(MINIMUM_SHARE * headset.n_times))
    # A line too short for its values gets no room for them: junk must not cost memory.
    long_enough = ends - starts >= 2 * fewest
    slot = np.where(long_enough, np.cumsum(long_enough) - 1, _LEFT_OUT)
    fields = np.zeros((5, len(ends)), dtype=np.int64)
    values = np.empty((int(long_enough.sum()), headset.n_times), dtype=np.float32)
    device = np.frombuffer(headset.code.encode(), dtype=np.uint8)
    names = b"\t".join(name.encode() for name in headset.channels) + b"\t"
    _parse(text, starts, ends, device, np.frombuffer(names, dtype=np.uint8), fewest, slot, fields, values)
    row_id, event, channel, code, size = fields
    return ParsedLines(starts, ends, slot, row_id, event, channel, code, size, values)


@njit(nogil=True, cache=True)
def _parse(
    text: Any, starts: Any, stops: Any, device: Any, names: Any, fewest: int, slot: Any, fields: Any, values: Any
) -> None:
    for line in range(len(starts)):
        if slot[line] == _LEFT_OUT:
            continue
        stop = stops[line]
        if stop > starts[line] and text[stop - 1] == _RETURN:
            stop -= 1
        place = starts[line]
        row_id, place = _whole_number(text, place, stop)
        event, place = _whole_number(text, place, stop)
        place = _expected(text, place, stop, device)
        channel, place = _channel(text, place, stop, names)
        code, place = _whole_number(text, place, stop)
        size, place = _whole_number(text, place, stop)
        good = place > 0 and -1 <= code <= 9 and size >= fewest
        if good and _values(text, place, stop, size, values[slot[line]]):
            fields[0, line] = row_id
            fields[1, line] = event
            fields[2, line] = channel
            fields[3, line] = code
            fields[4, line] = size
        else:
            slot[line] = _LEFT_OUT


@njit(nogil=True, cache=True)
def _whole_number(text: Any, place: int, stop: int) -> tuple[int, int]:
    """Return a number and the place behind the tab after it; place 0 says that there is none."""
    negative = 0 < place < stop and text[place] == _MINUS
    if negative:
        place += 1
    first, number = place, 0
    if place < 0:
        return 0, _LEFT_OUT
    while place < stop and 48 <= text[place] <= 57:
        number = 10 * number + (text[place] - 48)
        place += 1
    if place == first or place - first > _MOST_DIGITS or place >= stop or text[place] != _TAB:
        return 0, _LEFT_OUT
    return (-number if negative else number), place + 1


@njit(nogil=True, cache=True)
def _expected(text: Any, place: int, stop: int, wanted: Any) -> int:
    if place < 0 or place + len(wanted) >= stop:
        return _LEFT_OUT
    for letter in wanted:
        if text[place] != letter:
            return _LEFT_OUT
        place += 1
    return place + 1 if text[place] == _TAB else _LEFT_OUT


@njit(nogil=True, cache=True)
def _channel(text: Any, place: int, stop: int, names: Any) -> tuple[int, int]:
    """Return which of the tab-separated `names` stands there, and the place behind it."""
    if place < 0:
        return 0, _LEFT_OUT
    channel = here = 0
    for at in range(len(names)):
        if here >= 0 and place + here < stop and text[place + here] == names[at]:
            here += 1
            if names[at] == _TAB:
                return channel, place + here
        else:
            here = -1
        if names[at] == _TAB:
            channel += 1
            here = 0
    return 0, _LEFT_OUT


@njit(nogil=True, cache=True)
def _values(text: Any, place: int, stop: int, size: int, out: Any) -> bool:
    """Read exactly `size` numbers between commas into `out`, cropped or padded; say whether all were plain."""
    count = 0
    wanted = len(out)
    while True:
        negative = place < stop and text[place] == _MINUS
        if negative:
            place += 1
        digits = decimals = mantissa = 0
        while place < stop and 48 <= text[place] <= 57:
            mantissa = 10 * mantissa + (text[place] - 48)
            digits += 1
            place += 1
        if place < stop and text[place] == _POINT:
            place += 1
            before = digits
            while place < stop and 48 <= text[place] <= 57:
                mantissa = 10 * mantissa + (text[place] - 48)
                digits += 1
                place += 1
            decimals = digits - before
        if digits == 0 or digits > _MOST_DIGITS or count >= size:
            return False
        if count < wanted:
            value = mantissa / _POWERS[decimals]
            out[count] = -value if negative else value
        count += 1
        if place >= stop:
            break
        if text[place] != _COMMA:
            return False
        place += 1
    if count != size:
        return False
    for missing in range(count, wanted):
        out[missing] = out[count - 1]
    return True
