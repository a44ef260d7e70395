from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.report.tuning_figures import history_figure, slices_figure, write_tuning_figures


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    states = ["complete"] * 8 + ["pruned"] * 3 + ["failed"]
    return pd.DataFrame(
        {
            "number": range(12),
            "state": states,
            "default": [True] + [False] * 11,
            "log_loss": [*rng.uniform(1, 2, 10), 900.0, np.nan],
            "error": [None] * 11 + ["no"],
            "rate": [*rng.uniform(1e-4, 1e-1, 11), np.nan],
            "kind": pd.array([*rng.choice(["a", "None"], 11), None], dtype="string"),
            "order": rng.integers(1, 5, 12),
        }
    )


def test_three_figures_are_written_and_two_without_importance(table: pd.DataFrame, tmp_path: Path) -> None:
    paths = write_tuning_figures(table, {"rate": 0.7, "order": 0.2, "kind": 0.1}, tmp_path)
    assert {path.name for path in paths} == {
        f"{name}.{kind}" for name in ("history", "importance", "slices") for kind in ("png", "svg")
    }
    assert all(path.stat().st_size > 1000 for path in paths)
    assert len(write_tuning_figures(table, None, tmp_path / "none")) == 4


def test_the_best_so_far_never_rises_and_failures_are_marked(table: pd.DataFrame) -> None:
    axes = history_figure(table).axes[0]
    lines = {line.get_label(): line for line in axes.get_lines()}
    assert (np.diff(lines["best so far"].get_ydata()) <= 0).all()
    assert "failed" in lines
    assert axes.get_ylim()[1] < 10, "one hopeless trial does not flatten all others"


def test_each_setting_has_a_panel_and_what_spans_factors_goes_in_factors(table: pd.DataFrame) -> None:
    panels = slices_figure(table, ["rate", "order", "kind"]).axes
    assert [axes.get_title() for axes in panels] == ["rate", "order", "kind"]
    assert [axes.get_xscale() for axes in panels] == ["log", "linear", "linear"]
    assert [text.get_text() for text in panels[2].get_xticklabels()] == ["None", "a"]


def test_a_search_in_which_one_trial_went_through_can_be_drawn(table: pd.DataFrame, tmp_path: Path) -> None:
    assert write_tuning_figures(table.iloc[[0]], None, tmp_path)
    assert write_tuning_figures(table.iloc[[0, 8, 11]], None, tmp_path)
