"""Reads a table of electrode places whose unit and axes nobody says, by fitting it to the standard head."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mindglyph.errors import UserError
from mindglyph.trials import make_info, positions_of

_LARGEST_FILE = 1 << 20
_FEWEST = 8
_LARGEST_MISFIT = 0.03
_ANY_RATE = 250.0


def read_places(path: Path, channels: Sequence[str]) -> dict[str, list[float]]:
    """Return where the electrodes of channels are.

    The table has a name and three numbers a row, with a header or without. Electrodes that the
    10-05 system knows say how the table is to be turned, scaled and moved onto the standard head
    (by least squares, without mirroring; Kabsch, https://doi.org/10.1107/S0567739476001873), so
    it may be in any unit and have its axes anywhere.

    Parameters
    ----------
    path : Path
        The table: CSV, or with tabs, semicolons or spaces between the columns.
    channels : sequence of str
        Names of the channels, in any case.

    Returns
    -------
    dict of str to list of float
        Place of each channel in m in MNE's head coordinates; that of the standard head where the
        table leaves one out.

    Raises
    ------
    UserError
        If it cannot be read or understood.
    """
    table = _table(path)
    standard = positions_of(make_info(channels, _ANY_RATE))
    shared = [name for name in channels if name in standard and name.upper() in table]
    if len(shared) < _FEWEST:
        raise UserError(f"{path}: gives places to only {len(shared)} of the channels: {_FEWEST} are needed to place it")
    known = np.array([standard[name] for name in shared])
    given = np.array([table[name.upper()] for name in shared])
    if np.linalg.matrix_rank(given - given.mean(axis=0)) < 3:
        raise UserError(f"{path}: its electrodes lie in a plane")
    onto = _fit(given, known)
    misfit = float(np.median(np.linalg.norm(onto(given) - known, axis=1)))
    if misfit > _LARGEST_MISFIT:
        raise UserError(f"{path}: its electrodes lie {misfit * 100:.1f} cm from where their names belong")
    found = [name for name in channels if name.upper() in table]
    placed = onto(np.array([table[name.upper()] for name in found]))
    return standard | dict(zip(found, placed.tolist(), strict=True))


def _fit(given: np.ndarray, known: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns, scales and moves points (n, 3) so that `given` lie nearest to `known`."""
    from scipy.spatial.transform import Rotation

    middle, target = given.mean(axis=0), known.mean(axis=0)
    turn, _ = Rotation.align_vectors(known - target, given - middle)
    turned = turn.apply(given - middle)
    scale = np.sum(turned * (known - target)) / np.sum(turned**2)
    return lambda points: scale * turn.apply(points - middle) + target


def _table(path: Path) -> dict[str, list[float]]:
    """Return name, in capitals, and numbers of each row."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST_FILE).decode("utf-8-sig")
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read as a table ({error})") from error
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    found: dict[str, list[float]] = {}
    for number, line in lines:
        fields = [field.strip().strip('"') for field in re.split(r"[,;\t]|\s+", line.strip())]
        values = [value for value in map(_number, fields) if value is not None]
        names = [field for field in fields if field and _number(field) is None]
        if len(values) == 3 and len(names) == 1:
            found[names[0].upper()] = values
        elif number != lines[0][0]:
            raise UserError(f"{path}: line {number} is no name with three numbers")
    return found


def _number(field: str) -> float | None:
    try:
        value = float(field)
    except ValueError:
        return None
    return value if np.isfinite(value) else None
