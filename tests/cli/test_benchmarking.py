import io
import json
import re
import sys
from collections.abc import Callable
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from mindglyph.cli import main
from mindglyph.cli.app import listed
from mindglyph.cli.benchmarking import chosen_decoders
from mindglyph.errors import UserError
from mindglyph.store import Store

StoreOf = Callable[..., Store]


def _run(*arguments: object, status: int = 0) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["mindglyph", "benchmark", *map(str, arguments)]))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(errors))
        ended = stack.enter_context(pytest.raises(SystemExit))
        main()
    assert (ended.value.code or 0) == status, errors.getvalue()
    return out.getvalue(), errors.getvalue()


@pytest.fixture(scope="module")
def done(signal: Store, none: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[object], str, str]:
    folder = tmp_path_factory.mktemp("table") / "table"
    words = [signal.path, none.path, "--decoders", "chance,lda", "--splits", "blocked,random"]
    words += ["--folds", 3, "--out", folder]
    return folder, words, *_run(*words)


def test_the_table_is_printed_store_by_store(done: tuple[Path, list[object], str, str]) -> None:
    folder, _, out, errors = done
    assert out.count("random (leaky)") == 4 + 2, "each decoder, and the pair of them, on each store"
    assert "800 trials, chance 10.0%" in out
    assert "ceiling 89.5%" in out
    assert "chance - lda" in out
    assert "nan" not in out
    tables = [line for line in out.splitlines() if not re.match(r".*store: |tables and figure", line)]
    assert max(map(len, tables)) <= 80
    assert "failed" not in errors
    names = {path.name for path in folder.iterdir()}
    assert names >= {"scores.csv", "scores.parquet", "folds.parquet", "comparisons.csv", "scores.png", "scores.svg"}


def test_json_holds_the_whole_table_and_the_same_command_does_nothing_again(
    done: tuple[Path, list[object], str, str],
) -> None:
    folder, words, _, _ = done
    before = {path: path.stat().st_mtime_ns for path in (folder / "cells").rglob("*.json")}
    out, _ = _run(*words, "--json")
    assert {path: path.stat().st_mtime_ns for path in (folder / "cells").rglob("*.json")} == before
    found = json.loads(out)
    assert (found["failed"], found["others"], found["out"]) == (0, 0, str(folder))
    assert len(found["scores"]) == 8
    assert found["scores"][0]["inflation"] is None
    written = pd.read_parquet(folder / "scores.parquet")
    np.testing.assert_allclose([row["accuracy"] for row in found["scores"]], written["accuracy"])
    assert len(found["folds"]) == 24
    assert len(found["comparisons"]) == 4


def test_failed_cells_and_cells_of_another_question_are_said(done: tuple[Path, list[object], str, str]) -> None:
    folder, words, _, _ = done
    one = [words[1], "--decoders", "chance", "--splits", "session", "--splits", "blocked", "--out", folder]
    out, errors = _run(*one, "--folds", 2)
    assert "failed" in out
    assert (
        "1 of 2 cells failed; the first, chance on store (session): the recording does not say which session" in errors
    )
    assert f"{folder}: holds 4 more runs" in errors


def test_unequal_labels_show_the_area_that_p_is_of_and_are_compared_by_it(store_of: StoreOf, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(400) < 0.15).astype(int)
    signals = rng.normal(0, 10, (400, 5, 60))
    signals[labels == 1, :, 20:40] += 2
    store = store_of(signals, labels)
    folder = tmp_path / "table"
    out, _ = _run(store.path, "--decoders", "chance,lda", "--folds", 3, "--out", folder)
    scores = pd.read_csv(folder / "scores.csv").set_index("decoder")
    lda = scores.loc["lda"]
    assert set(scores["statistic"]) == {"auc"}
    assert lda["auc"] > 0.6
    assert f"chance 50.0%, always naming the most frequent label in training {lda['majority']:.1%}" in out
    assert "where the area under the curve (AUC) is shown, p is of it, and guessing gets 0.5" in out
    row = next(line for line in out.splitlines() if re.match(r" *lda", line))
    assert f"{lda['auc']:.3f}" in row
    assert "differences in the area under the curve" in out
    pair = pd.read_csv(folder / "comparisons.csv").iloc[0]
    areas = pd.read_parquet(folder / "folds.parquet").groupby("decoder")["auc"].mean()
    assert pair["statistic"] == "auc"
    assert pair["difference"] == pytest.approx(areas["chance"] - areas["lda"])
    assert f"{pair['difference']:+.3f}" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--decoders", "chance,ldaa"], "there is no decoder 'ldaa'"),
        (["--splits", "random"], "add the split 'blocked'"),
        (["--splits", "blokked"], "splits"),
        (["--decoders", "lda", "--set", "mlp:rate=3"], "begin with one of the decoders, such as lda:KEY=VALUE"),
        (["--decoders", "lda", "--set", "lda:ratee=3"], "there is no setting 'ratee' of lda"),
    ],
)
def test_a_mistake_is_one_line_before_anything_is_written(
    none: Store, tmp_path: Path, words: list[str], said: str
) -> None:
    out, errors = _run(none.path, *words, "--out", tmp_path / "table", status=2)
    lines = [line for line in errors.splitlines() if line.startswith("mindglyph:")]
    assert out == ""
    assert len(lines) == 1
    assert said in lines[0]
    assert not (tmp_path / "table").exists()


def test_no_store_is_a_mistake(none: Store, tmp_path: Path) -> None:
    _, errors = _run(none.path, tmp_path / "nothing", "--out", tmp_path / "table", status=2)
    assert "nothing: is no trial store" in errors


def test_names_come_in_commas_or_several_options_and_settings_by_decoder() -> None:
    assert listed(["a,b", " c ", "a,,"]) == ["a", "b", "c"]
    assert listed(None) == []
    wishes = ["zoo:EEGNet:training.max_epochs=2", "lda:rate=16"]
    found = chosen_decoders(["lda", "zoo:EEGNet", "chance"], wishes)
    assert (found["lda"], found["chance"]) == ({"rate": 16.0}, {})
    assert found["zoo:EEGNet"]["training"]["max_epochs"] == 2
    with pytest.raises(UserError, match="no decoder"):
        chosen_decoders(["nothing"], [])
