import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings, evaluate, open_evaluation, read_predictions
from mindglyph.evaluation.evaluated import evaluated_trials, seconds_between
from mindglyph.runs import Run
from mindglyph.store import Store

BOTH = EvaluationSettings(decoder="lda", splits=("blocked", "random"), folds=3, permutations=500)


def test_a_drifting_block_design_is_a_leak_and_no_decoding(world: object, tmp_path: Path) -> None:
    store: Store = world(format="mw", events=1600, ceiling=0.1, confound="drift", seed=4)
    metrics = evaluate(store, BOTH, tmp_path / "run")
    assert metrics["verdict"].startswith("No evidence")
    assert metrics["decoding"] == metrics["splits"]["blocked"]
    assert "label follows time" in metrics["audit"]["failed"]
    inflation = metrics["inflation"]
    assert "which are a leak and no decoding" in inflation["sentence"]
    assert (inflation["honest"], inflation["leaky"]) == ("blocked", "random")
    assert inflation["difference"] > 0.05
    assert inflation["difference"] == pytest.approx(
        metrics["splits"]["random"]["accuracy"] - metrics["decoding"]["accuracy"]
    )


def test_sessions_are_tested_whole(store_of: object, tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(3, size=180)
    signals = np.random.default_rng(1).normal(size=(180, 2, 200))
    signals[np.arange(180), 0, 40 * labels + 20] += 20
    store = store_of(signals, labels, metadata=pd.DataFrame({"session": np.repeat([4, 2, 7], 60)}))
    settings = EvaluationSettings(decoder="lda", splits=("session",), permutations=500)
    metrics = evaluate(store, settings, tmp_path / "run")
    assert len(metrics["decoding"]["folds"]) == 3
    assert metrics["decoding"]["accuracy"] > 0.6
    assert metrics["inflation"] is None
    predictions = read_predictions(Run(tmp_path / "run").folds("session"), 3)
    assert (predictions.groupby("fold")["group"].nunique() == 1).all()


def test_a_finished_run_can_be_asked_for_more(none: Store, tmp_path: Path) -> None:
    alone = EvaluationSettings(decoder="lda", folds=3, permutations=500)
    first = evaluate(none, alone, tmp_path / "run")
    before = (tmp_path / "run/folds/blocked/00/fold.json").stat().st_mtime_ns
    more = evaluate(none, BOTH.model_copy(update={"retrain": 3}), tmp_path / "run")
    assert (tmp_path / "run/folds/blocked/00/fold.json").stat().st_mtime_ns == before
    assert more["splits"]["blocked"]["accuracy"] == first["decoding"]["accuracy"]
    assert set(more["splits"]) == {"blocked", "random"}
    run, store, settings = open_evaluation(tmp_path / "run")
    assert settings == BOTH.model_copy(update={"retrain": 3})
    assert store.path.resolve() == none.path.resolve()
    assert run.path == tmp_path / "run"
    with pytest.raises(UserError, match="holds a run of other settings or data"):
        evaluate(none, alone.model_copy(update={"folds": 4}), tmp_path / "run")


def test_a_further_split_comes_before_the_earlier_ones_and_keeps_them(store_of: object, tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(3, size=180)
    signals = np.random.default_rng(1).normal(size=(180, 2, 200))
    store = store_of(signals, labels, metadata=pd.DataFrame({"session": np.repeat([4, 2, 7], 60)}))
    asked = EvaluationSettings(decoder="lda", splits=("blocked",), folds=3, permutations=200)
    first = evaluate(store, asked, tmp_path / "run")
    more = evaluate(store, asked.model_copy(update={"splits": ("session",)}), tmp_path / "run")
    assert list(more["splits"]) == ["session", "blocked"]
    assert more["decoding"] == more["splits"]["session"]
    assert more["splits"]["blocked"] == first["decoding"]
    assert more["audit"]["splits"] == ["session", "blocked"]
    assert open_evaluation(tmp_path / "run")[2].splits == ("session", "blocked")


def test_training_anew_with_permuted_labels_stays_at_chance_and_is_kept(signal: Store, tmp_path: Path) -> None:
    settings = EvaluationSettings(decoder="lda", folds=2, permutations=500, retrain=4)
    metrics = evaluate(signal, settings, tmp_path / "run")
    retrained = metrics["decoding"]["retrained"]
    assert retrained["n"] == 4
    assert retrained["p_value"] == pytest.approx(1 / 5)
    assert metrics["decoding"]["accuracy"] > 0.4
    assert max(retrained["null"]) < 0.17
    kept = sorted((tmp_path / "run/retrained/blocked").iterdir())
    assert len(kept) == 4
    kept[3].unlink()
    stamps = [path.stat().st_mtime_ns for path in kept[:3]]
    again = evaluate(signal, settings.model_copy(update={"retrain": 5}), tmp_path / "run")
    assert [path.stat().st_mtime_ns for path in kept[:3]] == stamps
    np.testing.assert_allclose(again["decoding"]["retrained"]["null"][:4], retrained["null"])


def test_run_and_store_can_be_moved_together(none: Store, tmp_path: Path) -> None:
    shutil.copytree(none.path, tmp_path / "before/mw.store")
    store = Store(tmp_path / "before/mw.store")
    evaluate(store, EvaluationSettings(decoder="chance", folds=2, permutations=100), tmp_path / "before/run")
    (tmp_path / "before").rename(tmp_path / "after")
    _, moved, _ = open_evaluation(tmp_path / "after/run")
    assert moved.about["content_hash"] == store.about["content_hash"]


def test_a_run_that_is_not_finished_is_refused(tmp_path: Path) -> None:
    for kind, told in {
        "evaluation": "holds no finished evaluation: give the command that began it again",
        "benchmark": "is a benchmark: name one of the runs in its folder cells",
        "training": "is a training, which has no score",
    }.items():
        Run.start(tmp_path / kind, {"kind": kind})
        with pytest.raises(UserError, match=told):
            open_evaluation(tmp_path / kind)


def test_a_trial_takes_what_the_clock_says(store_of: object) -> None:
    signals = np.random.default_rng(0).normal(size=(20, 2, 50))
    timed = store_of(signals, metadata=pd.DataFrame({"onset_s": 1.5 * np.arange(20)}))
    assert seconds_between(evaluated_trials(timed)) == pytest.approx(1.5)
    untimed = store_of(signals)
    assert seconds_between(evaluated_trials(untimed)) == pytest.approx(50 / 200)


def test_a_rare_label_that_is_told_apart_is_seen_though_the_frequent_one_is_always_named(
    store_of: object, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    labels = (rng.random(900) < 0.15).astype(int)
    signals = rng.normal(size=(900, 2, 100))
    signals[labels == 1, 0, 30:50] += 0.35
    settings = EvaluationSettings(decoder="lda", folds=3, permutations=500, retrain=3)
    found = evaluate(store_of(signals, labels), settings, tmp_path / "run")
    decoding = found["decoding"]
    assert decoding["statistic"] == "auc"
    assert decoding["accuracy"] < decoding["majority"] + 0.03
    assert decoding["auc"] > 0.6
    assert decoding["p_value"] < 0.05
    assert decoding["retrained"]["p_value"] == 0.25
    assert "can be told from others" in found["verdict"]
    assert f"area under the curve {decoding['auc']:.3f}" in found["verdict"]
