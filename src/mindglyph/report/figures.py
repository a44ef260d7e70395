"""The figures of the report."""

from __future__ import annotations

from typing import Any

import numpy as np

from mindglyph.inspection import mean_signals
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.report.drawing import BLUE, GREEN, GREY, ORANGE, as_svg, new_figure, styled
from mindglyph.report.signals import means_figure
from mindglyph.trials import Trials


@styled
def accuracy_figure(decoding: dict[str, Any]) -> str:
    """Draw accuracy with its interval, each fold, chance and ceiling on one scale."""
    figure = new_figure(7, 1.7)
    axes = figure.subplots()
    low, high = decoding["ci95"]
    axes.axvspan(0, 100 * decoding["chance_bound"], color="#808182", alpha=0.25, lw=0)
    axes.axvline(100 * decoding["chance"], color="#808182", lw=1.5)
    axes.text(100 * decoding["chance"], 1.55, "chance", ha="center", va="bottom")
    if decoding["ceiling"] is not None:
        axes.axvline(100 * decoding["ceiling"], color=GREEN, lw=1.5, ls="--")
        axes.text(100 * decoding["ceiling"], 1.55, "ceiling", ha="center", va="bottom", color=GREEN)
    axes.plot([100 * low, 100 * high], [1, 1], color=BLUE, lw=5, solid_capstyle="butt", alpha=0.6)
    axes.plot(100 * decoding["accuracy"], 1, "o", color=BLUE, ms=9)
    folds = 100 * np.array(decoding["folds"])
    axes.plot(folds, np.zeros(len(folds)), "|", color=BLUE, ms=14, mew=2)
    axes.set(
        yticks=[0, 1], yticklabels=["each fold", "all folds"], ylim=(-0.6, 1.5), xlabel="trials decoded rightly (%)"
    )
    axes.set_xlim(0, max(25, 100 * max(high, max(decoding["folds"]), decoding["ceiling"] or 0) + 5))
    axes.tick_params(left=False)
    return as_svg(figure)


@styled
def confusion_figure(decoding: dict[str, Any]) -> str:
    """Draw how often each label shown was decoded as each other, in percent of those shown."""
    counts = np.array(decoding["confusion"], dtype=float)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(5, 4.2)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=max(20, shares.max()))
    for (row, column), share in np.ndenumerate(shares):
        colour = "white" if share < 0.6 * max(20, shares.max()) else "black"
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=colour, fontsize=8)
    classes = decoding["classes"]
    axes.set(xlabel="decoded", ylabel="shown", xticks=range(len(classes)), yticks=range(len(classes)))
    axes.set_xticklabels(classes)
    axes.set_yticklabels(classes)
    figure.colorbar(image, ax=axes, label="% of the trials that showed it")
    return as_svg(figure)


@styled
def permutation_figure(decoding: dict[str, Any], null: list[float]) -> str:
    """Draw the scores that the same predictions get with permuted labels, and the real one."""
    figure = new_figure(7, 2.6)
    axes = figure.subplots()
    scores = 100 * np.array(null)
    what = "area under the curve (%)" if decoding["statistic"] == "auc" else "accuracy (%)"
    # One bar for each accuracy that can occur, or whole groups of them.
    step = 100 / decoding["n_test"]
    width = step * max(1, round(np.ptp(scores) / step / 40))
    edges = np.arange(scores.min() - step / 2, scores.max() + width, width)
    axes.hist(scores, bins=edges.tolist(), color="#808182", alpha=0.7, label="labels permuted")
    axes.axvline(100 * decoding[decoding["statistic"]], color=BLUE, lw=2.5, label="this recording")
    axes.set(xlabel=what, ylabel="permutations")
    axes.legend()
    return as_svg(figure)


@styled
def learning_figure(histories: list[list[dict[str, float]]], decoding: dict[str, Any]) -> str | None:
    """Draw how each fold learned: by epoch for networks, by number of trials for the rest."""
    histories = [history for history in histories if history]
    if not histories:
        return None
    figure = new_figure(7, 2.8)
    if "epoch" in histories[0][0]:
        left, right = figure.subplots(1, 2)
        for history in histories:
            epochs = [epoch["epoch"] for epoch in history]
            left.plot(epochs, [epoch["train_loss"] for epoch in history], color=ORANGE, alpha=0.7)
            left.plot(epochs, [epoch["valid_loss"] for epoch in history], color=BLUE, alpha=0.7)
            right.plot(epochs, [100 * epoch["valid_acc"] for epoch in history], color=BLUE, alpha=0.7)
        left.set(xlabel="epoch", ylabel="cross-entropy (nats)")
        left.plot([], [], color=ORANGE, label="learned from")
        left.plot([], [], color=BLUE, label="held out, in the training fold")
        left.legend()
        right.axhline(100 * decoding["chance"], color="#808182")
        right.set(xlabel="epoch", ylabel="held out: accuracy (%)")
    else:
        axes = figure.subplots()
        for history in histories:
            points = [(entry["n_train"], 100 * entry["accuracy"]) for entry in history]
            axes.plot(*zip(*points, strict=True), "o-", color=BLUE, alpha=0.6)
        axes.axhline(100 * decoding["chance"], color="#808182", label="chance")
        if decoding["ceiling"] is not None:
            axes.axhline(100 * decoding["ceiling"], color=GREEN, ls="--", label="ceiling")
        axes.set(xlabel="trials learned from", ylabel="accuracy (%)", ylim=(0, None))
        axes.legend()
    return as_svg(figure)


def evoked_figure(trials: Trials, preprocessing: PreprocessingSettings) -> tuple[str, str]:
    """Draw the mean signal of each label, and where on the head it is strongest.

    Returns
    -------
    figure : str
        SVG.
    channel : str
        The channel whose mean signals are drawn: the one with the strongest mean.
    """
    means = mean_signals(trials, preprocessing)
    return as_svg(means_figure(means, trials.info)), str(trials.info["ch_names"][means.peak[0]])


@styled
def reliability_figure(decoding: dict[str, Any]) -> str | None:
    """Draw how often the decoder is right by how much it believes; None where there are no probabilities."""
    if decoding["reliability"] is None:
        return None
    bins = [one for one in decoding["reliability"]["bins"] if one["n"]]
    figure = new_figure(4.2, 3.6)
    axes = figure.subplots()
    axes.plot([0, 100], [0, 100], color=GREY, lw=1.5)
    axes.axhline(100 * decoding["chance"], color=GREY, lw=1, ls=":")
    sizes = np.array([one["n"] for one in bins])
    axes.scatter(
        [100 * one["confidence"] for one in bins],
        [100 * one["accuracy"] for one in bins],
        s=15 + 250 * sizes / sizes.max(),
        color=BLUE,
        alpha=0.7,
        lw=0,
    )
    axes.set(xlabel="believed (%)", ylabel="right (%)", xlim=(0, 100), ylim=(0, 100))
    return as_svg(figure)
