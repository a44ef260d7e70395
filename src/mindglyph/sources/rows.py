"""One row of the 2014-15 text files: its fields, and every reason to refuse it.

`id TAB event TAB device TAB channel TAB code TAB size TAB value,value,…`

Two damaged layouts are recognised, since whole collections of them are about: early
releases that used the comma as decimal mark too, and spreadsheet copies, whose tab fields
stand with the first value inside one pair of quotes and whose rows the program cut at its
last column.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mindglyph.headsets import HEADSETS, Headset

MINIMUM_SHARE = 0.9
"""Share of the headset's nominal length below which a row is refused rather than padded."""


class RefusedRow(Exception):  # noqa: N818 - a refusal is no error of the program
    """A row that cannot be used; the text says why."""


@dataclass(slots=True)
class Row:
    """A row that passed every check of its own.

    Attributes
    ----------
    line : int
        Line number, from 1.
    position : int
        Place of the line's first byte in the file.
    row_id, event, code : int
        Fields of the row; code is the digit or -1.
    channel : str
        Channel name.
    n_samples : int
        Number of values there were.
    n_stated : int
        Number of values the row says there are.
    cut : bool
        Whether a spreadsheet has had the row and cut it at its own last column; `n_stated`
        against `n_samples` says how much is gone, which may be nothing.
    decimal_comma : bool
        Whether the comma was the decimal mark too.
    values : ndarray, shape (n_times,), or None
        float32, cropped or padded to the nominal length; None once it was let go to save memory.
    """

    line: int
    position: int
    row_id: int
    event: int
    channel: str
    code: int
    n_samples: int
    n_stated: int
    cut: bool
    decimal_comma: bool
    values: np.ndarray | None


def device_of(text: bytes) -> str | None:
    """Return the headset code that a line names, or None where it names no known one."""
    fields = text.lstrip(b"\xef\xbb\xbf").split(b"\t", 3)
    code = fields[2].decode("ascii", "replace").strip() if len(fields) == 4 else None
    return code if code in HEADSETS else None


def parse_row(text: bytes, line: int, position: int, headset: Headset) -> Row:
    """Read one row and check it.

    Parameters
    ----------
    text : bytes
        The line, with or without its end.
    line : int
        Its number, from 1.
    position : int
        Place of its first byte in the file.
    headset : Headset
        The headset that the file is of.

    Returns
    -------
    Row
        With values of the headset's nominal length.

    Raises
    ------
    RefusedRow
        With the reason, if anything about the row is wrong.
    """
    plain, spreadsheet = _unquoted(text.rstrip(b"\r\n"))
    fields = plain.split(b"\t")
    if len(fields) != 7:
        raise RefusedRow(f"has {len(fields)} of 7 tab-separated fields" if plain else "holds nothing but commas")
    row_id, event, code, size = (
        _whole_number(fields[place], name) for place, name in ((0, "id"), (1, "event"), (4, "code"), (5, "size"))
    )
    device, channel = (fields[place].decode("utf-8", "replace").strip() for place in (2, 3))
    if device not in HEADSETS:
        raise RefusedRow(f"device '{device[:20]}' is unknown")
    if device != headset.code:
        raise RefusedRow(f"device {device} in a file of {headset.code}")
    if channel not in headset.channels:
        raise RefusedRow(f"channel '{channel[:20]}' is none of {headset.code}'s")
    if not -1 <= code <= 9:
        raise RefusedRow(f"code {code} is not between -1 and 9")
    values, decimal_comma = _values(fields[6], size, headset, spreadsheet)
    return Row(
        line=line,
        position=position,
        row_id=row_id,
        event=event,
        channel=channel,
        code=code,
        n_samples=len(values),
        n_stated=size,
        cut=spreadsheet,
        decimal_comma=decimal_comma,
        values=_nominal_length(values, headset),
    )


def _unquoted(text: bytes) -> tuple[bytes, bool]:
    """Return the row as it was before a spreadsheet had it, and whether one had."""
    if text.startswith(b'"') and (end := text.find(b'"', 1)) > 0:
        return text[1:end] + text[end + 1 :].rstrip(b","), True
    return (b"", True) if text and not text.strip(b", \t") else (text, False)


def _whole_number(field: bytes, name: str) -> int:
    try:
        number = int(field)
    except ValueError:
        raise RefusedRow(f"{name} '{field[:20].decode('utf-8', 'replace')}' is no whole number") from None
    if abs(number) >= 1 << 62:
        raise RefusedRow(f"{name} {field[:20].decode()}… is beyond all bounds")
    return number


def _values(data: bytes, size: int, headset: Headset, spreadsheet: bool) -> tuple[np.ndarray, bool]:
    tokens = data.split(b",")
    decimal_comma = False
    if len(tokens) > size and headset.decimals and b"." not in data:
        tokens, decimal_comma = _with_decimal_points(tokens, size), True
    if len(tokens) != size and not (spreadsheet and len(tokens) < size):
        raise RefusedRow(f"holds {len(tokens)} values where size says {size}")
    try:
        exact = np.array(tokens, dtype=np.float64)
    except ValueError:
        raise RefusedRow(_first_bad_value(tokens)) from None
    with np.errstate(over="ignore"):
        values = exact.astype(np.float32)
    if not np.isfinite(values).all():
        place = int(np.flatnonzero(~np.isfinite(values))[0])
        raise RefusedRow(f"value {place + 1} is not finite: '{tokens[place][:20].decode('ascii', 'replace')}'")
    return values, decimal_comma


def _first_bad_value(tokens: list[bytes]) -> str:
    for place, token in enumerate(tokens):
        try:
            np.array(token, dtype=np.float64)
        except ValueError:
            return f"value {place + 1} is no number: '{token[:20].decode('utf-8', 'replace')}'"
    return "holds a value that is no number"


def _with_decimal_points(tokens: list[bytes], size: int) -> list[bytes]:
    """Join whole parts and decimals that a decimal comma tore apart.

    A whole part has at most four digits, and decimals have five or six, as the headsets' steps
    of 20/39 microvolts are written; a value may have none.
    """
    joined: list[bytes] = []
    for token in tokens:
        if token.isdigit() and 5 <= len(token) <= 6 and joined and b"." not in joined[-1]:
            joined[-1] += b"." + token
        else:
            joined.append(token)
    if len(joined) != size:
        raise RefusedRow(f"holds {len(tokens)} numbers where size says {size}, and they are no decimal commas")
    return joined


def _nominal_length(values: np.ndarray, headset: Headset) -> np.ndarray:
    missing = headset.n_times - len(values)
    if missing <= 0:
        # A copy, so that the rest of a long row is let go.
        return values[: headset.n_times].copy()
    if len(values) < MINIMUM_SHARE * headset.n_times:
        raise RefusedRow(f"is too short: {len(values)} of {headset.n_times} samples")
    # The edge value draws no cliff, as a zero on an offset of 4,200 would.
    return np.pad(values, (0, missing), mode="edge")
