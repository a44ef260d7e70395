from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.sources.formats import recognise
from mindglyph.sources.joined import in_natural_order
from mindglyph.sources.recording import ImportSettings
from mindglyph.store import Store, write_store

MakeRow = Callable[..., str]
MakeRaw = Callable[..., mne.io.RawArray]


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
    with pytest.raises(UserError, match="--microvolts means nothing for the format 'mw'"):
        recognise(path, ImportSettings(microvolts=0.5))


def _fif(path: Path, raw: mne.io.RawArray) -> Path:
    raw.save(path, verbose="error")
    return path


def test_channels_of_another_order_are_put_in_that_of_the_first_file(tmp_path: Path, make_raw: MakeRaw) -> None:
    raw = make_raw()
    raw._data += 1e-6 * np.arange(3)[:, None] * 100
    one = _fif(tmp_path / "one_raw.fif", raw.copy())
    two = _fif(tmp_path / "two_raw.fif", raw.copy().reorder_channels(["O2", "AF3", "O1"]))
    with pytest.raises(UserError, match="--stream means nothing for the format 'fif'"):
        recognise(one, ImportSettings(stream="amp"))
    before, after = (chunk.trials for chunk in recognise([one, two]).read())
    assert before.info["ch_names"] == after.info["ch_names"] == raw.ch_names
    np.testing.assert_array_equal(before.signals, after.signals)


def test_parts_that_differ_between_files_are_said_with_both_names(tmp_path: Path, make_raw: MakeRaw) -> None:
    words = _fif(tmp_path / "words_raw.fif", make_raw(texts=("a", "b", "a", "b")))
    digits = _fif(tmp_path / "digits_raw.fif", make_raw(texts=("1", "2", "1", "2")))
    with pytest.raises(UserError, match=r"digits_raw\.fif: its kind of labels \(whole numbers\) differ from words_raw"):
        list(recognise([words, digits]).read())
    more = make_raw(texts="abab", names=("AF3", "O1", "O2", "pulse")).set_channel_types(
        {"pulse": "misc"}, on_unit_change="ignore"
    )
    beside = _fif(tmp_path / "more_raw.fif", more)
    with pytest.raises(UserError, match=r"more_raw\.fif: its signals beside the EEG \(MISC: pulse\) differ from words"):
        list(recognise([words, beside]).read())


def test_no_file_is_read_twice(tmp_path: Path, make_raw: MakeRaw) -> None:
    raw = make_raw(texts=("1", "2", "1", "2"))
    path = _fif(tmp_path / "x_raw.fif", raw.copy())
    with pytest.raises(UserError, match=r"x_raw\.fif: is given twice"):
        recognise([path, tmp_path / "." / "x_raw.fif"])
    path.rename(tmp_path / "y_raw-1.fif")
    _fif(tmp_path / "y_raw.fif", raw)
    assert sum(chunk.rows_read for chunk in recognise(tmp_path).read()) == 4


def test_one_table_of_events_is_not_taken_for_several_files(tmp_path: Path, make_raw: MakeRaw) -> None:
    (tmp_path / "set").mkdir()
    paths = [_fif(tmp_path / "set" / f"{name}_raw.fif", make_raw()) for name in "ab"]
    (tmp_path / "events.csv").write_text("onset,label\n1,3\n")
    for given in (paths, tmp_path / "set"):
        with pytest.raises(UserError, match="--events is a table of one"):
            recognise(given, ImportSettings(events=tmp_path / "events.csv"))
