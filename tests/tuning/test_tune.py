from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mindglyph.decoders.settings_file import read_settings
from mindglyph.errors import UserError
from mindglyph.runs import Run
from mindglyph.tuning import TuningSettings, trying, tune
from mindglyph.tuning.tune import open_tuning
from tests.tuning.conftest import QUICK, Quick, Tested, found


def test_the_first_trial_is_of_the_defaults_and_the_best_is_no_worse(unbroken: Any) -> None:
    metrics, table, _ = unbroken
    assert table["default"].tolist() == [True] + [False] * 13
    assert table.loc[0, ["rate", "stop", "shrinkage", "preprocessing.order"]].tolist() == [32.0, 0.8, "None", 2]
    done = table[table["state"] == "complete"]
    assert metrics["best"]["log_loss"] == done["log_loss"].min() <= metrics["default"]["log_loss"]
    assert metrics["best"]["number"] == done["log_loss"].idxmin()
    assert sum(metrics["importance"].values()) == pytest.approx(1) if metrics["importance"] else len(done) < 10


def test_hopeless_trials_are_pruned_before_their_last_fold(unbroken: Any) -> None:
    metrics, table, _ = unbroken
    pruned = table[table["state"] == "pruned"]
    assert len(pruned) == metrics["trials"]["pruned"] > 0
    assert pruned["folds"].max() < QUICK.folds
    assert set(table[table["state"] == "complete"]["folds"]) == {QUICK.folds}


def test_the_outer_test_is_scored_once_for_both_and_with_all_that_belongs_to_it(unbroken: Any) -> None:
    metrics, _, folder = unbroken
    outer = metrics["outer"]
    assert outer["n_test"] == outer["best"]["n_test"] == 40
    assert outer["n_train"] == 200 - 40 - QUICK.gap
    assert outer["best"]["p_value"] < 0.05
    low, high = outer["best"]["ci95"]
    assert low < outer["best"]["accuracy"] < high
    difference = outer["best"]["accuracy"] - outer["default"]["accuracy"]
    assert outer["difference"]["accuracy"] == pytest.approx(difference)
    assert metrics["looks"] == [14]
    best = pd.read_parquet(folder / "outer.best.parquet")
    assert best.index.tolist() == list(range(160, 200))
    assert Run.open(folder).asked["kind"] == "tuning"


def test_no_fold_of_the_search_comes_near_the_outer_test(quick: Quick) -> None:
    from mindglyph.evaluation import evaluated_trials

    trials = evaluated_trials(quick())
    train, test = QUICK.outer(trials)
    for learned, tested in QUICK.inner(trials):
        assert max(learned.max(), tested.max()) == train.max() or max(learned.max(), tested.max()) < train.max()
        assert test.min() - max(learned.max(), tested.max()) > QUICK.gap
        assert not set(learned) & set(tested)


def test_labels_of_the_outer_test_do_not_change_the_search(unbroken: Any, quick: Quick, tmp_path: Path) -> None:
    _, table, _ = unbroken
    metrics = tune(quick(shuffled=40), QUICK, tmp_path / "run", 14)
    pd.testing.assert_frame_equal(found(open_tuning(tmp_path / "run")[1]), found(table))
    assert metrics["outer"]["best"]["p_value"] > 0.05


def test_what_fails_is_noted_and_the_search_goes_on(
    quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tested, calls = trying._tested, []

    def failing(*arguments: Any) -> Tested:
        calls.append(1)
        if len(calls) == 4:
            raise UserError("the trials do not suit the decoder")
        if len(calls) == 7:
            raise FloatingPointError("overflow")
        return tested(*arguments)

    monkeypatch.setattr(trying, "_tested", failing)
    metrics = tune(quick(), QUICK, tmp_path / "run", 5)
    assert metrics["trials"]["failed"] == 2
    errors = open_tuning(tmp_path / "run")[1]["error"].dropna().tolist()
    assert errors[0] == "the trials do not suit the decoder"
    assert "FloatingPointError: overflow" in errors
    assert tune(quick(), QUICK, tmp_path / "run", 5)["trials"]["failed"] == 2, "they are not tried again"


def test_a_search_in_which_all_fails_says_why(quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: Any) -> Tested:
        raise UserError("trials are too short")

    monkeypatch.setattr(trying, "_tested", failing)
    with pytest.raises(UserError, match="no trial went through: trials are too short"):
        tune(quick(), QUICK, tmp_path / "run", 2)


def test_the_defaults_may_be_what_fails(quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tested, calls = trying._tested, []

    def failing(*arguments: Any) -> Tested:
        calls.append(1)
        if len(calls) == 1:
            raise UserError("no")
        return tested(*arguments)

    monkeypatch.setattr(trying, "_tested", failing)
    metrics = tune(quick(), QUICK, tmp_path / "run", 3)
    assert metrics["default"] is None
    assert metrics["outer"]["default"] is metrics["outer"]["difference"] is None


def test_settings_that_are_fixed_stay(quick: Quick, tmp_path: Path) -> None:
    settings = TuningSettings(
        decoder="lda",
        decoder_settings={"rate": 99.0},
        fixed=("rate", "preprocessing"),
        searched=("rate", "shrinkage"),
        folds=2,
        permutations=200,
    )
    assert list(settings.space()) == ["shrinkage"]
    metrics = tune(quick(), settings, tmp_path / "run", 3)
    assert metrics["settings"]["decoder_settings"]["rate"] == 99.0
    assert read_settings(tmp_path / "run" / "best.yaml").decoder_settings["rate"] == 99.0


def test_mistakes_are_said_before_a_folder_is_made(quick: Quick, tmp_path: Path) -> None:
    lies = {
        "chance has nothing to search": {"decoder": "chance"},
        r"--search gamma: no such setting has a range: choose among rate, ": {"searched": ("gamma",)},
        "every setting is fixed": {"searched": ("rate",), "fixed": ("rate",)},
        "rate = 99.0 lies outside its range": {"decoder_settings": {"rate": 99.0}},
        "too few for 60 folds": {"folds": 60},
    }
    for message, values in lies.items():
        with pytest.raises(UserError, match=message):
            tune(quick(), QUICK.model_copy(update=values), tmp_path / "run", 2)
    assert not (tmp_path / "run").exists()
    (tmp_path / "text.log").write_text("no journal\n")
    with pytest.raises(UserError, match=r"text\.log: cannot be opened as a study"):
        tune(quick(), QUICK, tmp_path / "run", 2, str(tmp_path / "text.log"))
    with pytest.raises(UserError, match="holds no run"):
        open_tuning(tmp_path)
