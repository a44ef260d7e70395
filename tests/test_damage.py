"""What was damaged after it was finished is seen, and done anew where it can be."""

import json
from pathlib import Path

import pytest

from mindglyph.errors import PlaceError, UserError
from mindglyph.evaluation import EvaluationSettings, evaluate
from mindglyph.evaluation.benchmark import Question, benchmark, run_benchmark
from mindglyph.evaluation.evaluate import unwatched
from mindglyph.runs import MODEL, Run
from mindglyph.store import Store

LDA = EvaluationSettings(decoder="lda", folds=3, permutations=100)


class Hearing:
    """Keeps what is remarked."""

    def __init__(self) -> None:
        self.remarks: list[str] = []

    def __call__(self, part: str) -> "Hearing":
        return self

    def __enter__(self) -> "Hearing":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def step(self, done: int, total: int) -> None:
        pass

    def epoch(self, progress: object) -> None:
        pass

    def remark(self, text: str) -> None:
        self.remarks.append(text)


def _cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda fold: _cut(fold / "predictions.parquet"), "predictions.parquet: was damaged or changed"),
        (lambda fold: (fold / MODEL).unlink(), f"{MODEL}: no such file"),
        (lambda fold: (fold / "history.json").write_text(""), "history.json: was damaged or changed"),
        (lambda fold: _cut(fold / "fold.json"), "fold.json: cannot be read as JSON"),
        (lambda fold: (fold / "fold.json").unlink(), None),
    ],
)
def test_a_damaged_fold_is_trained_anew_and_nothing_else_is(
    none: Store, tmp_path: Path, damage: object, said: str | None
) -> None:
    expected = evaluate(none, LDA, tmp_path / "run")
    folds = Run(tmp_path / "run").folds("blocked")
    stamps = [(folds.fold(number) / MODEL).stat().st_mtime_ns for number in range(3)]
    damage(folds.fold(1))
    heard = Hearing()
    assert evaluate(none, LDA, tmp_path / "run", watcher=heard) == expected
    again = [(folds.fold(number) / MODEL).stat().st_mtime_ns for number in range(3)]
    assert [one == other for one, other in zip(stamps, again, strict=True)] == [True, False, True]
    if said is None:
        assert heard.remarks == []
    else:
        (remark,) = heard.remarks
        assert remark.startswith(f"{folds.fold(1)}/{said}")
        assert remark.endswith(": fold 2 of 3 is trained anew")
    assert all(folds.damage(number) is None for number in range(3))


def test_a_damaged_cell_is_filled_anew(none: Store, tmp_path: Path) -> None:
    question = Question((none.path,), {"chance": {}, "lda": {}}, LDA)
    found, _ = run_benchmark(question, tmp_path / "table")
    kept, broken = (tmp_path / "table/cells" / key / "folds/blocked/02/fold.json" for key in found.scores["cell"])
    stamp = kept.stat().st_mtime_ns
    _cut(broken.with_name("predictions.parquet"))
    heard = Hearing()
    again, failed = run_benchmark(question, tmp_path / "table", watch=heard)
    assert failed == []
    assert kept.stat().st_mtime_ns == stamp
    assert len(heard.remarks) == 1
    assert list(again.scores["accuracy"]) == list(found.scores["accuracy"])


@pytest.mark.parametrize("file", ["metrics.json", "retrained/blocked/00001.json"])
def test_a_damaged_file_of_numbers_is_named_with_the_mend(none: Store, tmp_path: Path, file: str) -> None:
    settings = LDA.model_copy(update={"retrain": 2})
    expected = evaluate(none, settings, tmp_path / "run")
    path = tmp_path / "run" / file
    _cut(path)
    with pytest.raises(UserError, match=f"{path}: cannot be read as JSON .*: remove it and make it anew"):
        evaluate(none, settings, tmp_path / "run")
    path.unlink()
    assert evaluate(none, settings, tmp_path / "run") == expected


def test_a_place_that_fails_is_no_failure_of_a_cell(
    none: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = Question((none.path,), {"chance": {}, "lda": {}}, LDA)

    def full(store: Store, settings: EvaluationSettings, folder: Path, watcher: object = unwatched) -> object:
        if settings.decoder == "lda":
            raise PlaceError(f"{folder}: is full")
        return evaluate(store, settings, folder)

    with monkeypatch.context() as patch:
        patch.setattr(benchmark, "evaluate", full)
        with pytest.raises(PlaceError, match="is full"):
            run_benchmark(question, tmp_path / "table")
    assert not (tmp_path / "table/scores.csv").exists()
    assert len(list(tmp_path.glob("table/cells/*/cell.blocked.json"))) == 1
    found, failed = run_benchmark(question, tmp_path / "table")
    assert failed == []
    assert found.scores["accuracy"].notna().all()


def test_a_run_that_was_killed_while_it_began_begins(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run/.run.json.abcdefgh.tmp").write_text("{")
    Run.start(tmp_path / "run", {"settings": 1})
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["run.json"]
    assert json.loads((tmp_path / "run/run.json").read_text()) == {"settings": 1}


def test_a_run_is_held_through_blocks_in_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mindglyph.runs.PATIENCE", 0.1)
    run = Run.start(tmp_path / "run", {})
    with run.held():
        with run.held():
            pass
        with pytest.raises(PlaceError, match="another process is at work in it"), Run(run.path).held():
            pass
    with Run(run.path).held():
        pass
