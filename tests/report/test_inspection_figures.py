import re
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mindglyph.inspection import inspect_store
from mindglyph.report.drawing import as_svg
from mindglyph.report.inspection_figures import inspection_figures
from mindglyph.report.signals import can_map, line_styles
from mindglyph.store import Store
from mindglyph.trials import make_info

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def _texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]+)</text>", svg)


def test_figures_name_what_they_show(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[:, 1] = 0
    sessions = pd.DataFrame({"session": np.repeat([1, 2], 150)})
    drawn = inspection_figures(*inspect_store(store_of(signals, metadata=sessions)))
    texts = {name: _texts(as_svg(figure, "alt")) for name, figure in drawn.items()}
    assert {"0", "1", "2", "3", "4", "label", "% of the trials"} <= set(texts["labels"])
    assert {"TP9", "AF7", "PZ", "spread (µV)"} <= set(texts["amplitude"])
    assert {"50 Hz", "60 Hz", "Hz", "TP9"} <= set(texts["spectrum"])
    assert "AF7" not in texts["spectrum"], "a dead channel has no spectrum"
    assert {"TP9", "AF7", "AF8", "TP10", "PZ"} <= set(texts["channels"])
    assert {"shown", "all", "ms after the event"} <= set(texts["means"])
    assert re.match(r"spread, 0.0 to [\d.]+ µV", texts["head"][-1])


def test_a_dead_channel_is_grey_and_boundaries_are_marked(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[:, 1] = 0
    sessions = pd.DataFrame({"session": np.repeat([1, 2, 3], 100)})
    found, traces = inspect_store(store_of(signals, metadata=sessions))
    axes = inspection_figures(found, traces)["amplitude"].axes[0]
    mesh = axes.collections[0]
    assert mesh.get_array().mask[1].all()
    assert not mesh.get_array().mask[[0, 2, 3, 4]].any()
    assert [line.get_xdata()[0] for line in axes.lines] == [100, 200]


@pytest.mark.parametrize("n_channels", [1, 2, 4])
def test_few_channels_are_drawn_as_lines(store_of: StoreOf, clean: Clean, n_channels: int) -> None:
    figures = inspection_figures(*inspect_store(store_of(clean(100, n_channels))))
    assert len(figures["amplitude"].axes[0].lines) == n_channels
    assert ("channels" in figures) == (n_channels > 1)
    assert ("head" in figures) == (n_channels == 4)


def test_a_recording_of_which_nothing_is_alive_is_drawn(store_of: StoreOf) -> None:
    found, traces = inspect_store(store_of(np.zeros((40, 5, 60))))
    assert found.flat_trials == 40
    for figure in inspection_figures(found, traces).values():
        assert as_svg(figure, "alt").startswith("<svg")


def test_channels_in_one_place_count_once_for_the_head() -> None:
    assert can_map(make_info(["TP9", "AF7", "AF8", "TP10"], 100.0))
    assert not can_map(make_info(["TP9", "AF7", "AF8", "nowhere"], 100.0))
    there = dict.fromkeys(["a", "b", "c", "d"], (0.0, 0.05, 0.05))
    assert not can_map(make_info(list(there), 100.0, there))


def test_lines_are_told_apart() -> None:
    styles = [(tuple(style["color"]), style["ls"]) for style in line_styles(35)]
    assert len(set(styles)) == 35


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 4, 2), (2, 1, 5), (3, 5, 40)])
def test_the_smallest_store_is_inspected_and_drawn(store_of: StoreOf, shape: tuple[int, int, int]) -> None:
    found, traces = inspect_store(store_of(np.random.default_rng(0).normal(size=shape)))
    for figure in inspection_figures(found, traces).values():
        assert as_svg(figure, "alt").startswith("<svg")
