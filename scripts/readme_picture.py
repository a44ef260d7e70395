"""Draw the README's picture from what `mindglyph demo` made: recording, belief, drawing and the digit shown.

    uv run mindglyph demo
    uv run python scripts/readme_picture.py mindglyph-demo docs/images/demo.png

The trials are evenly spaced over the recording: they are not chosen by how well they were drawn.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mindglyph.evaluation import evaluated_trials
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.reconstruction import Reconstructions
from mindglyph.report.drawing import BLUE, GREY, new_figure, save_figure, styled
from mindglyph.report.picture_grids import chosen_trials
from mindglyph.store import Store

N_TRIALS = 10
ROWS = ("recorded\n14 channels, 2 s", "believed\n(of 0 to 9)", "drawn", "shown")


@styled
def draw(demo: Path) -> Figure:
    """Return a figure with a column a trial and a row a step, from a folder that the demo wrote."""
    pictures = Reconstructions.load(demo / "run" / "pictures" / "pictures.npz")
    places = chosen_trials(pictures, N_TRIALS)["even"]
    trials = evaluated_trials(Store(demo / "store")).select(pictures.trial[places])
    signals = PreprocessingSettings().build(trials.sfreq).fit_transform(trials.signals)
    figure = new_figure(8.4, 3.7)
    grid = figure.subplots(
        len(ROWS), N_TRIALS, height_ratios=[1.4, 0.8, 1, 1], gridspec_kw={"wspace": 0.06, "hspace": 0.02}
    )
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set_visible(False)
    for axes, text in zip(grid[:, 0], ROWS, strict=True):
        axes.set_ylabel(text, rotation=0, ha="right", va="center", fontsize=8)
    for column, place, signal in zip(grid.T, places, signals, strict=True):
        _signal(column[0], signal)
        _belief(column[1], pictures.probabilities[place], pictures.labels[place])
        column[2].imshow(pictures.drawn[place], cmap="gray", vmin=0, vmax=1)
        column[3].imshow(pictures.seen[place], cmap="gray", vmin=0, vmax=255)
    return figure


def _signal(axes: Axes, signal: np.ndarray) -> None:
    spread = 4 * signal.std()
    for number, channel in enumerate(signal):
        axes.plot(channel - number * spread, color=GREY, linewidth=0.35)
    axes.margins(0.02)


def _belief(axes: Axes, probabilities: np.ndarray, shown: int) -> None:
    colours = [BLUE if digit == shown else GREY for digit in range(len(probabilities))]
    axes.bar(range(len(probabilities)), probabilities, color=colours)
    axes.set_ylim(0, 1)
    axes.axhline(0, color=GREY, linewidth=0.5)
    likeliest = int(probabilities.argmax())
    axes.set_xlabel(f"{likeliest}: {probabilities[likeliest]:.0%}", fontsize=7, labelpad=1)


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:])
    save_figure(draw(source), target)
