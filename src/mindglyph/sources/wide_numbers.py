"""Reads rows of comma-separated numbers as fast as the memory gives them.

The kernel vouches for what it reads. A mantissa below 2^53 and a power of ten up to 10^22 are exact
as float64, so their quotient or product is what `float()` gives, to the last bit (Clinger 1990,
https://doi.org/10.1145/93542.93557). A longer mantissa, of up to nineteen digits, gives one off by a
few units in the last place: it is vouched for where all that `float()` can give becomes the same
float32. Whatever is unusual (a plus sign, spaces, quotes, words, numbers beyond all measure) is left
to a careful reader, which decides and gives the reason.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit, types

EEG, BESIDE, PIXEL, NUMBER, WORD = range(5)
"""What a column holds: EEG (scaled), a signal beside it, a pixel, a number of the trial, a word."""

LEFT_OUT = -1
"""Slot of a line that gets no room for values."""

_RETURN, _COMMA, _PLUS, _MINUS, _POINT, _EXPONENT = (np.uint8(ord(sign)) for sign in "\r,+-.e")
_SMALL_LETTER = np.uint8(0x20)
_ZERO = np.uint8(ord("0"))
# Places in the text are unsigned: for a signed one numba would look whether it counts from the end.
_NONE, _ONE = np.uint64(0), np.uint64(1)
_FEW_DIGITS, _MOST_DIGITS = np.uint64(15), np.uint64(19)
_MOST_DECIMALS, _MOST_EXPONENT_DIGITS = np.uint64(22), np.uint64(3)
_EXACT_BELOW = np.uint64(1 << 53)
_POWERS = np.array([float(10**power) for power in range(23)])
_LARGEST = 1e18
# Both the quotient and what float() gives are within 2 × 2^-53 of the true value.
_LOWER, _UPPER = 1 - 2.0**-50, 1 + 2.0**-50
_NO_NUMBER, _NEAR, _EXACT = np.int64(0), np.int64(1), np.int64(2)


@njit(nogil=True, cache=True)
def _significant(text: Any, place: Any, stop: Any) -> Any:
    """Return how many digits a number has behind its leading zeros."""
    digits = _NONE
    for here in range(place, stop):
        digit = np.uint8(text[here] - _ZERO)
        if digit <= 9 and (digits or digit):
            digits += _ONE
    return digits


@njit(nogil=True, cache=True)
def _exponent(text: Any, place: Any, stop: Any) -> Any:
    """Return the exponent that stands at a place, and the place behind it: the same place where none stands there."""
    begin, exponent = place, np.int64(0)
    if text[place] | _SMALL_LETTER != _EXPONENT:
        return exponent, begin
    place += _ONE
    negative = place < stop and text[place] == _MINUS
    if place < stop and (negative or text[place] == _PLUS):
        place += _ONE
    first = place
    while place < stop and place < first + _MOST_EXPONENT_DIGITS:
        digit = np.uint8(text[place] - _ZERO)
        if digit > 9:
            break
        exponent = 10 * exponent + np.int64(digit)
        place += _ONE
    if place == first:
        return np.int64(0), begin
    return (-exponent if negative else exponent), place


@njit(nogil=True, cache=True)
def _scaled(value: Any, trust: Any, power: Any) -> Any:
    """Return a mantissa times a power of ten, and how the product can be relied on."""
    if power < -len(_POWERS) + 1 or power > len(_POWERS) - 1:
        return 0.0, _NO_NUMBER
    if power < 0:
        return value / _POWERS[-power], trust
    value *= _POWERS[power]
    return value, (trust if value < _LARGEST else _NO_NUMBER)


@njit(nogil=True, cache=True)
def _number(text: Any, place: Any, stop: Any) -> Any:
    """Return a number, how it can be relied on, and the place behind it."""
    negative = place < stop and text[place] == _MINUS
    if negative:
        place += _ONE
    begin, mantissa, decimals = place, _NONE, _NONE
    while place < stop:
        digit = np.uint8(text[place] - _ZERO)
        if digit > 9:
            break
        mantissa = np.uint64(10) * mantissa + np.uint64(digit)
        place += _ONE
    digits = place - begin
    if place < stop and text[place] == _POINT:
        place += _ONE
        first = place
        while place < stop:
            digit = np.uint8(text[place] - _ZERO)
            if digit > 9:
                break
            mantissa = np.uint64(10) * mantissa + np.uint64(digit)
            place += _ONE
        decimals = place - first
        digits += decimals
    if digits == _NONE:
        return 0.0, _NO_NUMBER, place
    trust = _EXACT
    if digits > _FEW_DIGITS:
        if decimals > _MOST_DECIMALS or _significant(text, begin, place) > _MOST_DIGITS:
            return 0.0, _NO_NUMBER, place
        if mantissa >= _EXACT_BELOW:
            trust = _NEAR
    value = np.float64(mantissa)
    if place < stop and text[place] != _COMMA:
        exponent, place = _exponent(text, place, stop)
        value, trust = _scaled(value, trust, exponent - np.int64(decimals))
        return (-value if negative else value), trust, place
    if decimals:
        value /= _POWERS[decimals]
    return (-value if negative else value), trust, place


@njit(nogil=True, cache=True)
def _signal(value: Any, trust: Any, scale: Any, out: Any, place: Any) -> Any:
    """Write a value as float32 and say whether it is what the careful reader would write."""
    out[place] = value * scale
    return trust == _EXACT or np.float32(value * _LOWER * scale) == np.float32(value * _UPPER * scale)


_TEXT = types.Array(types.uint8, 1, "C", readonly=True)
_LIST = types.int64(_TEXT, types.float64, types.Array(types.float32, 1, "C"))


# Compiled (or taken from the cache) when the module is loaded, so that threads need not wait for one another.
@njit(_LIST, nogil=True, cache=True)
def parse_list(text: Any, scale: Any, out: Any) -> Any:
    """Read all numbers of a text into `out`, as many as it takes.

    Parameters
    ----------
    text : ndarray of uint8
        Numbers between commas, without a line end.
    scale : float
        What they are multiplied by.
    out : ndarray of float32
        Where they go; those behind its end are read and let go.

    Returns
    -------
    int
        How many there are, or -1 where not all are plain.
    """
    place, stop, count = _NONE, np.uint64(len(text)), np.int64(0)
    while True:
        value, trust, place = _number(text, place, stop)
        if trust == _NO_NUMBER:
            return np.int64(LEFT_OUT)
        if count < len(out) and not _signal(value, trust, scale, out, count):
            return np.int64(LEFT_OUT)
        count += 1
        if place >= stop:
            return count
        if text[place] != _COMMA:
            return np.int64(LEFT_OUT)
        place += _ONE


@njit(nogil=True, cache=True)
def _signals(text: Any, place: Any, stop: Any, scale: Any, out: Any) -> Any:
    """Read as many signal values as `out` takes; return whether all were plain, and the place behind them."""
    for sample in range(np.uint64(len(out))):
        if sample:
            if place >= stop or text[place] != _COMMA:
                return False, place
            place += _ONE
        value, trust, place = _number(text, place, stop)
        if trust == _NO_NUMBER or not _signal(value, trust, scale, out, sample):
            return False, place
    return True, place


@njit(nogil=True, cache=True)
def _pixels(text: Any, place: Any, stop: Any, out: Any) -> Any:
    """Read as many pixels as `out` takes; return whether all were plain, and the place behind them."""
    for pixel in range(np.uint64(len(out))):
        if pixel:
            if place >= stop or text[place] != _COMMA:
                return False, place
            place += _ONE
        value, trust, place = _number(text, place, stop)
        if trust != _EXACT or not 0 <= value <= 255 or value != np.floor(value):
            return False, place
        out[pixel] = np.uint8(value)
    return True, place


@njit(nogil=True, cache=True)
def _trial_number(text: Any, place: Any, stop: Any, limits: Any, out: Any, number: Any) -> Any:
    """Read a number of the trial; return whether it was plain and within its limits, and the place behind it."""
    value, trust, place = _number(text, place, stop)
    lowest, highest, whole = limits[number]
    out[number] = value
    return trust == _EXACT and lowest <= value <= highest and (not whole or value == np.floor(value)), place


@njit(nogil=True, cache=True)
def _row(
    text: Any, place: Any, stop: Any, runs: Any, scale: Any, limits: Any, signals: Any, pixels: Any, numbers: Any,
    words: Any,
) -> Any:  # fmt: skip
    """Read a row into the arrays' rows of it and say whether all of it was plain."""
    signal = pixel = number = word = 0
    for run in range(len(runs)):
        if run:
            if place >= stop or text[place] != _COMMA:
                return False
            place += _ONE
        role, count = runs[run]
        good = True
        if role <= BESIDE:
            out = signals[signal : signal + count]
            good, place = _signals(text, place, stop, scale if role == EEG else 1.0, out)
            signal += count
        elif role == PIXEL:
            good, place = _pixels(text, place, stop, pixels[pixel : pixel + count])
            pixel += count
        elif role == NUMBER:
            good, place = _trial_number(text, place, stop, limits, numbers, number)
            number += 1
        else:
            words[word, 0] = np.int64(place)
            while place < stop and text[place] != _COMMA:
                place += _ONE
            words[word, 1] = np.int64(place)
            word += 1
        if not good:
            return False
    # Some programs put a comma behind the last value, too.
    return place == stop or (text[place] == _COMMA and place + _ONE == stop)


_ROWS = types.void(
    _TEXT,
    types.Array(types.uint64, 1, "C"),
    types.Array(types.uint64, 1, "C"),
    types.Array(types.int64, 1, "C"),
    types.Array(types.int64, 2, "C"),
    types.float64,
    types.Array(types.float64, 2, "C"),
    types.Array(types.float32, 2, "C"),
    types.Array(types.uint8, 2, "C"),
    types.Array(types.float64, 2, "C"),
    types.Array(types.int64, 3, "C"),
    types.Array(types.boolean, 1, "C"),
)


@njit(_ROWS, nogil=True, cache=True)
def parse_rows(
    text: Any, starts: Any, stops: Any, slot: Any, runs: Any, scale: Any, limits: Any, signals: Any, pixels: Any,
    numbers: Any, words: Any, plain: Any,
) -> None:  # fmt: skip
    """Read the lines of a block, each into the row of the arrays that `slot` gives it.

    Parameters
    ----------
    text : ndarray of uint8
        The block.
    starts, stops : ndarray of uint64, shape (n_lines,)
        Place of each line in the block, without its line feed.
    slot : ndarray of int64, shape (n_lines,)
        Row of the arrays, or `LEFT_OUT`.
    runs : ndarray of int64, shape (n_runs, 2)
        What columns that follow one another hold, and how many they are: one where it is a
        number of the trial or a word.
    scale : float
        What the values of EEG columns are multiplied by.
    limits : ndarray of float64, shape (n_numbers, 3)
        Lowest and highest value of each number column, and whether it must be whole.
    signals : ndarray of float32, shape (n_slots, n_signal_columns)
        Takes EEG and what is beside it, in the order of the columns.
    pixels : ndarray of uint8, shape (n_slots, n_pixels)
        Takes the pixels.
    numbers : ndarray of float64, shape (n_slots, n_numbers)
        Takes the numbers.
    words : ndarray of int64, shape (n_slots, n_words, 2)
        Takes the places of the words in the block.
    plain : ndarray of bool, shape (n_slots,)
        Takes whether the kernel vouches for the row.
    """
    for line in range(len(starts)):
        row = slot[line]
        if row == LEFT_OUT:
            continue
        stop = stops[line]
        if stop > starts[line] and text[stop - _ONE] == _RETURN:
            stop -= _ONE
        plain[row] = _row(
            text, starts[line], stop, runs, scale, limits, signals[row], pixels[row], numbers[row], words[row]
        )
