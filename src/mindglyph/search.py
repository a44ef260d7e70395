"""Where a setting may be looked for: a range stands beside the setting, once, where that is defined.

    kernel: Annotated[int, WholeBetween(3, 31)] = Field(11, ge=1)
    filters: Annotated[tuple[int, int], EachOf(WholeBetween(16, 256, log=True))] = (128, 256)

What a setting may be at all is another question, which pydantic answers: a user may set what no
search would try. This module knows of no library that searches.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mindglyph.settings import Settings


@dataclass(frozen=True)
class Between:
    """Any number of an interval.

    Attributes
    ----------
    low, high : float
        Its ends, which belong to it.
    log : bool
        Whether it is walked in factors, as suits what spans orders of magnitude.
    """

    low: float
    high: float
    log: bool = False

    def holds(self, value: Any) -> bool:
        """Say whether a value lies in it."""
        return isinstance(value, int | float) and self.low <= value <= self.high


@dataclass(frozen=True)
class WholeBetween:
    """A whole number of an interval.

    Attributes
    ----------
    low, high : int
        Its ends, which belong to it.
    log : bool
        Whether it is walked in factors.
    """

    low: int
    high: int
    log: bool = False

    def holds(self, value: Any) -> bool:
        """Say whether a value lies in it."""
        return isinstance(value, int) and self.low <= value <= self.high


@dataclass(frozen=True, init=False)
class OneOf:
    """One of a few values that have no order.

    Parameters
    ----------
    *values : str, number, bool or None
        They; afterwards the tuple `values`.
    """

    values: tuple[str | float | bool | None, ...]

    def __init__(self, *values: str | float | bool | None) -> None:
        object.__setattr__(self, "values", values)

    def holds(self, value: Any) -> bool:
        """Say whether a value is one of them."""
        return value in self.values


Range = Between | WholeBetween | OneOf
"""Where one number, word or choice is looked for."""


@dataclass(frozen=True)
class EachOf:
    """A list whose entries are looked for one by one; how many there are stays as it is.

    Attributes
    ----------
    range : Range
        Of every entry.
    """

    range: Range


def space(settings: Settings, prefix: str = "") -> dict[str, Range]:
    """Return where each setting that declares a range is looked for.

    Parameters
    ----------
    settings : Settings
        Those that a search begins with.
    prefix : str
        Put before each name.

    Returns
    -------
    dict of str to Range
        By the path that `--set` takes: `training.learning_rate` is a setting within a setting,
        and `filters.0` the first entry of a list.
    """
    found: dict[str, Range] = {}
    for name, field in type(settings).model_fields.items():
        path, value = f"{prefix}{name}", getattr(settings, name)
        if isinstance(value, Settings):
            found |= space(value, f"{path}.")
        for mark in field.metadata:
            if isinstance(mark, Between | WholeBetween | OneOf):
                found[path] = mark
            elif isinstance(mark, EachOf):
                found |= {f"{path}.{place}": mark.range for place in range(len(value))}
    return found


def value_at(values: Mapping[str, Any], path: str) -> Any:
    """Return the value at a path of settings that were dumped to plain values."""
    found: Any = values
    for part in path.split("."):
        found = found[int(part)] if isinstance(found, list | tuple) else found[part]
    return found


def with_values(values: Mapping[str, Any], chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of dumped settings in which the values at some paths are others.

    Parameters
    ----------
    values : mapping
        Settings as `model_dump(mode="json")` gives them.
    chosen : mapping of str to object
        New values by path.

    Returns
    -------
    dict
        The new settings.
    """
    changed = copy.deepcopy(dict(values))
    for path, value in chosen.items():
        above, _, last = path.rpartition(".")
        parent: Any = value_at(changed, above) if above else changed
        parent[int(last) if isinstance(parent, list) else last] = value
    return changed


def under(path: str, name: str) -> bool:
    """Say whether a path is a name, or lies within it: `filters.0` lies within `filters`."""
    return path == name or path.startswith(f"{name}.")
