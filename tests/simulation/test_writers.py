"""Each format is read again without any of its readers, so that both can be wrong only on their own."""

import csv
from pathlib import Path

import numpy as np
import pytest

from mindglyph.files import content_hash
from mindglyph.headsets import ADC_STEP, HEADSETS, MNIST_8B, VISUAL_MNIST
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.simulation import Pictures, SimulatedRecording, simulate, truth_path
from mindglyph.sources.recording import SIMULATED_SECONDS_FROM

from .conftest import N_EVENTS, Write

FORMATS = ["ep", "mw", "mu", "in", "hf2022", "muse2", "muse2-cut2", "muse2-cut3", "cap64", "mnist8b", "mnist2b"]


def _rows(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def _planned(recording: SimulatedRecording) -> np.ndarray:
    """Return the steps that were planned, in the order of the file: (n_trials, n_channels, n_times)."""
    return np.concatenate([steps for _, steps in recording.chunks()])


@pytest.mark.parametrize("format", [*FORMATS, "imagenet"])
def test_the_truth_is_of_this_file_and_of_every_event(write: Write, format: str) -> None:
    made = write(format=format)
    path, truth, recording = made.path, made.truth, made.recording
    assert truth["sha256"] == content_hash(path)
    assert truth_path(path).parent == path.parent
    assert len(set(truth["events"])) == N_EVENTS
    assert truth["sessions"] == [1] * 12 + [2] * 12
    named = truth["words"] if format == "imagenet" else truth["digits"]
    assert len(named) == N_EVENTS
    assert {event for kind in ("blink", "muscle") for event in truth["artifacts"][kind]} <= set(truth["events"])
    assert list(path.parent.glob(".*")) == [], "nothing is left of the temporary name"
    assert recording.signals.artifacts is not None


@pytest.mark.parametrize("headset", ["ep", "mw", "mu", "in"])
def test_a_table_of_2022_has_a_label_and_all_channels_one_after_another(write: Write, headset: str) -> None:
    made = write(format="hf2022", headset=headset)
    path, truth, recording = made.path, made.truth, made.recording
    header, *rows = _rows(path)
    facts, n_times = HEADSETS[headset.upper()], {"ep": 256, "mw": 1024, "mu": 440, "in": 256}[headset]
    assert header == ["label", *(f"{channel}-{i}" for channel in facts.channels for i in range(n_times))]
    values = np.array([row[1:] for row in rows], dtype=float).reshape(N_EVENTS, -1, n_times)
    np.testing.assert_allclose(values, _planned(recording) * facts.resolution, atol=1e-6)
    assert ("." in rows[0][1]) == (headset in ("ep", "in"))
    by_row = dict(zip(truth["events"], truth["digits"], strict=True))
    assert [int(row[0]) for row in rows] == [by_row[number] for number in range(N_EVENTS)]
    assert truth["events"] != sorted(truth["events"]), "the rows stand in no order"


@pytest.mark.parametrize("format", sorted(VISUAL_MNIST))
def test_a_row_of_the_visual_mnist_holds_picture_clock_and_signals(write: Write, format: str) -> None:
    made = write(format=format)
    path, truth, recording = made.path, made.truth, made.recording
    rows, facts = _rows(path), VISUAL_MNIST[format]
    width = len(facts.channels) * facts.n_times
    assert {len(row) for row in rows} == {788 + width + (9 * 512 if format == "muse2" else 0)}
    digits, images = load_digits("train"), dict(enumerate(truth["pictures"]))
    for number, row in enumerate(rows):
        assert row[0] == "TRAIN"
        assert int(row[2]) == truth["digits"][number]
        pixels = np.array(row[3:787], dtype=int)
        if number % 2:
            assert row[1:3] == ["-1", "-1"]
            assert not pixels.any()
        else:
            assert int(row[1]) == digits.index[images[number]]
            np.testing.assert_array_equal(pixels.reshape(28, 28), digits.images[images[number]])
    values = np.array([row[788 : 788 + width] for row in rows], dtype=float)
    np.testing.assert_allclose(
        values.reshape(N_EVENTS, -1, facts.n_times), _planned(recording) * facts.resolution, atol=1e-5
    )
    seconds = np.array([row[787] for row in rows], dtype=float)
    assert seconds.min() >= SIMULATED_SECONDS_FROM
    assert (np.diff(seconds) > 0).all()
    assert np.flatnonzero(np.diff(seconds) > 3600).tolist() == [11], "the second session comes after a long pause"


def test_a_muse_2_records_pulse_and_gravity_too(write: Write) -> None:
    rows = np.array([row[788 + 4 * 512 :] for row in _rows(write(format="muse2").path)], dtype=float)
    light, gravity, rotation = rows.reshape(N_EVENTS, 3, 3, 512).transpose(1, 0, 2, 3)
    assert (light > 1000).all()
    assert abs(np.linalg.norm(gravity, axis=1).mean() - 1) < 0.05
    assert np.abs(rotation).mean() < 5


@pytest.mark.parametrize("format", sorted(MNIST_8B))
def test_a_row_of_mnist_8b_holds_raw_values_picture_and_block(write: Write, format: str) -> None:
    made = write(format=format)
    path, truth, recording = made.path, made.truth, made.recording
    header, *rows = _rows(path)
    facts = MNIST_8B[format]
    n_values = 128 * facts.n_times
    names = [f"{channel}_{i}" for channel in facts.channels for i in range(facts.n_times)]
    assert header[:n_values] == names
    assert header[n_values : n_values + 4] == ["label", "label_source", "label_pos", "label_imgpix_0"]
    assert header[-5:] == ["label_imgpix_783", "timestamp", "sessionnum", "blocknum", "blockpos"]
    # Whole numbers, as the amplifier gives them: `int` refuses any other.
    raw = np.array([[int(value) for value in row[:n_values]] for row in rows])
    np.testing.assert_array_equal(raw.reshape(N_EVENTS, 128, -1), _planned(recording))
    background = raw.reshape(N_EVENTS, 128, -1).std(axis=2)
    assert 5 < np.median(background) * ADC_STEP < 40, "as large in microvolts as an EEG is"
    digits = load_digits("train")
    for number, row in enumerate(rows):
        label, _, place = (int(value) for value in row[n_values : n_values + 3])
        pixels = np.array(row[n_values + 3 : -4], dtype=int).reshape(28, 28)
        assert label == truth["digits"][number]
        if number % 2:
            assert (label, place, pixels.any()) == (-1, -1, False)
        else:
            np.testing.assert_array_equal(pixels, digits.images[digits.index == place][0])
            assert digits.labels[digits.index == place] == label
    assert [[int(value) for value in row[-3:]] for row in rows] == [[1 + i // 12, 1, 1 + i % 12] for i in range(24)]


def test_the_imagenet_is_a_folder_of_files_that_name_word_and_session(write: Write) -> None:
    made = write(format="imagenet")
    path, truth, recording = made.path, made.truth, made.recording
    steps, lengths = _planned(recording), recording.lengths
    files = {int(file.stem.split("_")[-1]): file for file in path.iterdir()}
    assert sorted(files) == truth["events"]
    assert min(files) >= 2_000_000_000
    for number, event in enumerate(truth["events"]):
        kind, word, _, session, _ = files[event].stem.rsplit("_", 4)
        assert (kind, word) == ("MindBigData_Imagenet_Insight", truth["words"][number])
        assert int(session) == truth["sessions"][number]
        rows = _rows(files[event])
        assert [row[0] for row in rows] == ["AF3", "AF4", "T7", "T8", "Pz"]
        for channel, row in enumerate(rows):
            assert len(row) == 1 + lengths[number, channel]
            planned = steps[number, channel, : len(row) - 1] * recording.headset.resolution
            np.testing.assert_allclose(np.array(row[1:], dtype=float), planned, atol=1e-6)
    assert len(set(truth["words"])) == 10


@pytest.mark.parametrize("format", ["mu", "hf2022", "muse2", "imagenet"])
def test_the_same_seed_gives_the_same_file(write: Write, pictures: Pictures, tmp_path: Path, format: str) -> None:
    made = write(format=format)
    shown = (pictures.images, pictures.labels, PACKAGED)
    assert simulate(tmp_path / "again", made.recording.settings, *shown, index=pictures.index) == made.truth
