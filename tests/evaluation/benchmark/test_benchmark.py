import json
import os
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.decoders.monitor import Progress
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings, open_evaluation
from mindglyph.evaluation.benchmark import Benchmark, Question, benchmark, cells, run_benchmark
from mindglyph.evaluation.benchmark.provenance import provenance
from mindglyph.evaluation.evaluate import Watcher
from mindglyph.runs import Run
from mindglyph.store import Store
from tests.kills import Starter

BOTH = EvaluationSettings(splits=("random", "blocked"), folds=3, permutations=200)
DECODERS = {"chance": {}, "lda": {}}


def _stamps(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in sorted((folder / "cells").rglob("*.json"))}


@pytest.fixture(scope="module")
def asked(signal: Store, none: Store) -> Question:
    return Question((signal.path, none.path), DECODERS, BOTH)


@pytest.fixture(scope="module")
def filled(asked: Question, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Benchmark]:
    folder = tmp_path_factory.mktemp("benchmark") / "table"
    found, failed = run_benchmark(asked, folder)
    assert failed == []
    return folder, found


def test_the_table_has_a_row_a_cell_and_its_numbers_are_right(filled: tuple[Path, Benchmark], signal: Store) -> None:
    _, found = filled
    scores = found.scores
    assert len(scores) == 8
    assert list(scores["split"]) == ["blocked", "random"] * 4
    assert list(scores["decoder"][:4]) == ["chance", "chance", "lda", "lda"]
    assert scores["store"].nunique() == 2, "stores in folders of one name are told apart"
    row = scores.iloc[2]
    assert row["accuracy"] > 0.4
    assert row["ci_low"] < row["accuracy"] < row["ci_high"]
    assert (row["n_test"], row["n_classes"], row["chance"]) == (800, 10, 0.1)
    assert row["content_hash"] == signal.about["content_hash"][:12]
    assert row["ceiling"] == signal.truth["ceiling"]["accuracy"]
    assert row["efficiency"] == pytest.approx((row["accuracy"] - 0.1) / (row["ceiling"] - 0.1))
    assert "can be read from this simulated recording" in row["verdict"]
    assert json.loads(row["settings"])["decoder_settings"]["rate"] == 32.0
    assert row["seconds"] > 0
    nothing = scores.iloc[4:]
    assert nothing.loc[nothing["split"] == "blocked", "verdict"].str.startswith("No evidence").all()
    assert nothing["efficiency"].isna().all(), "there is nothing of which a share could be reached"
    assert scores["error"].isna().all()


def test_a_leaky_split_is_told_by_how_far_it_lies_above_the_honest_one(filled: tuple[Path, Benchmark]) -> None:
    scores = filled[1].scores
    honest, leaky = scores[~scores["leaky"]], scores[scores["leaky"]]
    np.testing.assert_allclose(leaky["inflation"], leaky["accuracy"].to_numpy() - honest["accuracy"].to_numpy())
    assert honest["inflation"].isna().all()
    assert leaky["efficiency"].isna().all()
    assert leaky["verdict"].str.contains("random split").all()


def test_every_cell_is_an_evaluation_that_can_be_opened(filled: tuple[Path, Benchmark], signal: Store) -> None:
    folder, found = filled
    run, store, settings = open_evaluation(folder / "cells" / found.scores["cell"][2])
    assert store.path.resolve() == signal.path.resolve()
    assert (settings.decoder, settings.splits) == ("lda", ("blocked", "random"))
    assert run.metrics["splits"]["random"]["accuracy"] == found.scores["accuracy"][3]


def test_the_files_hold_what_is_returned(filled: tuple[Path, Benchmark]) -> None:
    folder, found = filled
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "scores.parquet"), found.scores)
    pd.testing.assert_frame_equal(pd.read_parquet(folder / "folds.parquet"), found.folds)
    written = pd.read_csv(folder / "scores.csv")
    assert list(written) == list(found.scores)
    np.testing.assert_array_equal(written["accuracy"], found.scores["accuracy"])
    assert len(pd.read_csv(folder / "comparisons.csv")) == len(found.comparisons) == 4
    assert len(found.folds) == 8 * 3
    weighed = found.folds.groupby("cell", sort=False).apply(lambda part: np.average(part["accuracy"]))
    assert weighed.between(0, 1).all()
    assert not list(folder.glob(".*.tmp"))


def test_what_is_finished_is_not_done_again(asked: Question, filled: tuple[Path, Benchmark]) -> None:
    folder, found = filled
    before = _stamps(folder)
    again, _ = run_benchmark(asked, folder)
    assert _stamps(folder) == before
    pd.testing.assert_frame_equal(again.scores, found.scores)
    fewer, _ = run_benchmark(Question(asked.stores[:1], {"lda": {}}, BOTH), folder)
    assert len(fewer.scores) == 2
    assert fewer.others == 3
    assert _stamps(folder) == before


def test_nothing_stale_is_shown(asked: Question, filled: tuple[Path, Benchmark], monkeypatch: object) -> None:
    folder, found = filled
    one = Question(asked.stores[1:], {"chance": {}}, BOTH)
    before = _stamps(folder)
    monkeypatch.setattr(cells, "provenance", lambda decoder: {**provenance(decoder), "source": "changed"})
    changed, _ = run_benchmark(one, folder)
    assert changed.others == 4
    assert not set(changed.scores["cell"]) & set(found.scores["cell"])
    after = _stamps(folder)
    assert {path: stamp for path, stamp in after.items() if path in before} == before
    assert set(after) != set(before)


def test_a_stopped_benchmark_goes_on(none: Store, tmp_path: Path, monkeypatch: object) -> None:
    question = Question((none.path,), {"chance": {}, "lda": {}}, BOTH)
    evaluate = benchmark.evaluate

    def stopped(store: Store, settings: EvaluationSettings, *rest: object, **more: object) -> object:
        if settings.decoder == "lda":
            raise KeyboardInterrupt
        return evaluate(store, settings, *rest, **more)

    with monkeypatch.context() as patch:
        patch.setattr(benchmark, "evaluate", stopped)
        with pytest.raises(KeyboardInterrupt):
            run_benchmark(question, tmp_path / "table")
    assert not (tmp_path / "table/scores.csv").exists()
    folds = {path: stamp for path, stamp in _stamps(tmp_path / "table").items() if path.name == "fold.json"}
    assert len(folds) == 3
    found, failed = run_benchmark(question, tmp_path / "table")
    assert (len(found.scores), failed) == (4, [])
    assert folds.items() <= _stamps(tmp_path / "table").items()


def test_a_killed_benchmark_goes_on(none: Store, starter: Starter, tmp_path: Path) -> None:
    folder = tmp_path / "table"
    words = ["benchmark", str(none.path), "--decoders", "chance,lda,mlp", "--folds", "2", "--out", str(folder)]
    started = starter.start(words)
    try:
        while not list(folder.glob("cells/*/cell.blocked.json")):
            assert not started.ended(), "it ended before it was killed"
            time.sleep(0.005)
    finally:
        started.kill()
    finished = _stamps(folder)
    settings = EvaluationSettings(folds=2)
    found, _ = run_benchmark(Question((none.path,), {"chance": {}, "lda": {}}, settings), folder)
    kept = found.scores["cell"][0]
    stamps = {path: stamp for path, stamp in finished.items() if path.parent.name == kept or kept in path.parts}
    assert len(stamps) >= 5
    assert stamps.items() <= _stamps(folder).items()
    assert found.scores["accuracy"].notna().all()


def test_a_cell_that_fails_says_why_and_the_rest_goes_on(none: Store, tmp_path: Path, monkeypatch: object) -> None:
    evaluate = benchmark.evaluate

    def broken(store: Store, settings: EvaluationSettings, *rest: object, **more: object) -> object:
        if settings.decoder == "lda":
            raise np.linalg.LinAlgError("Matrix is not\npositive definite")
        return evaluate(store, settings, *rest, **more)

    monkeypatch.setattr(benchmark, "evaluate", broken)
    settings = EvaluationSettings(splits=("session", "blocked", "random"), folds=3, permutations=200)
    question = Question((none.path,), {"chance": {}, "lda": {}}, settings)
    found, failed = run_benchmark(question, tmp_path / "table")
    scores = found.scores.set_index(["decoder", "split"])
    assert "take the split 'blocked'" in scores.loc[("chance", "session"), "error"]
    assert scores.loc[("chance", "random"), "error"] == "is shown only beside the split 'session', which failed"
    assert scores.loc[("lda", "blocked"), "error"] == "LinAlgError: Matrix is not positive definite"
    assert scores["accuracy"].notna().sum() == 1
    assert scores.loc[("chance", "blocked"), "accuracy"] < 0.2
    assert len(failed) == 5
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "table/scores.parquet"), found.scores)
    monkeypatch.undo()
    mended, failed = run_benchmark(Question((none.path,), {"lda": {}}, BOTH), tmp_path / "table")
    assert failed == []
    assert mended.scores["error"].isna().all()


@pytest.mark.slow
def test_several_processes_give_the_same_table(none: Store, tmp_path: Path) -> None:
    question = Question((none.path,), DECODERS, BOTH)
    one, _ = run_benchmark(question, tmp_path / "one")
    two, _ = run_benchmark(question, tmp_path / "two", workers=2)
    pd.testing.assert_frame_equal(
        one.scores.drop(columns="seconds"), two.scores.drop(columns="seconds"), check_exact=False
    )


def test_progress_counts_the_cells(none: Store, tmp_path: Path, monkeypatch: object) -> None:
    seen: list[tuple[int, int]] = []
    parts: list[str] = []

    class Watch:
        def step(self, done: int, total: int) -> None:
            seen.append((done, total))

        def epoch(self, progress: Progress) -> None:
            parts.append(progress.part)

    evaluate = benchmark.evaluate

    def trained(store: Store, settings: EvaluationSettings, folder: Path, watcher: Watcher) -> object:
        with watcher("blocked") as watch:
            watch.step(1, 3)
            watch.epoch(Progress("fold 1 of 3", 1, 2, 0.5, 0.5, 0.1))
        return evaluate(store, settings, folder)

    monkeypatch.setattr(benchmark, "evaluate", trained)
    run_benchmark(Question((none.path,), {"chance": {}}, BOTH), tmp_path / "table", watch=Watch())
    assert seen == [(0, 2), (1, 2), (2, 2)], "the steps inside a cell are no cells"
    assert parts[0] == "chance on store, blocked, fold 1 of 3"


def test_a_store_that_was_moved_is_the_same_store(none: Store, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    shutil.copytree(none.path, tmp_path / "mw.store")
    settings = EvaluationSettings(folds=3, permutations=200)
    decoders = {"chance": {}, "lda": {}}
    first, _ = run_benchmark(Question((tmp_path / "mw.store",), decoders, settings), tmp_path / "table")
    (tmp_path / "table/cells" / first.scores["cell"][1] / "cell.blocked.json").unlink()
    (tmp_path / "mw.store").rename(tmp_path / "there/moved.store")
    moved, failed = run_benchmark(Question((tmp_path / "there/moved.store",), decoders, settings), tmp_path / "table")
    assert failed == []
    assert list(moved.scores["store"]) == ["moved.store"] * 2
    assert list(moved.scores["accuracy"]) == list(first.scores["accuracy"])
    for key in moved.scores["cell"]:
        _, store, _ = open_evaluation(tmp_path / "table/cells" / key)
        assert store.path.name == "moved.store"


def test_a_folder_of_something_else_is_refused(none: Store, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(UserError, match="holds no run"):
        run_benchmark(Question((none.path,), {"chance": {}}), tmp_path)
    Run.start(tmp_path / "run", {"kind": "evaluation"})
    with pytest.raises(UserError, match="holds a run of other settings"):
        run_benchmark(Question((none.path,), {"chance": {}}), tmp_path / "run")


def test_two_at_once_are_refused(none: Store, tmp_path: Path) -> None:
    folder = tmp_path / "table"
    with Run.start(folder, {"kind": "benchmark"}).held(), pytest.raises(UserError, match="another process is at work"):
        run_benchmark(Question((none.path,), {"chance": {}}), folder)


def test_a_cell_whose_run_was_asked_for_something_else_is_scored_again(none: Store, tmp_path: Path) -> None:
    question = Question((none.path,), {"chance": {}}, EvaluationSettings(folds=3, permutations=200))
    found, _ = run_benchmark(question, tmp_path / "table")
    run = Run(tmp_path / "table/cells" / found.scores["cell"][0])
    run.add_metrics(scoring={"splits": ["subject"], "permutations": 200, "retrain": 0}, splits={"subject": {}})
    again, _ = run_benchmark(question, tmp_path / "table")
    assert again.scores["accuracy"][0] == found.scores["accuracy"][0]
    assert os.listdir(run.path / "folds") == ["blocked"]
    assert pd.isna(again.scores["seconds"][0]), "it was not timed from its beginning"
