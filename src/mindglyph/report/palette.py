"""The colours of a page and of its figures, each as it is on white paper and on a dark screen."""

from __future__ import annotations

PAGE = {
    "ink": ("#1b1f24", "#e7e9ec"),
    "faint": ("#4a5058", "#b9bec5"),
    "paper": ("#ffffff", "#14171b"),
    "soft": ("#f3f4f6", "#1f242a"),
    "line": ("#d5d9de", "#3a4149"),
    "mark": ("#0072b2", "#56b4e9"),
    "good": ("#00704f", "#2fc79a"),
    "bad": ("#b34700", "#ff9d57"),
    "warn": ("#e69f00", "#e69f00"),
}
"""By name, light and dark: what is written (`ink`, `faint`, `mark`, `good`, `bad`) on `paper` or `soft`."""

DRAWN = {
    # Okabe and Ito's, as `drawing` names them: on white some are too pale, on black one too deep.
    "#0072b2": ("blue", "#0072b2", "#56b4e9"),
    "#e69f00": ("orange", "#b06f00", "#e69f00"),
    "#009e73": ("green", "#007a59", "#2fc79a"),
    "#d55e00": ("red", "#c24e00", "#ff8a4c"),
    "#56b4e9": ("sky", "#1f86b8", "#8fd0f5"),
    "#808182": ("grey", "#6e7071", "#9a9c9e"),
    # Matplotlib's ten, by which lines are told apart.
    "#1f77b4": ("line-0", "#1f77b4", "#6db3e8"),
    "#ff7f0e": ("line-1", "#c75f00", "#ff9d4d"),
    "#2ca02c": ("line-2", "#2a8a2a", "#5fd35f"),
    "#d62728": ("line-3", "#d62728", "#ff7b7b"),
    "#9467bd": ("line-4", "#8256b4", "#b99be0"),
    "#8c564b": ("line-5", "#8c564b", "#c79a8d"),
    "#e377c2": ("line-6", "#c2509f", "#f0a0d8"),
    "#7f7f7f": ("line-7", "#6b6b6b", "#b5b5b5"),
    "#bcbd22": ("line-8", "#7d7e14", "#d6d74a"),
    "#17becf": ("line-9", "#0e8796", "#4fd8e6"),
}
"""By the colour in which a figure is drawn: its name on a page, and what it is there in light and dark."""


def contrast(one: str, other: str) -> float:
    """Return how far two colours (`#rrggbb`) stand apart, between 1 and 21.

    Text needs 4.5, and what is drawn 3, by the Web Content Accessibility Guidelines 2.2 (level AA),
    https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio.

    Parameters
    ----------
    one : str
        A colour.
    other : str
        Another.

    Returns
    -------
    float
        1 for a colour and itself.
    """
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    """Return how bright a colour (`#rrggbb`) is, between 0 and 1, as the guidelines define it."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def as_variables(dark: bool) -> str:
    """Return all colours as variables of a style sheet."""
    drawn = {name: (light, deep) for name, light, deep in DRAWN.values()}
    return " ".join(f"--{name}: {pair[dark]};" for name, pair in (PAGE | drawn).items())
