"""How figures become part of the page: SVG that follows the page's colours, PNG for grey values."""

from __future__ import annotations

import base64
import hashlib
import html
import io
import re
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from mindglyph.files import replaced_file
from mindglyph.report.palette import DRAWN

# Okabe and Ito's colours, told apart by colour-blind eyes too, and legible on white and on black.
BLUE, ORANGE, GREEN, RED, SKY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9"

# Stands for the page's own text colour and is replaced by it in the SVG.
INK = "#010203"
GREY = "#808182"

STYLE: Any = {
    "svg.fonttype": "none",
    "svg.hashsalt": "mindglyph",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "xtick.color": INK,
    "ytick.color": INK,
    "grid.color": GREY,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}


Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def styled(draw: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Make a function draw in the report's style, and leave matplotlib as it was."""

    @wraps(draw)
    def drawing(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        with mpl.rc_context(STYLE):
            return draw(*args, **kwargs)

    return drawing


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure (inches) that belongs to no window."""
    return Figure(figsize=(width, height))


@styled
def as_svg(figure: Figure, alt: str) -> str:
    """Return a figure as an SVG element of a page, in the page's colours, light or dark.

    Parameters
    ----------
    figure : Figure
        Drawn in the colours of this module.
    alt : str
        What there is to be seen, for those who do not see it.

    Returns
    -------
    str
        The element.
    """
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None})
    svg = buffer.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, count=1, flags=re.DOTALL)
    svg = re.sub(r' (xmlns(:\w+)?|version)="[^"]*"', "", svg)
    svg = svg.replace(INK, "currentColor")
    for colour, (name, _, _) in DRAWN.items():
        svg = svg.replace(f": {colour}", f": var(--{name})")
    svg = _with_own_names(svg)
    # As wide as it was drawn, and narrower where the page is.
    width = figure.get_figwidth()
    opening = f'<svg role="img" aria-label="{html.escape(alt)}" style="--width: {width:g}in"'
    return re.sub(r'<svg([^>]*?) width="[^"]*" height="[^"]*"', lambda found: opening + found[1], svg, count=1)


def _with_own_names(svg: str) -> str:
    """Name what is referred to as in no other figure of a page, and nothing else."""
    own = hashlib.sha256(svg.encode()).hexdigest()[:8]
    named = set(re.findall(r'(?:href="|url\()#([^")]+)', svg))
    svg = re.sub(r' id="([^"]*)"', lambda found: f' id="{own}-{found[1]}"' if found[1] in named else "", svg)
    return re.sub(r'(href="|url\()#', rf"\1#{own}-", svg)


@styled
def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a file that stands alone, of the kind that its ending says: dark on white.

    Parameters
    ----------
    figure : Figure
        Drawn.
    path : Path
        The file.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    kind = path.suffix[1:]
    metadata = {"Date": None} if kind == "svg" else None
    with replaced_file(path) as temporary:
        figure.savefig(temporary, format=kind, facecolor="white", dpi=160, metadata=metadata)


def as_png(pixels: np.ndarray) -> str:
    """Return grey values between 0 and 1, (height, width), as a data address of a PNG."""
    from matplotlib.image import imsave

    buffer = io.BytesIO()
    imsave(buffer, pixels, cmap="gray", vmin=0, vmax=1, format="png")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()
