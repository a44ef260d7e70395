from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.decoders.monitor import Progress
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings, cross_validate, score_decoding
from mindglyph.evaluation.crossvalidation import read_histories, read_predictions
from mindglyph.evaluation.statistics import chance_bound
from mindglyph.runs import Folds, Run
from mindglyph.store import Store

SETTINGS = EvaluationSettings(decoder="lda", folds=3, permutations=500)


def _evaluate(
    store: Store, path: Path, settings: EvaluationSettings = SETTINGS, workers: int = 1
) -> tuple[Folds, float, float]:
    run = Run.start(path, {"settings": settings.model_dump(mode="json")})
    predictions = cross_validate(store, settings, run, workers=workers)
    score = score_decoding(predictions, None, settings.permutations, seed=0)
    return run.folds("blocked"), score.accuracy, score.p_value


def test_a_signal_is_found(signal: Store, tmp_path: Path) -> None:
    run, accuracy, p_value = _evaluate(signal, tmp_path / "run")
    ceiling = signal.truth["ceiling"]["accuracy"]
    assert (accuracy - 0.1) / (ceiling - 0.1) > 0.5
    assert p_value < 0.01
    predictions = read_predictions(run, 3)
    np.testing.assert_array_equal(predictions.index, np.arange(800))
    np.testing.assert_allclose(predictions[[f"p_{digit}" for digit in range(10)]].sum(axis=1), 1)
    curve = read_histories(run, 3)[0]
    assert curve[-1]["accuracy"] > curve[0]["accuracy"]


def test_nothing_is_found_where_there_is_nothing(none: Store, tmp_path: Path) -> None:
    _, accuracy, p_value = _evaluate(none, tmp_path / "run")
    assert accuracy < 0.17
    assert p_value > 0.01


def test_a_block_design_on_a_drifting_recording_is_not_taken_for_decoding(world: object, tmp_path: Path) -> None:
    store: Store = world(format="mw", events=1600, ceiling=0.1, confound="drift", seed=4)
    _, _, p_value = _evaluate(store, tmp_path / "run")
    assert p_value > 0.01
    # A random split of the very same recording finds what is not there.
    both = SETTINGS.model_copy(update={"splits": ("blocked", "random")})
    leaked = cross_validate(store, both, Run(tmp_path / "run"), "random")
    assert np.mean(leaked["label"] == leaked["predicted"]) > chance_bound(len(leaked), 0.1) + 0.05


def test_what_is_finished_is_not_done_again(none: Store, tmp_path: Path) -> None:
    run, accuracy, _ = _evaluate(none, tmp_path / "run")
    before = [(run.fold(number) / "fold.json").stat().st_mtime_ns for number in range(3)]
    expected = read_predictions(run, 3)
    for file in run.fold(1).iterdir():
        file.unlink()
    run.fold(1).rmdir()
    with pytest.raises(UserError, match="fold 2 of 3 is not finished"):
        read_predictions(run, 3)
    _, again, _ = _evaluate(none, tmp_path / "run")
    after = [(run.fold(number) / "fold.json").stat().st_mtime_ns for number in range(3)]
    assert again == accuracy
    assert [old == new for old, new in zip(before, after, strict=True)] == [True, False, True]
    assert read_predictions(run, 3).equals(expected)


def test_a_fold_that_was_stopped_goes_on_from_its_last_epoch(none: Store, tmp_path: Path) -> None:
    small = {"filters": [4, 4], "training": {"max_epochs": 4, "patience": 4}}
    settings = EvaluationSettings(decoder="sparse-cnn", decoder_settings=small, folds=2)

    def stop(progress: Progress) -> None:
        if (progress.part, progress.epoch) == ("fold 2 of 2", 3):
            raise KeyboardInterrupt

    run = Run.start(tmp_path / "run", {})
    with pytest.raises(KeyboardInterrupt):
        cross_validate(none, settings, run, report_epoch=stop)
    assert [path.name for path in run.unfinished.iterdir()] == ["blocked-01"]
    told = []
    cross_validate(none, settings, run, report_epoch=lambda progress: told.append((progress.part, progress.epoch)))
    assert told == [("fold 2 of 2", 4)]
    assert not run.unfinished.exists()
    unbroken = Run.start(tmp_path / "unbroken", {})
    cross_validate(none, settings, unbroken)
    folds = run.folds("blocked")
    for number in range(2):
        assert folds.decoder(number).read_bytes() == unbroken.folds("blocked").decoder(number).read_bytes()
    with folds.decoder(1).open("r+b") as file:
        file.seek(-3, 2)
        file.write(b"!")
    with pytest.raises(UserError, match="decoder.safetensors: was damaged or changed since it was trained"):
        folds.decoder(1)


def test_the_number_of_workers_changes_nothing(none: Store, tmp_path: Path) -> None:
    alone, _, _ = _evaluate(none, tmp_path / "alone")
    together, _, _ = _evaluate(none, tmp_path / "together", workers=2)
    one, other = read_predictions(alone, 3), read_predictions(together, 3)
    pd.testing.assert_frame_equal(one, other, check_exact=True)


def test_a_run_of_other_settings_is_refused(tmp_path: Path) -> None:
    Run.start(tmp_path / "run", {"settings": 1})
    Run.start(tmp_path / "run", {"settings": 1})
    with pytest.raises(UserError, match="holds a run of other settings or data"):
        Run.start(tmp_path / "run", {"settings": 2})
    with pytest.raises(UserError, match="holds no run"):
        Run.open(tmp_path)
