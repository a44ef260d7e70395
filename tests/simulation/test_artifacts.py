import numpy as np
import pytest

from mindglyph.headsets import HEADSETS
from mindglyph.simulation.artifacts import Artifacts
from mindglyph.simulation.brain import electrode_positions

HEADSET = HEADSETS["EP"]
N_TRIALS = 4000


@pytest.fixture(scope="module")
def artifacts() -> Artifacts:
    return Artifacts.draw(N_TRIALS, electrode_positions(HEADSET), np.random.default_rng(0))


@pytest.fixture(scope="module")
def spoilt(artifacts: Artifacts) -> np.ndarray:
    """What the artifacts add to nothing at all."""
    signals = np.full((N_TRIALS, len(HEADSET.channels), 64), HEADSET.offset)
    signals += np.arange(64)  # a slope, that a dead channel loses
    artifacts.add(signals, np.arange(N_TRIALS), HEADSET, np.random.default_rng(1))
    return signals - HEADSET.offset - np.arange(64)


def test_trials_are_spoilt_where_the_truth_says_and_nowhere_else(artifacts: Artifacts, spoilt: np.ndarray) -> None:
    truth = artifacts.truth(np.arange(N_TRIALS), HEADSET.channels)
    dead = {event for events in truth["dead_channel"].values() for event in events}
    said = {*truth["blink"], *truth["muscle"], *truth["line_noise"], *dead}
    assert set(np.flatnonzero(spoilt.any(axis=(1, 2))).tolist()) == said
    assert 0.05 < len(said) / N_TRIALS < 0.25
    assert all(truth[kind] for kind in truth)


def test_a_dead_channel_is_flat_and_lasts(artifacts: Artifacts, spoilt: np.ndarray) -> None:
    for trial in np.flatnonzero(artifacts.dead >= 0):
        values = spoilt[trial, artifacts.dead[trial]] + np.arange(64)
        assert (values == values[0]).all()
    assert np.diff(np.flatnonzero(artifacts.dead >= 0)).min() == 1


def test_blinks_are_frontal_and_muscle_is_at_the_sides(artifacts: Artifacts) -> None:
    frontal = dict(zip(HEADSET.channels, artifacts.frontal, strict=True))
    temporal = dict(zip(HEADSET.channels, artifacts.temporal, strict=True))
    assert min(frontal["AF3"], frontal["AF4"]) > 5 * max(frontal["O1"], frontal["P8"])
    assert min(temporal["T7"], temporal["T8"]) > 2 * max(temporal["O1"], temporal["AF3"])


def test_line_noise_has_the_frequency_of_the_mains(artifacts: Artifacts, spoilt: np.ndarray) -> None:
    only = (artifacts.line > 0) & (artifacts.blink + artifacts.muscle == 0) & (artifacts.dead < 0)
    power = (np.abs(np.fft.rfft(spoilt[only], axis=2)) ** 2).mean(axis=(0, 1))
    assert np.fft.rfftfreq(64, 1 / HEADSET.sfreq)[power.argmax()] == HEADSET.mains
