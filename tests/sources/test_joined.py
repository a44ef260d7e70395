from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.sources.formats import recognise
from mindglyph.sources.joined import in_natural_order
from mindglyph.sources.recording import ImportSettings
from mindglyph.store import Store, write_store

MakeRow = Callable[..., str]


def _two_files(folder: Path, row: MakeRow) -> list[Path]:
    paths = [folder / "run-10.txt", folder / "run-2.txt"]
    for path, shift in zip(paths, (0, 10), strict=True):
        path.write_text("".join(row(event, "FP1", values=np.arange(880) + shift) + "\n" for event in (5, 7)))
    return paths


def test_events_run_on_and_each_file_is_a_session(tmp_path: Path, row: MakeRow) -> None:
    recording = recognise(_two_files(tmp_path, row))
    report = write_store(tmp_path / "store", recording)
    trials = Store(tmp_path / "store").trials()
    assert report["rows_read"] == report["rows_kept"] == 4
    assert trials.metadata["event"].tolist() == [5, 7, 12, 14]
    assert trials.metadata["session"].tolist() == [1, 1, 2, 2]
    assert trials.metadata["file"].tolist() == ["run-10.txt"] * 2 + ["run-2.txt"] * 2
    assert trials.signals[:, 0, 0].tolist() == [0, 0, 10, 10]


def test_events_that_count_from_zero_never_meet(tmp_path: Path, row: MakeRow) -> None:
    paths = [tmp_path / f"run-{number}.txt" for number in range(3)]
    for path in paths:
        path.write_text("".join(row(event, "FP1") + "\n" for event in (0, 1, 2)))
    write_store(tmp_path / "store", recognise(paths))
    assert Store(tmp_path / "store").trials().metadata["event"].tolist() == list(range(9))


def test_a_folder_is_read_in_natural_order_and_says_what_it_passed_over(tmp_path: Path, row: MakeRow) -> None:
    _two_files(tmp_path, row)
    (tmp_path / "notes.md").write_text("no recording")
    recording = recognise(tmp_path)
    first = next(iter(recording.read()))
    assert first.trials.metadata["file"][0] == "run-2.txt"
    assert recording.warnings == ("run-2.txt: passed over, since they are no recordings: notes.md",)
    assert [path.name for path in in_natural_order([Path("b10"), Path("b9"), Path("a11")])] == ["a11", "b9", "b10"]


def test_files_that_do_not_belong_together_are_said(tmp_path: Path, row: MakeRow) -> None:
    one, two = tmp_path / "mw.txt", tmp_path / "mu.txt"
    one.write_text(row(1, "FP1") + "\n")
    two.write_text(row(1, "TP9", headset="MU") + "\n")
    with pytest.raises(UserError, match=r"mu\.txt: its format .mu. differ from mw\.txt's .mw."):
        recognise([one, two])


def test_settings_without_a_meaning_are_refused(tmp_path: Path, row: MakeRow) -> None:
    path = tmp_path / "mw.txt"
    path.write_text(row(1, "FP1") + "\n")
    with pytest.raises(UserError, match="--tmin means nothing for the format 'mw'"):
        recognise(path, ImportSettings(tmin=-0.5))
    with pytest.raises(UserError, match="there is no format 'mq': take one of"):
        recognise(path, ImportSettings(format="mq"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="is a folder that holds no recording"):
        recognise(tmp_path / "empty")
