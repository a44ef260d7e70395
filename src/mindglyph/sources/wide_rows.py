"""Rows of files that have one trial a line: the fast way, and the careful one that has a reason for every refusal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np

from mindglyph.sources.rows import RefusedRow
from mindglyph.sources.wide_layout import N_PIXELS, Layout, NumberColumn, WordColumn

_LINE_FEED = ord("\n")


@dataclass(frozen=True)
class ParsedBlock:
    """Lines of a block, those that are plain with their values.

    Attributes
    ----------
    start, stop : ndarray, shape (n_lines,)
        Place of each line in the block, without its end.
    slot : ndarray, shape (n_lines,)
        Row of the arrays below, or -1 where a line is too short to hold a trial.
    plain : ndarray of bool, shape (n_slots,)
        Whether the row holds a trial.
    signals : ndarray of float32, shape (n_slots, n_channels * n_times)
        In the order of the columns.
    pixels : ndarray of uint8, shape (n_slots, 784), or (n_slots, 0)
        The picture.
    numbers : ndarray of float64, shape (n_slots, n_numbers)
        The numbers of the trials.
    words : tuple of list of str
        The words of the trials, for each column of words one a slot.
    """

    start: np.ndarray
    stop: np.ndarray
    slot: np.ndarray
    plain: np.ndarray
    signals: np.ndarray
    pixels: np.ndarray
    numbers: np.ndarray
    words: tuple[list[str], ...]


def parse_block(text: np.ndarray, layout: Layout, scale: float) -> ParsedBlock:
    """Read the plain rows of a block.

    Parameters
    ----------
    text : ndarray of uint8
        Whole lines; the last may lack its end.
    layout : Layout
        What the columns hold.
    scale : float
        Microvolts in a one of the EEG columns.

    Returns
    -------
    ParsedBlock
        One entry a line, empty ones included; rows that are not plain are left to `read_carefully`.
    """
    from mindglyph.sources import wide_numbers as kernel

    ends = np.flatnonzero(text == _LINE_FEED)
    if len(text) and (not len(ends) or ends[-1] != len(text) - 1):
        ends = np.append(ends, len(text))
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    # A line too short for its values gets no room for them: junk must not cost memory. Words may be empty.
    long_enough = ends - starts >= 2 * layout.n_columns - 1 - len(layout.words)
    slot = np.where(long_enough, np.cumsum(long_enough) - 1, kernel.LEFT_OUT)
    count = int(long_enough.sum())
    signals = np.empty((count, len(layout.channels) * layout.n_times), dtype=np.float32)
    pixels = np.empty((count, 0 if layout.pixels is None else N_PIXELS), dtype=np.uint8)
    numbers = np.empty((count, len(layout.numbers)))
    places = np.empty((count, len(layout.words), 2), dtype=np.int64)
    plain = np.zeros(count, dtype=np.bool_)
    limits = np.array([(known.lowest, known.highest, known.whole) for known in layout.numbers], dtype=np.float64)
    kernel.parse_rows(
        text, starts.astype(np.uint64), ends.astype(np.uint64), slot, _runs(layout), scale, limits.reshape(-1, 3),
        signals, pixels, numbers, places, plain,
    )  # fmt: skip
    words = tuple(_words(text, places[:, column], plain, known) for column, known in enumerate(layout.words))
    return ParsedBlock(starts, ends, slot, plain, signals, pixels, numbers, words)


def _runs(layout: Layout) -> np.ndarray:
    """Say to the kernel what the columns hold, (n_runs, 2): the role and how many columns."""
    from mindglyph.sources import wide_numbers as kernel

    eeg = set(layout.eeg)
    pieces = [
        (start, kernel.EEG if name in eeg else kernel.BESIDE, layout.n_times)
        for name, start in zip(layout.channels, layout.starts, strict=True)
    ]
    if layout.pixels is not None:
        pieces.append((layout.pixels, kernel.PIXEL, N_PIXELS))
    pieces += [(known.column, kernel.NUMBER, 1) for known in layout.numbers]
    pieces += [(known.column, kernel.WORD, 1) for known in layout.words]
    pieces.sort()
    assert sum(count for _, _, count in pieces) == layout.n_columns
    return np.array([piece[1:] for piece in pieces], dtype=np.int64)


def _words(text: np.ndarray, places: np.ndarray, plain: np.ndarray, known: WordColumn) -> list[str]:
    """Return the words of plain rows; a row with a word that is not known is plain no more."""
    words = [""] * len(plain)
    for row in np.flatnonzero(plain).tolist():
        first, last = places[row].tolist()
        try:
            words[row] = _word(text[first:last].tobytes(), known, "")
        except RefusedRow:
            plain[row] = False
    return words


def _word(token: bytes, known: WordColumn, column: str) -> str:
    word = token.decode("utf-8", "replace").strip()
    if b'"' in token or len(word) > 200:
        raise RefusedRow(f"{column} is no word: '{word[:20]}'")
    if known.choices and word.lower() not in known.choices:
        raise RefusedRow(f"{column} is none of {', '.join(known.choices)}: '{word[:20]}'")
    return word.lower() if known.choices else word


def misses_its_end(text: bytes, layout: Layout) -> bool:
    """Say whether a row breaks off: it has too few columns, or is cut in the last one."""
    columns = text.count(b",") + 1
    return columns < layout.n_columns or (columns == layout.n_columns and not _is_number(text.rsplit(b",", 1)[-1]))


def read_carefully(text: bytes, layout: Layout, scale: float, parsed: ParsedBlock, slot: int) -> None:
    """Read one row and check it.

    Parameters
    ----------
    text : bytes
        The line, with or without its end.
    layout : Layout
        What the columns hold.
    scale : float
        Microvolts in a one of the EEG columns.
    parsed : ParsedBlock
        Takes the values.
    slot : int
        In which row of it; a line that has none is always refused.

    Raises
    ------
    RefusedRow
        With the reason, if anything about the row is wrong.
    """
    tokens = text.rstrip(b"\r\n").split(b",")
    if b'"' in text:
        tokens = [_unquoted(token) for token in tokens]
    if len(tokens) == layout.n_columns + 1 and not tokens[-1].strip():
        del tokens[-1]
    if len(tokens) != layout.n_columns:
        raise RefusedRow(f"has {len(tokens)} of {layout.n_columns} columns")
    words = [_word(tokens[known.column], known, layout.named(known.column)) for known in layout.words]
    numbers = [_trial_number(tokens[known.column], known, layout) for known in layout.numbers]
    pixels = () if layout.pixels is None else _pixels(tokens, layout, layout.pixels)
    beside = {name for names in layout.extras.values() for name in names}
    signals = []
    for name, start in zip(layout.channels, layout.starts, strict=True):
        values = tokens[start : start + layout.n_times]
        signals.append(float32_values(values, 1.0 if name in beside else scale, partial(_named_from, layout, start)))
    # Only now, since a row that is refused may have no room.
    for column, word in zip(parsed.words, words, strict=True):
        column[slot] = word
    parsed.numbers[slot] = numbers
    parsed.pixels[slot] = pixels
    parsed.signals[slot] = np.concatenate(signals)
    parsed.plain[slot] = True


def _named_from(layout: Layout, start: int, place: int) -> str:
    return layout.named(start + place)


def _unquoted(token: bytes) -> bytes:
    token = token.strip()
    return token[1:-1] if len(token) > 1 and token[:1] == token[-1:] == b'"' else token


def _trial_number(token: bytes, known: NumberColumn, layout: Layout) -> float:
    value = float(float64_values([token], partial(_named_from, layout, known.column))[0])
    if known.whole and value != np.floor(value):
        raise RefusedRow(f"{layout.named(known.column)} is no whole number: '{_shown(token)}'")
    if not known.lowest <= value <= known.highest:
        between = f"{known.lowest:g} and {known.highest:g}"
        raise RefusedRow(f"{layout.named(known.column)} is not between {between}: '{_shown(token)}'")
    return value


def _pixels(tokens: list[bytes], layout: Layout, start: int) -> np.ndarray:
    values = float64_values(tokens[start : start + N_PIXELS], partial(_named_from, layout, start))
    wrong = (values < 0) | (values > 255) | (values != np.floor(values))
    if wrong.any():
        place = start + int(np.argmax(wrong))
        raise RefusedRow(f"{layout.named(place)} is no pixel, whole and from 0 to 255: '{_shown(tokens[place])}'")
    return values.astype(np.uint8)


def float32_values(tokens: list[bytes], scale: float, named: Callable[[int], str]) -> np.ndarray:
    """Return numbers as float32.

    Parameters
    ----------
    tokens : list of bytes
        What stands between the commas.
    scale : float
        What they are multiplied by.
    named : callable
        Says what the user may call the value at a place.

    Returns
    -------
    ndarray of float32, shape (n_tokens,)
        The values.

    Raises
    ------
    RefusedRow
        If one is no number, or not finite.
    """
    with np.errstate(over="ignore"):
        values = (float64_values(tokens, named) * scale).astype(np.float32)
    _refuse_infinite(values, tokens, named)
    return values


def float64_values(tokens: list[bytes], named: Callable[[int], str]) -> np.ndarray:
    """Return numbers as float64; for the rest, see `float32_values`."""
    try:
        values = np.array(tokens, dtype=np.float64)
    except ValueError:
        place = next(place for place, token in enumerate(tokens) if not _is_number(token))
        raise RefusedRow(f"{named(place)} is no number: '{_shown(tokens[place])}'") from None
    _refuse_infinite(values, tokens, named)
    return values


def _refuse_infinite(values: np.ndarray, tokens: list[bytes], named: Callable[[int], str]) -> None:
    finite = np.isfinite(values)
    if not finite.all():
        place = int(np.argmin(finite))
        raise RefusedRow(f"{named(place)} is not finite: '{_shown(tokens[place])}'")


def _is_number(token: bytes) -> bool:
    try:
        np.array(token, dtype=np.float64)
    except ValueError:
        return False
    return True


def _shown(token: bytes) -> str:
    return token[:20].decode("utf-8", "replace").strip()
