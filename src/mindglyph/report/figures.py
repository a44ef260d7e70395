"""The figures of the report."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.colors import to_hex

from mindglyph.inspection import mean_signals
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.report.drawing import BLUE, GREEN, GREY, ORANGE, as_svg, new_figure, styled
from mindglyph.report.palette import contrast
from mindglyph.report.signals import means_figure
from mindglyph.trials import Trials

_LONG_NAME = 4
"""Letters of a label from which on labels side by side would run into one another."""


@styled
def accuracy_figure(decoding: dict[str, Any]) -> str:
    """Draw accuracy with its interval, each fold, chance and ceiling on one scale."""
    figure = new_figure(5, 1.7)
    axes = figure.subplots()
    low, high = decoding["ci95"]
    axes.axvspan(0, 100 * decoding["chance_bound"], color="#808182", alpha=0.25, lw=0)
    axes.axvline(100 * decoding["chance"], color="#808182", lw=1.5)
    furthest = 100 * max(high, max(decoding["folds"]), decoding["ceiling"] or 0)
    right = max(25, furthest + 5)
    # Where the ceiling is near chance, their names stand on either side.
    apart = decoding["ceiling"] is None or 100 * (decoding["ceiling"] - decoding["chance"]) > 0.2 * right
    axes.text(100 * decoding["chance"], 1.55, "chance ", ha="center" if apart else "right", va="bottom")
    if decoding["ceiling"] is not None:
        axes.axvline(100 * decoding["ceiling"], color=GREEN, lw=1.5, ls="--")
        axes.text(
            100 * decoding["ceiling"], 1.55, " ceiling", ha="center" if apart else "left", va="bottom", color=GREEN
        )
    axes.plot([100 * low, 100 * high], [1, 1], color=BLUE, lw=5, solid_capstyle="butt", alpha=0.6)
    axes.plot(100 * decoding["accuracy"], 1, "o", color=BLUE, ms=9)
    folds = 100 * np.array(decoding["folds"])
    axes.plot(folds, np.zeros(len(folds)), "|", color=BLUE, ms=14, mew=2)
    axes.set(
        yticks=[0, 1], yticklabels=["each fold", "all folds"], ylim=(-0.6, 1.5), xlabel="trials decoded rightly (%)"
    )
    axes.set_xlim(0, right)
    axes.tick_params(left=False)
    alt = (
        f"Scale of the trials decoded rightly: {decoding['accuracy']:.1%}, 95% interval {low:.1%} to {high:.1%}; "
        f"the {len(folds)} folds lie between {folds.min():.1f}% and {folds.max():.1f}%; "
        f"chance is {decoding['chance']:.1%}, and guessing reaches up to {decoding['chance_bound']:.1%}"
    )
    alt += "." if decoding["ceiling"] is None else f"; the ceiling is {decoding['ceiling']:.1%}."
    return as_svg(figure, alt)


@styled
def confusion_figure(decoding: dict[str, Any]) -> str:
    """Draw how often each label shown was decoded as each other, in percent of those shown."""
    counts = np.array(decoding["confusion"], dtype=float)
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    figure = new_figure(5, 4.2)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="cividis", vmin=0, vmax=max(20, shares.max()))
    red, green, blue, _ = np.moveaxis(np.asarray(image.cmap(image.norm(shares))), -1, 0)
    for (row, column), share in np.ndenumerate(shares):
        behind = to_hex((red[row, column], green[row, column], blue[row, column]))
        colour = max("#ffffff", "#000001", key=lambda one: contrast(one, behind))
        axes.text(column, row, f"{share:.0f}", ha="center", va="center", color=colour, fontsize=8)
    classes = decoding["classes"]
    axes.set(xlabel="decoded", ylabel="shown", xticks=range(len(classes)), yticks=range(len(classes)))
    turned = max(len(str(label)) for label in classes) > _LONG_NAME
    axes.set_xticklabels(classes, rotation=30 if turned else 0, ha="right" if turned else "center")
    axes.set_yticklabels(classes)
    figure.colorbar(image, ax=axes, label="% of the trials that showed it", shrink=0.8)
    return as_svg(figure, _confusion_in_words(shares, classes))


def _confusion_in_words(shares: np.ndarray, classes: list[Any]) -> str:
    right = shares.diagonal()
    wrong = shares - np.diag(right)
    shown, decoded = np.unravel_index(wrong.argmax(), wrong.shape)
    return (
        f"Table of {len(classes)} labels shown by {len(classes)} labels decoded. Of each label's trials between "
        f"{right.min():.0f}% ({classes[right.argmin()]}) and {right.max():.0f}% ({classes[right.argmax()]}) are "
        f"decoded rightly; taken most often for another is {classes[shown]}, for {classes[decoded]}, "
        f"in {wrong.max():.0f}%."
    )


@styled
def permutation_figure(decoding: dict[str, Any], null: list[float]) -> str:
    """Draw the scores that the same predictions get with permuted labels, and the real one."""
    figure = new_figure(5, 2.4)
    axes = figure.subplots()
    scores = 100 * np.array(null)
    what = "area under the curve (%)" if decoding["statistic"] == "auc" else "accuracy (%)"
    # One bar for each accuracy that can occur, or whole groups of them.
    step = 100 / decoding["n_test"]
    width = step * max(1, round(np.ptp(scores) / step / 40))
    edges = np.arange(scores.min() - step / 2, scores.max() + width, width)
    axes.hist(scores, bins=edges.tolist(), color="#808182", label="labels permuted")
    axes.axvline(100 * decoding[decoding["statistic"]], color=BLUE, lw=2.5, label="this recording")
    axes.set(xlabel=what, ylabel="permutations")
    axes.legend()
    alt = (
        f"Histogram of {len(scores):,} scores with permuted labels, between {scores.min():.1f}% and "
        f"{scores.max():.1f}%, and a line at the score of this recording, {100 * decoding[decoding['statistic']]:.1f}%."
    )
    return as_svg(figure, alt)


@styled
def learning_figure(histories: list[list[dict[str, float]]], decoding: dict[str, Any]) -> str | None:
    """Draw how each fold learned: by epoch for networks, by number of trials for the rest."""
    histories = [history for history in histories if history]
    if not histories:
        return None
    if "epoch" in histories[0][0]:
        figure = new_figure(7, 2.8)
        left, right = figure.subplots(1, 2)
        for history in histories:
            epochs = [epoch["epoch"] for epoch in history]
            left.plot(epochs, [epoch["train_loss"] for epoch in history], color=ORANGE, alpha=0.7)
            left.plot(epochs, [epoch["valid_loss"] for epoch in history], color=BLUE, alpha=0.7)
            right.plot(epochs, [100 * epoch["valid_acc"] for epoch in history], color=BLUE, alpha=0.7)
        left.set(xlabel="epoch", ylabel="cross-entropy (nats)")
        left.plot([], [], color=ORANGE, label="learned from")
        left.plot([], [], color=BLUE, label="held out, in the training fold")
        # Above both panels: inside, lines that rise would run through it.
        figure.legend(loc="outside upper left", ncols=2)
        right.axhline(100 * decoding["chance"], color="#808182")
        right.set(xlabel="epoch", ylabel="held out: accuracy (%)")
        best = [min(epoch["valid_loss"] for epoch in history) for history in histories]
        alt = (
            f"Loss and held-out accuracy of {len(histories)} folds, epoch after epoch: the least held-out loss of "
            f"a fold is between {min(best):.2f} and {max(best):.2f} nats."
        )
    else:
        figure = new_figure(5, 2.6)
        axes = figure.subplots()
        for history in histories:
            points = [(entry["n_train"], 100 * entry["accuracy"]) for entry in history]
            axes.plot(*zip(*points, strict=True), "o-", color=BLUE, alpha=0.6)
        axes.axhline(100 * decoding["chance"], color="#808182", label="chance")
        if decoding["ceiling"] is not None:
            axes.axhline(100 * decoding["ceiling"], color=GREEN, ls="--", label="ceiling")
        axes.set(xlabel="trials learned from", ylabel="accuracy (%)", ylim=(0, None))
        axes.legend()
        first, last = ([history[place] for history in histories] for place in (0, -1))
        alt = (
            f"Accuracy of {len(histories)} folds by the trials learned from: {_on_average(first)}, {_on_average(last)}."
        )
    return as_svg(figure, alt)


def _on_average(entries: list[dict[str, float]]) -> str:
    trials, accuracy = (np.mean([entry[name] for entry in entries]) for name in ("n_train", "accuracy"))
    return f"{accuracy:.1%} after {trials:,.0f} trials"


def evoked_figure(trials: Trials, preprocessing: PreprocessingSettings) -> tuple[str, str]:
    """Draw the mean signal of each label, and where on the head it is strongest.

    Parameters
    ----------
    trials : Trials
        Of the store.
    preprocessing : PreprocessingSettings
        What is done before the mean is taken.

    Returns
    -------
    figure : str
        SVG.
    channel : str
        The channel whose mean signals are drawn: the one with the strongest mean.
    """
    means = mean_signals(trials, preprocessing)
    channel, sample = str(trials.info["ch_names"][means.peak[0]]), means.peak[1]
    alt = (
        f"Mean signal of all trials and of {len(means.labels)} labels at {channel}, over time: it is strongest "
        f"{1000 * means.times[sample]:.0f} ms after the event, with {means.of_all[means.peak]:+.1f} µV."
    )
    return as_svg(means_figure(means, trials.info), alt), channel


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
        clip_on=False,
    )
    axes.set(xlabel="believed (%)", ylabel="right (%)", xlim=(0, 100), ylim=(0, 100))
    alt = "How often the decoder is right by how much it believes: " + "; ".join(
        f"believed {one['confidence']:.0%}, right {one['accuracy']:.0%} (n = {one['n']:,})" for one in bins
    )
    return as_svg(figure, f"{alt}.")
