from pathlib import Path

import numpy as np
import pytest

from mindglyph.headsets import MUSE2_SENSORS, VISUAL_MNIST
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import ImportSettings
from mindglyph.store import Store, write_store

START = 1630065600.5


def _row(
    name: str, label: int = 3, sensors: bool | None = None, where: str = "TRAIN", index: int = 41, time: float = START
) -> str:
    """Return a row whose channels hold 0.25, 1.25, 2.25 …, and whose picture holds its label."""
    headset = VISUAL_MNIST[name]
    n_channels = len(headset.channels) + (9 if (name == "muse2" if sensors is None else sensors) else 0)
    values = np.repeat(np.arange(n_channels) + 0.25, headset.n_times)
    pixels = [max(label, 0)] * 784
    return ",".join(map(str, [where, index, label, *pixels, time, *values]))


def _write(folder: Path, *rows: str) -> Path:
    path = folder / "recording.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.mark.parametrize("name", list(VISUAL_MNIST))
def test_each_layout_is_recognised_and_read(tmp_path: Path, name: str) -> None:
    headset = VISUAL_MNIST[name]
    path = _write(tmp_path, _row(name, 8), _row(name, -1, where="test", index=-1, time=START + 2))
    recording = recognise(path)
    assert (recording.format, recording.n_times, recording.order) == (name, headset.n_times, ("unix_time",))
    assert recording.ordered
    report = write_store(tmp_path / "store", recording)
    assert (report["rows_read"], report["rows_kept"]) == (2, 2)
    trials = Store(tmp_path / "store").trials()
    assert (tuple(trials.info["ch_names"]), trials.sfreq) == (headset.channels, headset.sfreq)
    np.testing.assert_array_equal(trials.signals[0, :, -1], np.arange(len(headset.channels)) + 0.25)
    assert trials.labels.tolist() == [8, -1]
    assert trials.images is not None
    assert (trials.images[0] == 8).all()
    assert not trials.images[1].any()
    assert trials.metadata.drop(columns="n_samples").to_dict("list") == {
        "event": [0, 1],
        "mnist_index": [41, -1],
        "unix_time": [START, START + 2],
        "set": ["train", "test"],
        "onset_s": [0.0, 2.0],
        "simulated": [False, False],
        "file": ["recording.csv"] * 2,
        "line": [1, 2],
    }


@pytest.mark.parametrize(("name", "n_eeg"), [("muse2", 4), ("muse2-cut2", 2), ("muse2-cut3", 3)])
def test_the_sensors_come_along_where_the_file_has_them(tmp_path: Path, name: str, n_eeg: int) -> None:
    recording = recognise(_write(tmp_path, _row(name, sensors=True)))
    assert recording.format == name
    write_store(tmp_path / "store", recording)
    trials = Store(tmp_path / "store").trials()
    assert trials.signals.shape == (1, n_eeg, 512)
    assert {kind: extra.ch_names for kind, extra in trials.extras.items()} == MUSE2_SENSORS
    found = [extra.signals[0, :, 0].tolist() for extra in trials.extras.values()]
    np.testing.assert_array_equal(np.ravel(found), np.arange(9) + n_eeg + 0.25)
    assert {extra.sfreq for extra in trials.extras.values()} == {256.0}

    recording = recognise(_write(tmp_path, _row(name, sensors=False)))
    assert recording.format == name
    (chunk,) = recording.read()
    assert chunk.trials is not None
    assert not chunk.trials.extras


def test_trials_stand_in_the_order_of_the_clock(tmp_path: Path) -> None:
    path = _write(tmp_path, *(_row("muse2-cut2", label, time=START + label) for label in (2, 0, 1)))
    write_store(tmp_path / "store", recognise(path))
    trials = Store(tmp_path / "store").trials()
    assert trials.labels.tolist() == [0, 1, 2]
    assert trials.metadata["event"].tolist() == [1, 2, 0]
    assert trials.images is not None
    assert trials.images[:, 0, 0].tolist() == [0, 1, 2]


def test_a_damaged_first_row_does_not_hide_the_format(tmp_path: Path) -> None:
    recording = recognise(_write(tmp_path, _row("muse2-cut3")[:500], _row("muse2-cut3")))
    assert recording.format == "muse2-cut3"
    (chunk,) = recording.read()
    assert [refusal.reason for refusal in chunk.refusals] == ["has 248 of 2324 columns"]
    assert chunk.trials is not None
    assert chunk.trials.metadata["line"].tolist() == [2]


def test_a_wrong_number_of_columns_is_said_for_the_format_that_is_named(tmp_path: Path) -> None:
    path = _write(tmp_path, _row("cap64"), _row("cap64") + ",1")
    (chunk,) = recognise(path, ImportSettings(format="muse2")).read()
    assert [refusal.reason for refusal in chunk.refusals] == [
        "has 26388 of 7444 columns",
        "has 26389 of 7444 columns",
    ]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("TRAIN,", "VALID,", "column 1 is none of train, test: 'VALID'"),
        (",41,", ",4.5,", "column 2 is no whole number: '4.5'"),
        (",41,3,", ",41,10,", "column 3 is not between -1 and 9: '10'"),
        (",41,3,3,", ",41,3,256,", "column 4 is no pixel, whole and from 0 to 255: '256'"),
        (f",{START},", ",,", "column 788 is no number: ''"),
        (f",{START},0.25", f",{START},NaN", "column 789 is not finite: 'NaN'"),
    ],
)
def test_a_bad_row_is_refused_by_the_number_of_its_column(tmp_path: Path, old: str, new: str, reason: str) -> None:
    good = _row("muse2-cut2")
    bad = good.replace(old, new, 1)
    assert bad != good
    (chunk,) = recognise(_write(tmp_path, good, bad)).read()
    assert [(refusal.line, refusal.reason) for refusal in chunk.refusals] == [(2, reason)]
