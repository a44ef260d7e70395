from pathlib import Path

import numpy as np
import pytest

from mindglyph.trials import Trials
from mindglyph.trials.chosen import ChosenTrials

SIGNALS = np.random.default_rng(0).normal(size=(20, 2, 5)).astype(np.float32)


@pytest.fixture
def trials(tmp_path: Path) -> Trials:
    """Trials on disk."""
    np.save(tmp_path / "signals.npy", SIGNALS)
    mapped = np.load(tmp_path / "signals.npy", mmap_mode="r")
    images = np.zeros((20, 28, 28), dtype=np.uint8) + np.arange(20, dtype=np.uint8)[:, None, None]
    return Trials.from_arrays(mapped, np.arange(20) % 3, 100.0, ["TP9", "TP10"], images=images)


@pytest.mark.parametrize(
    "chosen", [np.arange(5, 12), np.array([3, 1, 7]), np.arange(20) % 4 > 0, np.arange(0), np.zeros(20, dtype=bool)]
)
def test_a_view_holds_what_a_selection_holds(trials: Trials, chosen: np.ndarray) -> None:
    view, selected = trials.view(chosen), trials.select(chosen)
    assert view.signals.shape == selected.signals.shape
    assert view.signals.dtype == np.float32
    assert len(view) == len(selected)
    np.testing.assert_array_equal(np.asarray(view.signals), selected.signals)
    np.testing.assert_array_equal(np.asarray(view.images), selected.images)
    np.testing.assert_array_equal(view.labels, selected.labels)
    assert view.metadata.equals(selected.metadata)


def test_neighbours_are_cut_and_others_stay_on_disk(trials: Trials) -> None:
    assert np.shares_memory(trials.view(np.arange(5, 12)).signals, trials.signals)
    scattered = trials.view(np.arange(20) != 8)
    assert isinstance(scattered.signals, ChosenTrials)
    # A view of a view is one of the trials themselves, and may be of neighbours again.
    assert np.shares_memory(scattered.view(np.arange(10, 15)).signals, trials.signals)
    twice = scattered.view(np.array([0, 10, 11]))
    np.testing.assert_array_equal(np.asarray(twice.signals), SIGNALS[[0, 11, 12]])


@pytest.mark.parametrize("key", [2, slice(1, 4), np.array([4, 0]), (slice(None), 1), (3, 1, 2), (slice(0, 2), ..., 0)])
def test_what_is_read_is_what_numpy_reads(key: object) -> None:
    places = np.array([1, 5, 6, 9, 19])
    np.testing.assert_array_equal(ChosenTrials(SIGNALS, places)[key], SIGNALS[places][key])


def test_a_selection_of_a_view_is_in_memory(trials: Trials) -> None:
    selected = trials.view(np.arange(20) % 2 == 0).select(np.array([1, 2]))
    assert type(selected.signals) is np.ndarray or isinstance(selected.signals, np.memmap)
    np.testing.assert_array_equal(selected.signals, SIGNALS[[2, 4]])
