import numpy as np
import pytest

from mindglyph import Trials
from mindglyph.inspection import mean_signals
from mindglyph.inspection.parts import evenly_spaced, measured, parts, slices
from mindglyph.preprocessing import PreprocessingSettings


def test_the_means_are_those_of_the_filtered_trials() -> None:
    rng = np.random.default_rng(0)
    trials = Trials.from_arrays(rng.normal(300, 10, (90, 3, 200)), np.arange(90) % 3, 200.0, ["C3", "CZ", "C4"])
    means = mean_signals(trials, PreprocessingSettings())
    steps = PreprocessingSettings().build(200.0)
    filtered = steps["filter"].transform(steps["offset"].transform(trials.signals))
    np.testing.assert_allclose(means.of_all, filtered.mean(axis=0), atol=1e-4)
    np.testing.assert_allclose(means.of_labels[1], filtered[1::3].mean(axis=0), atol=1e-4)
    assert means.labels == [0, 1, 2]
    assert means.filtered


def test_trials_too_short_for_the_filter_are_centred_only() -> None:
    trials = Trials.from_arrays(np.ones((10, 1, 8)), np.arange(10) % 2, 200.0, ["CZ"])
    means = mean_signals(trials, PreprocessingSettings())
    assert not means.filtered
    assert means.of_all.tolist() == [[0.0] * 8]


def test_the_peak_is_looked_for_after_the_event() -> None:
    signals = np.zeros((20, 2, 300))
    signals[:, 0, 10:20] = 90
    signals[:, 1, 150:160] = 30
    trials = Trials.from_arrays(signals, np.arange(20) % 2, 100.0, ["C3", "C4"])
    later = Trials(trials.signals, trials.labels, trials.info, trials.metadata, tmin=-1.0)
    channel, sample = mean_signals(later, PreprocessingSettings()).peak
    assert channel == 1
    assert 145 < sample < 165


def test_of_hundreds_of_words_the_most_frequent_are_kept() -> None:
    labels = np.array([f"word{place:03}" for place in np.minimum(np.arange(400), 250)])
    trials = Trials.from_arrays(np.ones((400, 1, 50)), labels, 100.0, ["CZ"])
    means = mean_signals(trials, PreprocessingSettings())
    assert len(means.labels) == 11
    assert "word250" in means.labels


def test_parts_cover_every_trial_once() -> None:
    signals = np.random.default_rng(0).normal(size=(1000, 4, 3000)).astype(np.float32)
    found = list(parts(signals))
    assert len(found) > 2
    assert sum(part.signals.nbytes > 20e6 for part in found) == 0
    np.testing.assert_array_equal(np.concatenate([part.highest for part in found]), signals.max(axis=-1))
    assert [stretch.stop - stretch.start for stretch in slices(np.zeros((3, 2)), 1)] == [1, 1, 1]


def test_level_and_spread_are_median_and_quartiles() -> None:
    part = measured(slice(0, 1), np.random.default_rng(0).normal(70, 12, (1, 1, 20_000)).astype(np.float32))
    assert part.level[0, 0] == pytest.approx(70, abs=0.3)
    assert part.spread[0, 0] == pytest.approx(12, abs=0.3)


def test_places_are_evenly_spaced() -> None:
    assert evenly_spaced(4, 10).tolist() == [0, 1, 2, 3]
    assert evenly_spaced(101, 5).tolist() == [0, 25, 50, 75, 100]
