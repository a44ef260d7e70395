"""Figures of signals that more than one page shows: mean signals, and values over the head."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import mne
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindglyph.inspection import MeanSignals
from mindglyph.report.drawing import GREY, INK, new_figure, styled

_FEWEST_PLACES = 4  # that span a head
_LONGEST = 1.0  # s after the event that are drawn


@styled
def means_figure(means: MeanSignals, info: mne.Info) -> Figure:
    """Draw the mean signal of each label at the strongest channel, and its size over the head at its peak."""
    channel, sample = means.peak
    figure = new_figure(7.5, 3.0)
    if can_map(info):
        axes, head = figure.subplots(1, 2, width_ratios=[1.9, 1])
        values = means.of_all[:, sample]
        largest = np.abs(values).max()
        title = f"{1000 * means.times[sample]:.0f} ms, ±{largest:.1f} µV"
        head_map(head, values, info, title, "RdBu_r", (-largest, largest))
    else:
        axes = figure.subplots()
    for label, mean, style in zip(means.labels, means.of_labels, line_styles(len(means.labels)), strict=True):
        axes.plot(1000 * means.times, mean[channel], **style, lw=0.9, label=str(label))
    axes.plot(1000 * means.times, means.of_all[channel], color=INK, lw=2, label="all")
    mark_event(axes, means)
    axes.set(xlabel="ms after the event", ylabel=f"{info['ch_names'][channel]} (µV)")
    axes.legend(fontsize=8, title="shown", loc="upper left", bbox_to_anchor=(1, 1), handlelength=1.5)
    return figure


def mark_event(axes: Axes, means: MeanSignals) -> None:
    """Draw zero and the event, and show at most the second after it."""
    axes.axhline(0, color=GREY, lw=0.8)
    if means.times[0] < 0:
        axes.axvline(0, color=GREY, lw=0.8)
    first, last = 1000 * means.times[0], 1000 * means.times[-1]
    axes.set_xlim(first, max(first + 1, min(1000 * _LONGEST, last) if first < 1000 * _LONGEST else last))


def line_styles(count: int) -> list[dict[str, Any]]:
    """Return styles that tell lines apart, on white and on black: ten colours, then the same dashed and dotted."""
    colours, dashes = mpl.colormaps["tab10"](np.arange(10)), ("-", "--", ":", "-.")
    return [{"color": colours[place % 10], "ls": dashes[place // 10 % 4]} for place in range(count)]


def can_map(info: mne.Info) -> bool:
    """Say whether enough channels have a place of their own for a map of the head."""
    return len(_placed(info)) >= _FEWEST_PLACES


def head_map(
    axes: Axes, values: np.ndarray, info: mne.Info, title: str, colours: str, limits: tuple[float, float]
) -> None:
    """Draw a value of each channel over the head.

    Parameters
    ----------
    axes : Axes
        Where.
    values : ndarray, shape (n_channels,)
        One for each channel; those without a place on the head are left out.
    info : mne.Info
        The channels.
    title : str
        What is shown, with its unit.
    colours : str
        Name of a colour map that is light where little is to be seen.
    limits : tuple of float
        Values at its ends.
    """
    placed = _placed(info)
    mne.viz.plot_topomap(
        values[placed], mne.pick_info(info, placed, verbose="error"), axes=axes, show=False,
        cmap=colours, vlim=limits, contours=4, sensors="k.",
    )  # fmt: skip
    # MNE draws the head in black, which a dark page would swallow; the electrodes stand on light colours.
    for line in axes.lines:
        if line.get_marker() in ("None", None, ""):
            line.set_color(GREY)
    axes.set_title(title, color=INK)


def _placed(info: mne.Info) -> list[int]:
    """Return the channels that have a place, one for each place."""
    places: dict[tuple[float, ...], int] = {}
    for number, channel in enumerate(info["chs"]):
        place = channel["loc"][:3]
        if np.isfinite(place).all() and place.any():
            places.setdefault(tuple(np.round(place, 4).tolist()), number)
    return list(places.values())
