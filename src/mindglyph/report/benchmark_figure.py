"""The figure of a benchmark: every decoder's accuracy with its interval, against chance and the ceiling."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from mindglyph.report.drawing import BLUE, GREEN, GREY, ORANGE, RED, SKY, new_figure, save_figure, styled

# Colour and shape both say which split it is; the leaky one is hollow too.
_MARKS = {"blocked": (BLUE, "o"), "session": (ORANGE, "s"), "subject": (SKY, "^"), "random": (RED, "D")}
_ROW = 0.24
"""Height of a score, in inches."""
_LEAST = 25.0
"""Per cent that the scale shows at least, so that differences at chance look as small as they are."""


def split_name(split: str, leaky: bool) -> str:
    """Return what a split is called where its scores are shown."""
    return f"{split} (leaky)" if leaky else split


@styled
def benchmark_figure(scores: pd.DataFrame) -> Figure:
    """Draw the scores of a benchmark.

    Parameters
    ----------
    scores : DataFrame
        As `Benchmark.scores` is; rows without a score say that they have none.

    Returns
    -------
    Figure
        One panel a store, one row a decoder and split, best seen from top to bottom.
    """
    stores = list(dict.fromkeys(scores["store"]))
    heights = [_ROW * len(scores[scores["store"] == store]) + 0.45 for store in stores]
    figure = new_figure(7.5, sum(heights) + 1.0)
    panels = figure.subplots(len(stores), 1, squeeze=False, height_ratios=heights)[:, 0]
    for axes, store in zip(panels, stores, strict=True):
        _draw_store(axes, str(store), scores[scores["store"] == store])
    panels[-1].set_xlabel("trials decoded rightly (%), 95% interval")
    figure.legend(handles=_legend(scores), loc="outside upper center", ncols=3)
    return figure


def write_benchmark_figure(scores: pd.DataFrame, folder: Path) -> list[Path]:
    """Write the figure as `scores.png` and `scores.svg`, and return where they are.

    Parameters
    ----------
    scores : DataFrame
        As `Benchmark` holds them.
    folder : Path
        Where the figure goes.

    Returns
    -------
    list of Path
        The two files.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    figure = benchmark_figure(scores)
    paths = [folder / "scores.png", folder / "scores.svg"]
    for path in paths:
        save_figure(figure, path)
    return paths


def _draw_store(axes: Axes, store: str, scores: pd.DataFrame) -> None:
    heights: dict[str, list[int]] = {}
    for height, (_, row) in enumerate(scores.iterrows()):
        heights.setdefault(str(row["decoder"]), []).append(height)
        colour, shape = _MARKS[row["split"]]
        if pd.isna(row["accuracy"]):
            # Where the scores are not, whatever the scale.
            axes.text(0.01, height, "failed", color=GREY, va="center", fontsize=8, transform=axes.get_yaxis_transform())
            continue
        axes.plot([100 * row["ci_low"], 100 * row["ci_high"]], [height, height], color=colour, lw=2)
        face = "white" if row["leaky"] else colour
        axes.plot(100 * row["accuracy"], height, shape, color=colour, mfc=face, ms=6, mew=1.5)
    scored = scores.dropna(subset="accuracy")
    if len(scored):
        # Chance and what guessing exceeds depend on labels and trials, which decoders and splits share.
        axes.axvline(100 * scored["chance"].iloc[0], color=GREY, lw=1.5, zorder=0, gid="chance")
        axes.axvspan(0, 100 * scored["chance_bound"].max(), color=GREY, alpha=0.15, lw=0, zorder=0)
    if scored["ceiling"].notna().any():
        axes.axvline(100 * scored["ceiling"].max(), color=GREEN, lw=1.5, ls="--", zorder=0, gid="ceiling")
    furthest = scored[["ci_high", "ceiling", "chance_bound"]].max().max()
    right = _LEAST if pd.isna(furthest) else min(100.0, max(_LEAST, 100 * furthest + 3))
    axes.set(xlim=(0, right), ylim=(len(scores) - 0.4, -0.6))
    axes.set_yticks([sum(rows) / len(rows) for rows in heights.values()], list(heights))
    axes.tick_params(left=False)
    for rows in list(heights.values())[1:]:
        axes.axhline(rows[0] - 0.5, color=GREY, lw=0.4, alpha=0.6)
    axes.set_title(store, loc="left", fontweight="bold")


def _legend(scores: pd.DataFrame) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = []
    for split, leaky in dict.fromkeys(zip(scores["split"], scores["leaky"], strict=True)):
        colour, shape = _MARKS[split]
        face = "white" if leaky else colour
        handles.append(
            Line2D([], [], color=colour, marker=shape, mfc=face, mew=1.5, ms=6, lw=2, label=split_name(split, leaky))
        )
    handles.append(Line2D([], [], color=GREY, lw=1.5, label="chance"))
    handles.append(Patch(color=GREY, alpha=0.15, lw=0, label="19 of 20 guesses"))
    if scores["ceiling"].notna().any():
        handles.append(Line2D([], [], color=GREEN, lw=1.5, ls="--", label="ceiling (simulated)"))
    return handles
