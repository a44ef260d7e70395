"""The figures of an inspection."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from mindglyph.inspection import Inspection, Traces
from mindglyph.inspection.spectra import MAINS
from mindglyph.report.drawing import BLUE, GREY, INK, RED, new_figure, styled
from mindglyph.report.signals import can_map, head_map, line_styles, mark_event, means_figure

_LINES = 4  # channels that are drawn as lines; more of them as rows of an image
_PANELS = 16  # channels whose mean signals are drawn each for itself
_COLUMNS = 4
_POINTS = 250  # of a curve in a small panel
_ROWS = 24  # labels that are named beside the image
_BOUNDARIES = 40  # that are drawn: more would hide what they divide


def inspection_figures(found: Inspection, traces: Traces) -> dict[str, Figure]:
    """Draw everything that there is to see of a store.

    Parameters
    ----------
    found : Inspection
        What was counted.
    traces : Traces
        What is drawn along the recording.

    Returns
    -------
    dict of str to Figure
        By name: `labels`, `amplitude`, `spectrum`, `means`, and where there is more than one
        channel, `channels` and, where their places are known, `head`.
    """
    figures = {
        "labels": labels_figure(traces),
        "amplitude": amplitude_figure(traces),
        "spectrum": spectrum_figure(found, traces),
        "means": means_figure(traces.means, traces.info),
    }
    if len(found.channels) > 1:
        figures["channels"] = panels_figure(traces)
    if can_map(traces.info):
        figures["head"] = head_figure(traces)
    return figures


@styled
def labels_figure(traces: Traces) -> Figure:
    """Draw how many trials of each label there are in each block of the recording."""
    counts, labels = traces.block_labels.T, traces.labels
    if len(labels) > _ROWS:
        # The most frequent ones, in their order: of hundreds of words the rest could not be read.
        chosen = np.sort(np.argsort(-counts.sum(axis=1), kind="stable")[:_ROWS])
        counts, labels = counts[chosen], [labels[place] for place in chosen]
    figure = new_figure(7.5, max(1.9, 1.2 + 0.19 * len(labels)))
    axes = figure.subplots()
    per_trial = counts / np.diff(traces.block_edges)
    mesh = axes.pcolormesh(
        traces.block_edges, np.arange(len(labels) + 1), 100 * per_trial, cmap="viridis", vmin=0, rasterized=True
    )
    axes.set_yticks(np.arange(len(labels)) + 0.5, labels)
    axes.set(xlabel="trial, in the order of recording", ylabel="label")
    axes.invert_yaxis()
    axes.tick_params(left=False)
    _mark_boundaries(axes, traces, RED)
    _colour_bar(figure, mesh, axes, "% of the trials")
    return figure


@styled
def amplitude_figure(traces: Traces) -> Figure:
    """Draw how far each channel spreads in the course of the recording."""
    names = traces.info["ch_names"]
    edges, spreads = traces.block_edges, traces.block_spread
    if len(names) <= _LINES:
        figure = new_figure(7.5, 2.6)
        axes = figure.subplots()
        middles = (edges[:-1] + edges[1:]) / 2
        for name, values, style in zip(names, spreads.T, line_styles(len(names)), strict=True):
            axes.plot(middles, values, **style, lw=1.2, label=name)
        axes.set(ylabel="spread (µV)", xlim=(edges[0], edges[-1]), ylim=(0, None))
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    else:
        figure = new_figure(7.5, 1.1 + min(6.0, 0.19 * len(names)))
        axes = figure.subplots()
        smallest, largest = _range(spreads)
        mesh = axes.pcolormesh(
            edges, np.arange(len(names) + 1), np.ma.masked_less_equal(spreads.T, 0), rasterized=True,
            cmap=mpl.colormaps["viridis"].with_extremes(bad=GREY),
            norm="log" if largest > 20 * smallest else "linear", vmin=smallest, vmax=largest,
        )  # fmt: skip
        step = -(-len(names) // 32)
        axes.set_yticks(np.arange(0, len(names), step) + 0.5, names[::step])
        axes.invert_yaxis()
        axes.tick_params(left=False)
        _colour_bar(figure, mesh, axes, "spread (µV)")
    axes.set_xlabel("trial, in the order of recording")
    _mark_boundaries(axes, traces, GREY if len(names) <= _LINES else RED)
    return figure


@styled
def spectrum_figure(found: Inspection, traces: Traces) -> Figure:
    """Draw the mean power spectrum of each channel, with the mains marked."""
    figure = new_figure(7.5, 3.2)
    axes = figure.subplots()
    shown = traces.frequencies > 0
    few = len(found.channels) <= _PANELS
    styles = line_styles(len(found.channels)) if few else [{"color": BLUE, "alpha": 0.4}] * len(found.channels)
    for channel, power, style in zip(found.channels, traces.power, styles, strict=True):
        if power[shown].max(initial=0) > 0:
            name = channel.name if few else None
            axes.semilogy(traces.frequencies[shown], power[shown], **style, lw=0.9, label=name)
    for mains in MAINS:
        if mains < traces.frequencies[-1]:
            axes.axvline(mains, color=RED if mains == found.mains else GREY, lw=0.8, ls="--")
            side = "right" if mains == MAINS[0] else "left"
            axes.text(mains, 1, f"{mains:g} Hz", transform=axes.get_xaxis_transform(), ha=side, va="bottom")
    axes.set(xlabel="Hz", ylabel="µV²/Hz", xlim=(0, max(1, traces.frequencies[-1])))
    if axes.get_legend_handles_labels()[0]:
        axes.legend(ncols=2, fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


@styled
def panels_figure(traces: Traces) -> Figure:
    """Draw the mean signals at each channel, or at the strongest of many."""
    means = traces.means
    strength = np.abs(means.of_all).max(axis=1)
    chosen = np.sort(np.argsort(-strength, kind="stable")[:_PANELS])
    columns = min(_COLUMNS, len(chosen))
    rows = -(-len(chosen) // columns)
    figure = new_figure(7.5, 0.6 + 1.25 * rows)
    grid: Any = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    thin = slice(None, None, max(1, len(means.times) // _POINTS))
    styles = line_styles(len(means.labels))
    for axes, place in zip(grid.flat, chosen, strict=False):
        for mean, style in zip(means.of_labels, styles, strict=True):
            axes.plot(1000 * means.times[thin], mean[place, thin], **style, lw=0.5)
        axes.plot(1000 * means.times[thin], means.of_all[place, thin], color=INK, lw=1.4)
        mark_event(axes, means)
        axes.set_title(traces.info["ch_names"][place], fontsize=8, pad=2)
        axes.tick_params(labelsize=8)
    for axes in grid.flat[len(chosen) :]:
        axes.set_visible(False)
    figure.supxlabel("ms after the event", fontsize=10)
    figure.supylabel("µV", fontsize=10)
    return figure


@styled
def head_figure(traces: Traces) -> Figure:
    """Draw how far each channel spreads, over the head."""
    figure = new_figure(3.4, 3.0)
    axes = figure.subplots()
    limits = float(traces.spread.min()), float(max(traces.spread.max(), traces.spread.min() + 1e-6))
    title = f"spread, {limits[0]:.1f} to {limits[1]:.1f} µV"
    head_map(axes, traces.spread, traces.info, title, "Reds", limits)
    return figure


def _range(spreads: np.ndarray) -> tuple[float, float]:
    alive = spreads[spreads > 0]
    if not len(alive):
        return 0.1, 1.0
    return float(alive.min()), float(max(alive.max(), 1.01 * alive.min()))


def _mark_boundaries(axes: Axes, traces: Traces, colour: str) -> None:
    if len(traces.boundaries) <= _BOUNDARIES:
        for boundary in traces.boundaries:
            axes.axvline(boundary, color=colour, lw=0.8)


def _colour_bar(figure: Figure, mesh: Any, axes: Axes, label: str) -> None:
    bar = figure.colorbar(mesh, ax=axes, label=label, pad=0.01)
    if isinstance(mesh.norm, LogNorm):
        bar.ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        bar.ax.yaxis.set_minor_formatter(NullFormatter())
    bar.ax.yaxis.set_major_formatter("{x:g}")
    bar.outline.set_visible(False)
