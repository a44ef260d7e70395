"""The figures of a search: its trials in their order, which settings mattered, and the loss along each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindglyph.report.drawing import BLUE, GREY, ORANGE, RED, new_figure, save_figure, styled

_COLUMNS = 4
_WIDE = 10.0
"""Times the least value from which on a scale goes in factors."""


def write_tuning_figures(table: pd.DataFrame, importance: Mapping[str, float] | None, folder: Path) -> list[Path]:
    """Write the figures as PNG and SVG, and return where they are.

    Parameters
    ----------
    table : DataFrame
        As `tuning.result.trials_table` gives it.
    importance : mapping of str to float or None
        Share of each setting; None draws none.
    folder : Path
        Where `history`, `importance` and `slices` are put.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    UserError
        If one cannot be written.
    """
    settings = list(table.columns[list(table.columns).index("error") + 1 :])
    order = settings if importance is None else [name for name in importance if name in settings]
    figures = {"history": history_figure(table), "slices": slices_figure(table, order)}
    if importance is not None:
        figures["importance"] = importance_figure(importance)
    paths = [folder / f"{name}.{kind}" for name in figures for kind in ("png", "svg")]
    for path in paths:
        save_figure(figures[path.stem], path)
    return paths


@styled
def history_figure(table: pd.DataFrame) -> Figure:
    """Draw the inner loss of every trial, and the best so far."""
    figure = new_figure(7, 3)
    axes = figure.subplots()
    done, pruned = table[table["state"] == "complete"], table[table["state"] == "pruned"]
    axes.plot(done["number"], done["log_loss"], "o", color=BLUE, label="all folds")
    axes.plot(pruned["number"], pruned["log_loss"], "x", color=GREY, label="pruned: mean of the folds before")
    axes.step(done["number"], done["log_loss"].cummin(), where="post", color=BLUE, lw=1.5, label="best so far")
    default = done[done["default"]]
    if len(default):
        axes.axhline(default["log_loss"].iloc[0], color=ORANGE, lw=1.5, ls="--", label="the settings to begin with")
    failed = table[table["state"] == "failed"]
    # Where the losses are not, whatever the scale.
    axes.plot(failed["number"], np.full(len(failed), 0.02), "|", color=RED, ms=10, transform=axes.get_xaxis_transform())
    if len(failed):
        axes.plot([], [], "|", color=RED, ms=10, label="failed")
    axes.set(xlabel="trial of the search", ylabel="inner log loss (nats)")
    axes.set_ylim(_shown(done["log_loss"], pruned["log_loss"]))
    axes.legend(fontsize=8)
    return figure


@styled
def importance_figure(importance: Mapping[str, float]) -> Figure:
    """Draw which share of the losses' variance is due to each setting alone."""
    figure = new_figure(7, 0.9 + 0.25 * len(importance))
    axes = figure.subplots()
    names = list(importance)
    axes.barh(names, [100 * importance[name] for name in names], color=BLUE)
    axes.invert_yaxis()
    axes.set(xlabel="share of what the losses vary (%)", xlim=(0, None))
    axes.tick_params(left=False)
    return figure


@styled
def slices_figure(table: pd.DataFrame, settings: Sequence[str]) -> Figure:
    """Draw the inner loss of every trial along each setting."""
    n_rows = -(-len(settings) // _COLUMNS)
    figure = new_figure(9, 2.1 * n_rows + 0.3)
    panels = figure.subplots(n_rows, min(_COLUMNS, len(settings)), squeeze=False, sharey=True)
    done, pruned = table[table["state"] == "complete"], table[table["state"] == "pruned"]
    for axes, name in zip(panels.flat, settings, strict=False):
        _slice(axes, done, pruned, name)
    for axes in panels.flat[len(settings) :]:
        axes.set_visible(False)
    for axes in panels[:, 0]:
        axes.set_ylabel("log loss (nats)")
    panels[0, 0].set_ylim(_shown(done["log_loss"], pruned["log_loss"]))
    return figure


def _slice(axes: Axes, done: pd.DataFrame, pruned: pd.DataFrame, name: str) -> None:
    numbers = pd.api.types.is_numeric_dtype(done[name])
    words = sorted(set(done[name].dropna()) | set(pruned[name].dropna())) if not numbers else []
    for rows, mark, colour in ((pruned, "x", GREY), (done, "o", BLUE)):
        values = rows[name] if numbers else [words.index(word) for word in rows[name]]
        axes.plot(values, rows["log_loss"], mark, color=colour, ms=4)
    default = done[done["default"]]
    if len(default):
        first = default[name].iloc[0]
        axes.axvline(first if numbers else words.index(first), color=ORANGE, lw=1, ls="--", zorder=0)
    if not numbers:
        axes.set_xticks(range(len(words)), words, fontsize=8)
    else:
        _factors(axes, pd.concat([done[name], pruned[name]]).dropna())
    axes.set_title(name, fontsize=8)


def _factors(axes: Axes, values: pd.Series) -> None:
    """Let a scale go in factors where the values span several of them."""
    if not len(values) or values.min() <= 0 or values.max() / values.min() < _WIDE:
        return
    axes.set_xscale("log")
    ticks = np.geomspace(values.min(), values.max(), 3)
    axes.set_xticks(ticks, [f"{tick:.2g}" for tick in ticks])
    axes.minorticks_off()


def _shown(done: pd.Series, pruned: pd.Series) -> tuple[float, float] | None:
    """Return what the scale shows: a few hopeless trials must not flatten all others."""
    losses = pd.concat([done, pruned]).dropna()
    if len(losses) < 2 or losses.min() == losses.max():
        return None
    low, high = float(losses.min()), float(max(losses.quantile(0.9), done.median() if len(done) else losses.max()))
    margin = 0.08 * (high - low) or 0.01
    return low - margin, high + margin
