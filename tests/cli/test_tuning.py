import io
import json
import sys
from contextlib import ExitStack, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from mindglyph.cli import main
from mindglyph.cli.tuning import _reserve, _rows
from mindglyph.store import Store
from mindglyph.training import trained_pipeline

ARGUMENTS = ("--decoder", "lda", "--trials", 4, "--folds", 2, "--preprocess", "highpass=1", "--set", "start=0.05")


def _run(*arguments: object, status: int = 0) -> tuple[str, str]:
    out, errors = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["mindglyph", *map(str, arguments)]))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(errors))
        ended = stack.enter_context(pytest.raises(SystemExit))
        main()
    assert (ended.value.code or 0) == status, errors.getvalue()
    return out.getvalue(), errors.getvalue()


@pytest.fixture(scope="module")
def best(signal: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    folder = tmp_path_factory.mktemp("tuned")
    shown = _run("tune", signal.path, *ARGUMENTS, "--out", folder / "run")[0]
    return folder / "run" / "best.yaml", folder / "run", shown


def test_a_search_shows_its_honest_score_beside_the_default(best: tuple[Path, Path, str]) -> None:
    _, folder, shown = best
    for row in ("inner loss", "outer test", "best settings"):
        assert row in shown
    names = {path.name for path in folder.iterdir()}
    assert names >= {"run.json", "metrics.json", "trials.csv", "trials.parquet", "history.png", "slices.svg"}
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["settings"]["preprocessing"]["highpass"] == 1, "what is said stays"
    assert metrics["settings"]["decoder_settings"]["start"] == 0.05
    assert "start" not in metrics["best"]["params"]


def _found(accuracy: float, log_loss: float, n_test: int = 60) -> dict[str, Any]:
    score = {"accuracy": 0.5, "ci95": [0.4, 0.6], "p_value": 0.2, "permutations": 1000}
    difference = {"accuracy": accuracy, "accuracy_ci95": [-0.15, -0.017], "log_loss": log_loss}
    return {
        "best": {"number": 3, "log_loss": 0.6, "params": {"rate": 16.0}},
        "default": {"number": 0, "log_loss": 0.7, "params": {"rate": 32.0}},
        "trials": {"complete": 4},
        "importance": None,
        "outer": {
            "n_test": n_test,
            "best": score,
            "default": score,
            "difference": {**difference, "p_value": 0.25, "block": 20},
        },
        "warnings": [],
    }


def test_few_blocks_are_said_to_say_little_and_which_loss_is_better() -> None:
    rows = _rows(_found(-0.083, -0.0235))
    assert rows["difference"].endswith("log loss -0.0235 nats (less is better: an improvement)")
    assert rows["blocks"].startswith("3 of 20 neighbouring trials")
    assert "neither says much" in rows["blocks"]
    assert "p cannot fall below 0.25" in rows["blocks"]
    rows = _rows(_found(0.1, 0.01, n_test=200))
    assert "(less is better: no improvement)" in rows["difference"]
    assert rows["blocks"].startswith("10 of 20 neighbouring trials")
    assert "says much" not in rows["blocks"]


@pytest.mark.parametrize(
    ("accuracy", "log_loss", "said"),
    [
        (0.05, -0.1, ""),
        (0.0, 0.1, "no better than the defaults on the outer test"),
        (-0.083, -0.0235, "by log loss, not by accuracy"),
        (0.05, 0.1, "by accuracy, not by log loss"),
    ],
)
def test_what_is_found_is_not_called_best_where_the_defaults_are_as_good(
    accuracy: float, log_loss: float, said: str
) -> None:
    found = _reserve(_found(accuracy, log_loss))
    assert said in found
    assert bool(found) == bool(said)


def test_more_trials_go_on_and_are_printed_as_json(best: tuple[Path, Path, str], signal: Store, tmp_path: Path) -> None:
    _, folder, _ = best
    more = [value if value != 4 else 6 for value in ARGUMENTS]
    metrics = json.loads(_run("tune", signal.path, *more, "--out", folder, "--json")[0])
    assert sum(metrics["trials"].values()) == 6
    assert metrics.pop("out") == str(folder)
    assert metrics == json.loads((folder / "metrics.json").read_text())


def test_what_is_found_goes_into_training_and_evaluation(
    best: tuple[Path, Path, str], signal: Store, tmp_path: Path
) -> None:
    file, folder, _ = best
    _run("train", signal.path, "--settings", file, "--set", "shrinkage=0.5", "--out", tmp_path / "train")
    pipeline = trained_pipeline(tmp_path / "train")
    found = json.loads((folder / "metrics.json").read_text())["settings"]
    assert pipeline.name == "lda"
    assert pipeline.decoder.settings_.model_dump() == {**found["decoder_settings"], "shrinkage": 0.5}
    assert pipeline.preprocessing.model_dump() == found["preprocessing"]
    words = ["--settings", file, "--preprocess", "order=1", "--folds", 2, "--out", tmp_path / "run"]
    _run("evaluate", signal.path, *words)
    asked = json.loads((tmp_path / "run" / "run.json").read_text())["settings"]
    assert asked["decoder"] == "lda"
    assert asked["preprocessing"] == {**found["preprocessing"], "order": 1}
    assert asked["decoder_settings"]["start"] == 0.05


def test_mistakes_are_one_line(best: tuple[Path, Path, str], signal: Store, tmp_path: Path) -> None:
    file, folder, _ = best
    lines = {
        "holds settings of lda, not of mlp": ("train", signal.path, "--decoder", "mlp", "--settings", file),
        "there is no setting 'gamma'": ("evaluate", signal.path, "--settings", file, "--set", "gamma=1"),
        "no such file": ("evaluate", signal.path, "--settings", tmp_path / "absent.yaml"),
        "chance has nothing to search": ("tune", signal.path, "--decoder", "chance", "--out", tmp_path / "chance"),
        "holds a run of other settings": ("tune", signal.path, "--decoder", "lda", "--out", folder),
        "--search gamma: no such setting": ("tune", signal.path, "--decoder", "lda", "--search", "gamma"),
    }
    for message, words in lines.items():
        errors = _run(*words, status=2)[1]
        assert message in errors
        assert errors.strip().splitlines()[-1].startswith("mindglyph: ")


def test_a_yaml_is_taken_for_the_best_settings(signal: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mindglyph.cli import tuning

    monkeypatch.setattr(tuning, "beside", lambda store, ending: tmp_path / ending)
    words = ["--decoder", "lda", "--trials", 1, "--folds", 2, "--search", "rate", "--out", tmp_path / "found.yaml"]
    _run("tune", signal.path, *words)
    assert (tmp_path / "found.yaml").read_text() == (tmp_path / "lda.tuning" / "best.yaml").read_text()
