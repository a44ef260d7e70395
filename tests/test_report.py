import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.colors import to_hex

from mindglyph import Trials
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.report import figures
from mindglyph.report.drawing import as_png, as_svg, new_figure
from mindglyph.report.palette import contrast

DECODING = {
    "accuracy": 0.3, "ci95": (0.25, 0.35), "chance": 0.5, "chance_bound": 0.55, "n_test": 300, "ceiling": None,
    "statistic": "accuracy", "folds": [0.28, 0.32], "classes": ["face", "house"], "confusion": [[40, 110], [100, 50]],
}  # fmt: skip


def test_figures_follow_the_colour_of_the_page_and_have_no_fixed_size() -> None:
    svg = figures.accuracy_figure(DECODING)
    opening = svg[: svg.index(">")]
    assert "currentColor" in svg
    assert "width=" not in opening.replace("max-width", "")
    assert "height=" not in opening
    assert "viewBox" in opening
    assert "<text" in svg, "text stays text"


def test_the_confusion_is_in_percent_of_what_was_shown() -> None:
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", figures.confusion_figure(DECODING))
    assert {"27", "73", "67", "33", "face", "house"} <= set(texts)


def test_learning_is_drawn_for_networks_and_for_the_rest() -> None:
    epochs = [{"epoch": float(epoch), "train_loss": 1.0, "valid_loss": 1.1, "valid_acc": 0.5} for epoch in range(3)]
    assert "epoch" in figures.learning_figure([epochs, epochs], DECODING)
    sizes = [{"n_train": 100, "accuracy": 0.4}, {"n_train": 200, "accuracy": 0.5}]
    assert "trials learned from" in figures.learning_figure([sizes], DECODING)
    assert figures.learning_figure([[], []], DECODING) is None


@pytest.mark.parametrize("channels", [["FP1"], ["TP9", "AF7", "AF8", "TP10", "PZ"]])
def test_the_strongest_channel_is_drawn(channels: list[str]) -> None:
    rng = np.random.default_rng(0)
    signals = rng.normal(size=(60, len(channels), 256))
    signals[:, -1, 60:70] += 20
    trials = Trials.from_arrays(signals, np.arange(60) % 2, 256.0, channels)
    svg, channel = figures.evoked_figure(trials, PreprocessingSettings())
    assert channel == channels[-1]
    assert ("ms, ±" in svg) == (len(channels) > 3)


def test_a_page_is_drawn_the_same_twice() -> None:
    assert figures.permutation_figure({**DECODING}, list(np.linspace(0.4, 0.6, 50))) == figures.permutation_figure(
        {**DECODING}, list(np.linspace(0.4, 0.6, 50))
    )


def test_grey_values_become_a_png() -> None:
    assert as_png(np.zeros((28, 28))).startswith("data:image/png;base64,iVBOR")
    assert as_svg(new_figure(1, 1), "nothing").startswith("<svg")


def test_beliefs_are_drawn_against_how_often_they_are_right() -> None:
    bins = [
        {"low": 0.2, "high": 0.3, "n": 30, "confidence": 0.25, "accuracy": 0.2},
        {"low": 0.3, "high": 0.4, "n": 0, "confidence": None, "accuracy": None},
    ]
    assert "believed" in figures.reliability_figure({**DECODING, "reliability": {"bins": bins}})
    assert figures.reliability_figure({**DECODING, "reliability": None}) is None


def test_every_share_of_the_confusion_can_be_read_on_its_cell() -> None:
    cmap = mpl.colormaps["cividis"]
    counts = np.array([[100, 0, 0], [55, 45, 0], [30, 30, 40]])
    svg = figures.confusion_figure({**DECODING, "classes": [0, 1, 2], "confusion": counts.tolist()})
    texts = re.findall(r'<text style="[^"]*?fill: (#\w{6})[^>]*>(\d+)</text>', svg)
    assert [int(share) for _, share in texts[:9]] == counts.ravel().tolist()
    for colour, share in texts[:9]:
        assert contrast(colour, to_hex(cmap(int(share) / 100))) >= 4.5, share
