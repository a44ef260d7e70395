import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.report.benchmark_figure import benchmark_figure, write_benchmark_figure


def _scores(**columns: object) -> pd.DataFrame:
    table = pd.DataFrame(
        {
            "store": ["real", "real", "simulated", "simulated", "simulated"],
            "decoder": ["lda", "lda", "lda", "lda", "evoked"],
            "split": ["blocked", "random", "blocked", "random", "subject"],
            "leaky": [False, True, False, True, False],
            "accuracy": [0.11, 0.14, 0.5, 0.52, np.nan],
            "ci_low": [0.09, 0.12, 0.45, 0.48, np.nan],
            "ci_high": [0.13, 0.16, 0.55, 0.57, np.nan],
            "chance": [0.1, 0.1, 0.1, 0.1, np.nan],
            "chance_bound": [0.12, 0.12, 0.11, 0.11, np.nan],
            "ceiling": [np.nan, np.nan, 0.6, 0.6, np.nan],
        }
    )
    return table.assign(**columns)


def _lines(axes: object, name: str) -> list[float]:
    return [float(line.get_xdata()[0]) for line in axes.lines if line.get_gid() == name]


def test_scores_stand_against_chance_and_the_ceiling() -> None:
    real, simulated = benchmark_figure(_scores()).axes
    assert _lines(real, "chance") == _lines(simulated, "chance") == [10.0]
    assert _lines(real, "ceiling") == []
    assert _lines(simulated, "ceiling") == [60.0]
    assert real.get_xlim() == (0, 25), "differences at chance are not blown up"
    assert simulated.get_xlim()[1] > 60
    drawn = [tuple(line.get_xdata()) for line in real.lines]
    assert any(np.allclose(x, (9, 13)) for x in drawn if len(x) == 2), "its interval"
    assert [label.get_text() for label in simulated.get_yticklabels()] == ["lda", "evoked"]


def test_a_leaky_split_is_hollow_and_named(tmp_path: Path) -> None:
    figure = benchmark_figure(_scores())
    marks = {
        line.get_marker(): line.get_markerfacecolor() for line in figure.axes[0].lines if line.get_marker() != "None"
    }
    assert marks["D"] == "white"
    assert marks["o"] != "white"
    paths = write_benchmark_figure(_scores(), tmp_path)
    assert [path.name for path in paths] == ["scores.png", "scores.svg"]
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    texts = re.findall(r"<text[^>]*>([^<]+)</text>", paths[1].read_text())
    assert {"random (leaky)", "blocked", "chance", "ceiling (simulated)", "failed", "real"} <= set(texts)


@pytest.mark.parametrize("ceiling", [np.nan, 0.1])
def test_a_benchmark_of_which_nothing_has_a_score_is_drawn(tmp_path: Path, ceiling: float) -> None:
    empty = _scores(accuracy=np.nan, ci_low=np.nan, ci_high=np.nan, chance=np.nan, chance_bound=np.nan, ceiling=ceiling)
    assert all(axes.get_xlim() == (0, 25) for axes in benchmark_figure(empty).axes)
    write_benchmark_figure(empty, tmp_path)
