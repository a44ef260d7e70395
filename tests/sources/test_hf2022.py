from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS, VISUAL_MNIST
from mindglyph.sources.formats import recognise
from mindglyph.sources.hf2022 import NO_ORDER
from mindglyph.store import Store, write_store

LENGTHS = {"EP": 256, "MW": 1024, "MU": 440, "IN": 256}


def _columns(channels: Sequence[str], n_times: int) -> list[str]:
    return [f"{channel}-{sample}" for channel in channels for sample in range(n_times)]


def _write(folder: Path, header: Sequence[str], *rows: Sequence[object]) -> Path:
    path = folder / "train.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in (header, *rows)))
    return path


@pytest.mark.parametrize("code", list(HEADSETS))
def test_the_tables_of_the_four_headsets_are_read(tmp_path: Path, code: str) -> None:
    headset, n_times = HEADSETS[code], LENGTHS[code]
    values = np.arange(len(headset.channels) * n_times) - 0.5
    path = _write(tmp_path, ["label", *_columns(headset.channels, n_times)], [3, *values], [-1, *-values])
    recording = recognise(path)
    assert (recording.format, recording.device, recording.n_times) == ("hf2022", headset.name, n_times)
    assert (recording.info["sfreq"], tuple(recording.info["ch_names"])) == (headset.sfreq, headset.channels)
    assert (recording.ordered, recording.warnings) == (False, (NO_ORDER,))
    report = write_store(tmp_path / "store", recording)
    assert (report["rows_read"], report["rows_kept"]) == (2, 2)
    store = Store(tmp_path / "store")
    trials = store.trials()
    np.testing.assert_array_equal(trials.signals[0], np.float32(values).reshape(-1, n_times))
    assert trials.labels.tolist() == [3, -1]
    assert trials.metadata["event"].tolist() == [0, 1]
    assert not {"set", "unix_time", "onset_s"} & set(trials.metadata)
    assert not store.about["ordered"]


@pytest.mark.parametrize("pixel", ["pixel{}", "pix_{}", "px-{}", "{}"])
@pytest.mark.parametrize("aux", ["AUX", "Right AUX"])
def test_the_visual_mnist_of_the_muse_2_brings_pictures_and_sensors(tmp_path: Path, pixel: str, aux: str) -> None:
    sensors = ["PPG1", "PPG2", "PPG3", "Accelerometer_X", "Accelerometer_Y", "Accelerometer_Z", "GYRX", "GYRY", "GYRZ"]
    channels = ["TP9", "AF7", "AF8", "TP10", aux, *sensors]
    header = ["label", *(pixel.format(number) for number in range(784)), *_columns(channels, 512)]
    values = np.repeat(np.arange(len(channels)), 512)
    path = _write(tmp_path, header, [7, *range(200), *[0] * 584, *values], [-1, *[0] * 784, *values])
    recording = recognise(path)
    assert recording.device == "Interaxon Muse 2"
    assert "beside them AUX, PPG, ACC, GYRO, 512 samples at 256 Hz, with the pictures shown" in recording.seen
    write_store(tmp_path / "store", recording)
    trials = Store(tmp_path / "store").trials()
    assert trials.info["ch_names"] == ["TP9", "AF7", "AF8", "TP10"]
    np.testing.assert_array_equal(trials.signals[0, :, 0], range(4))
    assert trials.images is not None
    np.testing.assert_array_equal(trials.images[0].ravel()[:200], range(200))
    assert not trials.images[1].any()
    assert {name: extra.signals[0, :, 0].tolist() for name, extra in trials.extras.items()} == {
        "AUX": [4],
        "PPG": [5, 6, 7],
        "ACC": [8, 9, 10],
        "GYRO": [11, 12, 13],
    }


def test_the_visual_mnist_of_the_cap_is_read_whatever_the_case_of_its_channels(tmp_path: Path) -> None:
    channels = [channel.lower() for channel in VISUAL_MNIST["cap64"].channels]
    header = ["label", *(f"pixel{number}" for number in range(784)), *_columns(channels, 400)]
    path = _write(tmp_path, header, [7, *[9] * 784, *[1] * 25600])
    recording = recognise(path)
    assert recording.info["sfreq"] == 200
    (chunk,) = recording.read()
    assert chunk.trials is not None
    assert chunk.trials.signals.shape == (1, 64, 400)
    assert (chunk.trials.images == 9).all()


def test_a_fifth_channel_of_the_muse_2_under_any_other_name_is_eeg(tmp_path: Path) -> None:
    path = _write(tmp_path, ["label", *_columns(["TP9", "AF7", "AF8", "TP10", "FPz"], 512)], [1, *[2] * 2560])
    recording = recognise(path)
    assert (recording.device, recording.info["sfreq"]) == ("Interaxon Muse 2", 256)
    assert recording.info["ch_names"][-1] == "FPz"


def test_the_files_for_training_and_test_become_one_recording(tmp_path: Path) -> None:
    header = ["label", *_columns(["FP1"], 1024)]
    train = _write(tmp_path, header, [1, *range(1024)], [2, *range(1024)])
    train.rename(tmp_path / "first.csv")
    test = _write(tmp_path, header, [3, *range(1024)])
    recording = recognise([tmp_path / "first.csv", test])
    assert (recording.ordered, recording.warnings) == (False, (NO_ORDER,))
    write_store(tmp_path / "store", recording)
    trials = Store(tmp_path / "store").trials()
    assert trials.labels.tolist() == [1, 2, 3]
    assert trials.metadata["event"].tolist() == [0, 1, 2]


def test_the_label_may_stand_anywhere(tmp_path: Path) -> None:
    columns = _columns(["FP1"], 1024)
    path = _write(tmp_path, [*columns, "Label"], [*range(1024), 4])
    (chunk,) = recognise(path).read()
    assert chunk.trials is not None
    assert chunk.trials.labels.tolist() == [4]
    np.testing.assert_array_equal(chunk.trials.signals[0, 0], range(1024))


FP1 = _columns(["FP1"], 1024)
EP = _columns(HEADSETS["EP"].channels, 256)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        (FP1, "line 1 names no column 'label': is it a table of MindBigData2022"),
        (["label", *EP[:-1]], r"channel AF4 has 255 columns in line 1, up to column 3584 \('AF4-254'\), and others"),
        (["label", *EP[:300], *EP[301:]], r"column 302 \('F7-45'\) of line 1 does not follow on the column before it"),
        (["label", *FP1, "hour"], r"column 1026 \('hour'\) of line 1 is neither the label nor a sample of a channel"),
        (["label", *_columns(["Fz", "Cz"], 100)], "the channels Fz, Cz are of no headset that is known"),
        (["label", *FP1, FP1[3]], r"column 1026 \('FP1-3'\) of line 1 does not follow on the column before it"),
    ],
    ids=["no label", "short channel", "gap", "strange column", "unknown headset", "twice"],
)
def test_a_header_that_cannot_be_understood_is_said(tmp_path: Path, header: list[str], message: str) -> None:
    path = _write(tmp_path, header)
    with pytest.raises(UserError, match=message) as error:
        recognise(path)
    assert str(error.value).startswith(str(path))


def test_other_tables_are_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    for header in ("label,a,b", "date,2020-0,2020-2", "-0,-1"):
        path.write_text(f"{header}\n1,2,3,4,5,6\n")
        with pytest.raises(UserError, match="no row of any known format"):
            recognise(path)
