import gzip
from collections.abc import Sequence
from pathlib import Path

import mne
import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.headsets import ADC_STEP, MNIST_8B
from mindglyph.sources.formats import recognise
from mindglyph.sources.mnist8b import HEARING, PLACES
from mindglyph.sources.recording import ImportSettings, Recording
from mindglyph.store import Store, write_store
from mindglyph.trials import positions_of

CHANNELS = ("FPz", "F7", "F8", "Cz", "T7", "T8", "Pz", "O1", "O2")
TAIL = ("timestamp", "sessionnum", "blocknum", "blockpos")


def _header(n_times: int = 256, channels: Sequence[str] = CHANNELS) -> list[str]:
    columns = [f"{channel}_{sample}" for channel in channels for sample in range(n_times)]
    pixels = [f"label_imgpix_{pixel}" for pixel in range(784)]
    return [*columns, "label", "label_source", "label_pos", *pixels, *TAIL]


def _row(label: int, time: float = 1680000000.0, n_times: int = 256, n_channels: int = len(CHANNELS)) -> list[object]:
    """Return a row whose channels hold -1000, 0, 1000 …, and whose picture holds its label."""
    values = np.repeat(np.arange(n_channels) * 1000 - 1000, n_times)
    return [*values, label, "60000", 17, *[max(label, 0)] * 784, time, 3, 12, 5]


def _write(folder: Path, *rows: Sequence[object], name: str = "train.csv") -> Path:
    path = folder / name
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.mark.parametrize("name", list(MNIST_8B))
def test_both_sets_are_read_whole(tmp_path: Path, name: str) -> None:
    headset = MNIST_8B[name]
    header = _header(headset.n_times, headset.channels)
    rows = [_row(label, 1680000000.0 + 2 * place, headset.n_times, 128) for place, label in enumerate((4, -1))]
    recording = recognise(_write(tmp_path, header, *rows))
    assert (recording.format, recording.n_times) == (name, headset.n_times)
    assert (recording.info["sfreq"], tuple(recording.info["ch_names"])) == (250, headset.channels)
    assert recording.warnings == (HEARING,)
    write_store(tmp_path / "store", recording)
    trials = Store(tmp_path / "store").trials()
    microvolts = np.float32((np.arange(128) * 1000 - 1000) * ADC_STEP)
    np.testing.assert_array_equal(trials.signals[0], np.repeat(microvolts[:, None], headset.n_times, axis=1))
    assert trials.labels.tolist() == [4, -1]
    assert trials.images is not None
    assert (trials.images[0] == 4).all()
    assert not trials.images[1].any()
    assert trials.metadata.to_dict("list") == {
        "event": [0, 1],
        "mnist_index": [17, 17],
        "unix_time": [1680000000.0, 1680000002.0],
        "session": [3, 3],
        "block": [12, 12],
        "block_position": [5, 5],
        "label_source": ["60000", "60000"],
        "onset_s": [0.0, 2.0],
        "simulated": [False, False],
        "n_samples": [headset.n_times] * 2,
        "file": ["train.csv"] * 2,
        "line": [2, 3],
        "set": ["train", "train"],
    }


def test_the_set_is_what_the_name_of_the_file_says(tmp_path: Path) -> None:
    for name, found in (("my-TEST.csv", "test"), ("digits.csv", None), ("train-test.csv", None)):
        (chunk,) = recognise(_write(tmp_path, _header(), _row(1), name=name)).read()
        assert chunk.trials is not None
        assert chunk.trials.metadata.get("set", [None])[0] == found


def test_the_scale_can_be_overruled(tmp_path: Path) -> None:
    path = _write(tmp_path, _header(), _row(1))
    (chunk,) = recognise(path, ImportSettings(microvolts=0.5)).read()
    assert chunk.trials is not None
    np.testing.assert_array_equal(chunk.trials.signals[0, :3, 0], [-500, 0, 500])


def test_a_file_without_pictures_and_blocks_is_read(tmp_path: Path) -> None:
    keep = [place for place, name in enumerate(_header()) if not name.startswith(("label_", "block"))]
    rows = [[row[place] for place in keep] for row in (_header(), _row(2, 1.68e12))]
    (chunk,) = recognise(_write(tmp_path, *rows)).read()
    assert chunk.trials is not None
    assert chunk.trials.images is None
    assert chunk.trials.metadata["session"].tolist() == [3]
    assert chunk.trials.metadata["unix_time"].tolist() == [1.68e9]


def test_a_gzipped_file_is_recognised(tmp_path: Path) -> None:
    packed = tmp_path / "train.csv.gz"
    packed.write_bytes(gzip.compress(_write(tmp_path, _header(), _row(2)).read_bytes()))
    recording = recognise(packed)
    assert recording.format == "mnist2b"
    (chunk,) = recording.read()
    assert chunk.trials is not None


@pytest.mark.parametrize(
    ("missing", "message"),
    [
        ("label", "line 1 names no column 'label': is it a file of MNIST-8B"),
        ("timestamp", "line 1 names no column 'timestamp': without it the order of recording is lost"),
        ("O1_77", r"column 1870 \('O1_78'\) of line 1 does not follow on the column before it"),
        ("O2_255", r"channel O2 has 255 columns in line 1, up to column 2303 \('O2_254'\)"),
        ("label_imgpix_5", "the columns label_imgpix_0 to label_imgpix_783 of line 1 are incomplete"),
    ],
)
def test_a_header_that_is_incomplete_is_said(tmp_path: Path, missing: str, message: str) -> None:
    path = _write(tmp_path, [name for name in _header() if name != missing])
    with pytest.raises(UserError, match=message):
        recognise(path)


def test_an_unknown_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"column 3096 \('mood'\) of line 1 is unknown"):
        recognise(_write(tmp_path, [*_header(), "mood"]))


def test_a_bad_value_is_named_by_its_column(tmp_path: Path) -> None:
    bad = _row(3)
    bad[300] = "x"
    (chunk,) = recognise(_write(tmp_path, _header(), _row(1), bad)).read()
    assert [(refusal.line, refusal.reason) for refusal in chunk.refusals] == [
        (3, "column 301 (F7_44) is no number: 'x'")
    ]


def _places(recording: Recording) -> np.ndarray:
    found = positions_of(recording.info)
    return np.array([found[name] for name in recording.info["ch_names"]])


def test_the_table_of_places_beside_the_file_is_used(tmp_path: Path) -> None:
    path = _write(tmp_path, _header(), _row(1))
    standard = _places(recognise(path))
    # As a person would measure them: in mm, with the front along x, and O2 put a little elsewhere.
    turned = standard[:, [1, 0, 2]] * [1000, -1000, 1000] + [5, 20, -30]
    turned[-1] += [0, -12, 0]
    rows = [[name.upper(), *place] for name, place in zip(CHANNELS, turned, strict=True)]
    _write(tmp_path, ["chan", "X", "Y", "Z"], *rows, ["CP1", 1, 2, 3], name=PLACES)
    recording = recognise(path)
    assert recording.warnings == (HEARING,)
    apart = np.linalg.norm(_places(recording) - standard, axis=1)
    assert apart[:-1].max() < 0.008
    assert 0.004 < apart[-1] < 0.016
    write_store(tmp_path / "store", recording)
    np.testing.assert_allclose(
        list(Store(tmp_path / "store").about["positions"].values()), _places(recording), atol=1e-6
    )


@pytest.mark.parametrize(
    ("table", "why"),
    [
        ("name,x,y,z\nCz,1,2\n", "line 2 is no name with three numbers"),
        ("name,x,y,z\nCz,1,2,3\n", "gives places to only 1 of the channels"),
        ("\x00\x01", "gives places to only 0 of the channels"),
    ],
)
def test_a_table_of_places_that_cannot_be_understood_is_a_warning(tmp_path: Path, table: str, why: str) -> None:
    (tmp_path / PLACES).write_text(table)
    recording = recognise(_write(tmp_path, _header(), _row(1)))
    hearing, places = recording.warnings
    assert hearing == HEARING
    assert why in places
    assert "taken to be where the 10-05 system has them" in places
    assert isinstance(recording.info, mne.Info)
    assert len(positions_of(recording.info)) == len(CHANNELS)
