"""What is simulated in any format is recognised, read, and is what was planned."""

from typing import get_args

import numpy as np
import pytest

from mindglyph.decoders import DecodingPipeline, decoder_settings
from mindglyph.headsets import ADC_STEP, MUSE2_SENSORS
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.simulation import Pictures, SimulatedRecording
from mindglyph.simulation.decimals import Decimals
from mindglyph.simulation.settings import FORMATS_WITH_PIXELS, TEXT_FORMATS, SimulatedFormat

from .conftest import Write


def _planned(recording: SimulatedRecording) -> np.ndarray:
    """Return the microvolts that a reader is to give, in the order of the file: (n_trials, n_channels, n_times)."""
    headset = recording.headset
    steps = np.concatenate([steps for _, steps in recording.chunks()])
    if recording.settings.format.startswith("mnist"):
        return (steps * ADC_STEP).astype(np.float32)
    # What the decimals say, not what they were rounded from.
    texts = Decimals(headset.resolution, headset.decimals).joined(steps.ravel()).split(b",")
    values = np.array(texts, dtype=np.float64).astype(np.float32).reshape(steps.shape)
    for trial, channel in np.argwhere(recording.lengths < headset.n_times):
        length = recording.lengths[trial, channel]
        values[trial, channel, length:] = values[trial, channel, length - 1]
    return values[..., : headset.n_times]


@pytest.mark.parametrize("format", get_args(SimulatedFormat))
def test_what_is_read_is_what_was_planned(write: Write, format: str) -> None:
    written = write(format=format)
    trials, recording = written.store.trials(), written.recording
    order = recording.order
    np.testing.assert_array_equal(trials.signals, _planned(recording))
    np.testing.assert_array_equal(trials.labels, np.array(recording.labels)[order])
    np.testing.assert_array_equal(trials.metadata["event"], np.array(written.truth["events"])[order])
    assert [name.upper() for name in trials.info["ch_names"]] == [name.upper() for name in recording.headset.channels]
    assert trials.sfreq == recording.headset.sfreq
    assert written.store.about["ordered"] == (format != "hf2022")
    assert written.store.about["simulated"]


@pytest.mark.parametrize("headset", ["mw", "mu", "in"])
def test_the_tables_of_2022_are_read_for_every_headset(write: Write, headset: str) -> None:
    written = write(format="hf2022", headset=headset)
    np.testing.assert_array_equal(written.store.trials().signals, _planned(written.recording))


@pytest.mark.parametrize("format", [name for name in get_args(SimulatedFormat) if name != "imagenet"])
def test_each_trial_comes_with_the_picture_that_was_shown(write: Write, pictures: Pictures, format: str) -> None:
    written = write(format=format)
    images = written.store.trials().images
    assert images is not None
    places = np.array(written.truth["pictures"])[written.recording.order]
    np.testing.assert_array_equal(images[places >= 0], pictures.images[places[places >= 0]])
    assert not images[places < 0].any()
    assert (places < 0).sum() == (12 if format in FORMATS_WITH_PIXELS else 0)


@pytest.mark.parametrize("format", FORMATS_WITH_PIXELS)
def test_the_clock_and_the_places_in_mnist_are_read(write: Write, format: str) -> None:
    written = write(format=format)
    table, recording = written.store.trials().metadata, written.recording
    np.testing.assert_allclose(table["onset_s"], recording.plan.seconds, atol=1e-3)
    np.testing.assert_array_equal(table["mnist_index"], [recording.mnist_index(trial) for trial in range(24)])
    if format.startswith("mnist"):
        for column, planned in (("session", "sessions"), ("block", "blocks"), ("block_position", "positions")):
            np.testing.assert_array_equal(table[column], getattr(recording.plan, planned))


@pytest.mark.parametrize("format", [name for name in get_args(SimulatedFormat) if name != "hf2022"])
def test_a_file_says_that_it_is_simulated_without_its_truth(write: Write, format: str) -> None:
    assert write(format=format).store.trials().metadata["simulated"].all()


@pytest.mark.parametrize("format", TEXT_FORMATS)
def test_rests_are_read_as_code_minus_one(write: Write, format: str) -> None:
    written = write(format=format, rest=0.25)
    assert (written.store.trials().labels == -1).sum() == written.truth["digits"].count(-1) == 6


def test_the_sensors_of_a_muse_2_come_beside_its_eeg(write: Write) -> None:
    extras = write(format="muse2").store.trials().extras
    assert {name: extra.ch_names for name, extra in extras.items()} == MUSE2_SENSORS
    assert abs(np.linalg.norm(extras["ACC"].signals, axis=1).mean() - 1) < 0.05
    assert all(extra.signals.shape == (24, 3, 512) for extra in extras.values())


@pytest.mark.parametrize(("format", "events"), [("muse2-cut3", 900), ("imagenet", 450)])
def test_the_planted_signal_can_be_read_and_where_there_is_none_it_cannot(
    write: Write, format: str, events: int
) -> None:
    found = {}
    for ceiling in (0.95, 0.1):
        trials = write(format=format, events=events, ceiling=ceiling, artifacts=False, seed=4).store.trials()
        if format != "imagenet":
            trials = trials.select(trials.labels != -1)
        half = len(trials) // 2
        training, test = (trials.select(np.arange(len(trials)) // half == part) for part in (0, 1))
        decoder = decoder_settings("lda").build(trials.sfreq)
        pipeline = DecodingPipeline("lda", decoder, PreprocessingSettings()).fit(training)
        best = decoder.classes_[pipeline.outputs(test)[0].argmax(axis=1)]
        found[ceiling] = np.mean(best == test.labels)
    assert found[0.95] > 0.3
    assert found[0.1] < 0.17
