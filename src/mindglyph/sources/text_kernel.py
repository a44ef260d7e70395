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
from numba import njit, types

from mindglyph.headsets import Headset
from mindglyph.sources.rows import MINIMUM_SHARE

_TAB, _LINE_FEED, _RETURN, _COMMA, _MINUS, _POINT = (np.uint8(ord(sign)) for sign in "\t\n\r,-.")
_ZERO = np.uint8(ord("0"))
# Places in the text are unsigned: for a signed one numba would look whether it counts from the end.
_NONE, _ONE = np.uint64(0), np.uint64(1)
_MOST_DIGITS = np.uint64(15)
_POWERS = 10.0 ** np.arange(16)
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


def parse_lines(text: np.ndarray, headset: Headset) -> ParsedLines:
    """Read the lines of a block.

    Parameters
    ----------
    text : ndarray of uint8
        Whole lines; the last may lack its end.
    headset : Headset
        Whose rows they are.

    Returns
    -------
    ParsedLines
        One entry a line, empty ones included.
    """
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
    device = np.frombuffer(headset.code.encode() + b"\t", dtype=np.uint8)
    names = np.frombuffer(b"".join(name.encode() + b"\t" for name in headset.channels), dtype=np.uint8)
    _parse(text, starts.astype(np.uint64), ends.astype(np.uint64), device, names, fewest, slot, fields, values)
    row_id, event, channel, code, size = fields
    return ParsedLines(starts, ends, slot, row_id, event, channel, code, size, values)


@njit(nogil=True, cache=True)
def _whole_number(text: Any, place: Any, stop: Any) -> Any:
    """Return a number and the place behind the tab after it, which is `stop` where there is none."""
    negative = place < stop and text[place] == _MINUS
    if negative:
        place += _ONE
    first, number = place, np.int64(0)
    while place < stop:
        digit = np.uint8(text[place] - _ZERO)
        if digit > 9:
            break
        number = 10 * number + np.int64(digit)
        place += _ONE
    if place == first or place - first > _MOST_DIGITS or place >= stop or text[place] != _TAB:
        return np.int64(0), stop
    return (-number if negative else number), place + _ONE


@njit(nogil=True, cache=True)
def _channel(text: Any, place: Any, stop: Any, names: Any) -> Any:
    """Return which of the names, each with a tab behind it, stands there, and the place behind that."""
    channel, here = np.int64(0), place
    matches = True
    for sign in names:
        matches = matches and here < stop and text[here] == sign
        here += _ONE
        if sign == _TAB:
            if matches:
                return channel, here
            channel, here, matches = channel + 1, place, True
    return np.int64(0), stop


@njit(nogil=True, cache=True)
def _values(text: Any, place: Any, stop: Any, size: int, out: Any) -> Any:
    """Read exactly `size` numbers between commas into `out`, cropped or padded; say whether all were plain."""
    count, wanted = 0, len(out)
    while True:
        negative = place < stop and text[place] == _MINUS
        if negative:
            place += _ONE
        first, mantissa, decimals = place, np.int64(0), _NONE
        while place < stop:
            digit = np.uint8(text[place] - _ZERO)
            if digit > 9:
                break
            mantissa = 10 * mantissa + np.int64(digit)
            place += _ONE
        digits = place - first
        if place < stop and text[place] == _POINT:
            place += _ONE
            first = place
            while place < stop:
                digit = np.uint8(text[place] - _ZERO)
                if digit > 9:
                    break
                mantissa = 10 * mantissa + np.int64(digit)
                place += _ONE
            decimals = place - first
            digits += decimals
        if digits == _NONE or digits > _MOST_DIGITS or count >= size:
            return False
        if count < wanted:
            value = mantissa / _POWERS[decimals]
            out[count] = -value if negative else value
        count += 1
        if place >= stop:
            break
        if text[place] != _COMMA:
            return False
        place += _ONE
    if count != size:
        return False
    for missing in range(count, wanted):
        out[missing] = out[count - 1]
    return True


_TEXT = types.Array(types.uint8, 1, "C", readonly=True)
_PLACES = types.Array(types.uint64, 1, "C")
_PARSE = types.void(
    _TEXT,
    _PLACES,
    _PLACES,
    _TEXT,
    _TEXT,
    types.int64,
    types.Array(types.int64, 1, "C"),
    types.Array(types.int64, 2, "C"),
    types.Array(types.float32, 2, "C"),
)


# Compiled (or taken from the cache) when the module is loaded, so that the threads need not wait for one another.
@njit(_PARSE, nogil=True, cache=True)
def _parse(
    text: Any, starts: Any, stops: Any, device: Any, names: Any, fewest: int, slot: Any, fields: Any, values: Any
) -> None:
    for line in range(len(starts)):
        if slot[line] == _LEFT_OUT:
            continue
        stop = stops[line]
        if stop > starts[line] and text[stop - _ONE] == _RETURN:
            stop -= _ONE
        row_id, place = _whole_number(text, starts[line], stop)
        event, place = _whole_number(text, place, stop)
        _, place = _channel(text, place, stop, device)
        channel, place = _channel(text, place, stop, names)
        code, place = _whole_number(text, place, stop)
        size, place = _whole_number(text, place, stop)
        good = place < stop and -1 <= code <= 9 and size >= fewest
        if good and _values(text, place, stop, size, values[slot[line]]):
            fields[0, line] = row_id
            fields[1, line] = event
            fields[2, line] = channel
            fields[3, line] = code
            fields[4, line] = size
        else:
            slot[line] = _LEFT_OUT
