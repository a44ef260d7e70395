"""Grids of what was seen and what was drawn, chosen by rule, and a strip that moves from noise to a digit."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mindglyph.files import replaced_file
from mindglyph.images.metrics import similarities
from mindglyph.reconstruction import Reconstructions
from mindglyph.report.drawing import new_figure, save_figure, styled

ROWS = 8
"""Trials of a grid."""

_MOST_RANKED = 4000
_FRAME_MS = 90
_ENLARGED = 8  # pixels of the strip for a pixel of a picture


def chosen_trials(pictures: Reconstructions, count: int = ROWS) -> dict[str, np.ndarray]:
    """Choose trials by rule: evenly spaced in time, and those in which the drawing came out best, middling, worst.

    Parameters
    ----------
    pictures : Reconstructions
        All of a run.
    count : int
        Trials of each kind.

    Returns
    -------
    dict of str to ndarray
        Places of the trials `even`, `best`, `median` and `worst`, the latter three ranked among the
        trials that are shown, by `likeness`; empty where none is shown.
    """
    even = np.unique(np.linspace(0, len(pictures) - 1, count).round().astype(int))
    shown = np.flatnonzero(pictures.accepted)
    ranked = shown[np.argsort(likeness(pictures, shown), kind="stable")] if len(shown) else shown
    middle = max(0, (len(ranked) - count) // 2)
    return {
        "even": even,
        "best": ranked[::-1][:count],
        "median": ranked[middle : middle + count],
        "worst": ranked[:count],
    }


def likeness(pictures: Reconstructions, places: np.ndarray) -> np.ndarray:
    """Return how well trials were drawn: pixel correlation with the picture seen, else belief in the digit shown."""
    if pictures.seen is None:
        return pictures.probabilities[places, pictures.labels[places]]
    parts = np.array_split(places, max(1, -(-len(places) // _MOST_RANKED)))
    seen = pictures.seen
    return np.concatenate([similarities(pictures.drawn[part], seen[part]).diagonal() for part in parts])


@styled
def grid_figure(pictures: Reconstructions, places: np.ndarray, names: tuple[str, ...]) -> Figure:
    """Draw trials as rows: seen, reconstructed, uncertainty, label only, candidates with their weights.

    Parameters
    ----------
    pictures : Reconstructions
        All of a run.
    places : ndarray
        Which trials.
    names : tuple of str
        What the generator's digits are called.

    Returns
    -------
    Figure
        A row a trial.
    """
    n_candidates = pictures.candidates.shape[1]
    titles = ["seen", "reconstructed", "uncertainty", "label only", *["candidate"] * n_candidates]
    figure = new_figure(1.05 * len(titles) + 0.2, 1.22 * max(1, len(places)) + 0.4)
    grid = figure.subplots(max(1, len(places)), len(titles), squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for axes, title in zip(grid[0], titles, strict=True):
        axes.set_title(title, fontsize=9)
    for row, place in zip(grid, places, strict=False):
        seen = None if pictures.seen is None else pictures.seen[place] / 255
        _show(row[0], seen, names[pictures.labels[place]])
        if pictures.accepted[place]:
            _show(row[1], pictures.drawn[place])
            _show(row[2], pictures.deviation[place])
            _show(row[3], pictures.label_only[place])
        else:
            _show(row[1], None, "abstains")
        candidates = zip(row[4:], pictures.candidates[place], pictures.weights[place], strict=True)
        for axes, candidate, weight in candidates if pictures.accepted[place] else ():
            _show(axes, pictures.bank[candidate] / 255)
            axes.text(0.5, -0.04, f"{weight:.0%}", transform=axes.transAxes, ha="center", va="top", fontsize=8)
    return figure


def _show(axes: object, picture: np.ndarray | None, text: str = "") -> None:
    if picture is None:
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=11)  # type: ignore[attr-defined]
    else:
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="nearest")  # type: ignore[attr-defined]


def write_grids(
    folder: Path, pictures: Reconstructions, chosen: Mapping[str, np.ndarray], names: tuple[str, ...]
) -> list[Path]:
    """Write each choice of trials as `grid-NAME.png`, and return the files."""
    files = []
    for name, places in chosen.items():
        if len(places):
            path = folder / f"grid-{name}.png"
            save_figure(grid_figure(pictures, places, names), path)
            files.append(path)
    return files


def strip_frames(pictures: Reconstructions, place: int, seed: int = 0) -> np.ndarray:
    """Return the frames of a strip that moves from noise to a digit, as ever more of a trial is believed.

    Noise gives way to the mean of all that might be drawn; the digits' probabilities are then
    believed ever more, until they are as decoded; then what the trial tells of the hand; and at
    last the likeliest candidate, which stands for one of the pictures that it may have been.

    Parameters
    ----------
    pictures : Reconstructions
        All of a run.
    place : int
        Which trial.
    seed : int
        Of the noise.

    Returns
    -------
    ndarray, shape (n_frames, 28, 28)
        Grey values between 0 and 1.
    """
    probabilities = pictures.probabilities[place]
    means = pictures.bank.reshape(len(probabilities), -1, 28, 28).mean(axis=1) / 255
    rng = np.random.default_rng(seed)
    stages = [rng.random((28, 28)), means.mean(axis=0)]
    for believed in np.linspace(0.1, 1, 10):
        shares = np.maximum(probabilities, 1e-12) ** believed
        stages.append(np.tensordot(shares / shares.sum(), means, 1))
    stages += [pictures.drawn[place], pictures.bank[pictures.candidates[place, 0]] / 255]
    # The first and the last two steps are long, and so are shown in more frames.
    lengths = [8, *[2] * 10, 8, 8]
    frames = [
        before + share * (after - before)
        for (before, after), length in zip(pairwise(stages), lengths, strict=True)
        for share in np.linspace(0, 1, length, endpoint=False)
    ]
    return np.stack([*frames, *[stages[-1]] * 12]).clip(0, 1)


def write_strip(path: Path, pictures: Reconstructions, place: int) -> None:
    """Write the strip of a trial as an animated GIF: the picture seen, where it is known, beside what is drawn."""
    from PIL import Image

    frames = strip_frames(pictures, place)
    if pictures.seen is not None:
        seen = np.broadcast_to(pictures.seen[place] / 255, frames.shape)
        frames = np.concatenate([seen, np.ones((len(frames), 28, 2)), frames], axis=2)
    grey = np.round(255 * frames).astype(np.uint8).repeat(_ENLARGED, axis=1).repeat(_ENLARGED, axis=2)
    images = [Image.fromarray(frame) for frame in grey]
    with replaced_file(path) as temporary:
        images[0].save(temporary, format="GIF", save_all=True, append_images=images[1:], duration=_FRAME_MS, loop=0)
