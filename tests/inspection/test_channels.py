from collections.abc import Callable

import numpy as np
import pytest

from mindglyph.inspection import Inspection, inspect_store
from mindglyph.inspection.channels import longest_runs
from mindglyph.store import Store

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def _look(store: Store) -> tuple[Inspection, dict[str, str]]:
    found = inspect_store(store)[0]
    warnings = [entry for entry in found.findings if entry.level == "warn"]
    return found, {entry.about: f"{entry.figure}. {entry.sentence}" for entry in warnings}


def test_a_dead_channel_and_one_that_is_flat_at_times_are_told_apart(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[:, 1] = 4200
    signals[:30, 3] = 7
    found, warnings = _look(store_of(signals))
    assert [channel.flat_trials for channel in found.channels] == [0, 300, 0, 30, 0]
    assert warnings["dead channels"].startswith("1. AF7 holds")
    assert "TP10 in 30 of 300 trials" in warnings["flat channels"]
    assert found.channels[1].rail_trials == 0, "dead, and not at a rail"
    assert not found.twins


def test_a_clipped_channel_is_found_by_its_runs_at_the_rail(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[:, 2] = np.clip(signals[:, 2], 470, 530)
    found, warnings = _look(store_of(signals))
    clipped = found.channels[2]
    at_rail = np.isin(signals[:, 2], [470, 530]) & (np.ptp(signals[:, 2], axis=1) > 0)[:, None]
    assert clipped.at_extremes == pytest.approx(at_rail.mean())
    assert clipped.longest_at_rail > 20
    assert [channel.rail_trials > 2 for channel in found.channels] == [False, False, True, False, False]
    assert warnings["clipped channels"].startswith("AF8: ")


def test_a_rail_that_comes_into_sight_late_is_counted_from_there(store_of: StoreOf) -> None:
    # Two parts of 16 MB: what seemed the extreme in the first is none.
    signals = np.random.default_rng(0).normal(size=(700, 1, 8000)).astype(np.float32)
    signals = np.clip(signals, -3, 3)
    signals[600, 0, 1000:1006] = 9
    found, _ = _look(store_of(signals, ch_names=["PZ"]))
    (channel,) = found.channels
    assert channel.highest == 9
    assert channel.longest_at_rail == 6
    at_low = (signals == -3).sum()
    assert channel.at_extremes == pytest.approx((at_low + 6) / signals.size)


def test_a_coarse_but_sound_channel_is_not_called_clipped(store_of: StoreOf, clean: Clean) -> None:
    _, warnings = _look(store_of(np.round(clean() / 4) * 4))
    assert "clipped channels" not in warnings


@pytest.mark.parametrize("how", ["copied", "bridged"])
def test_channels_that_are_one_are_found(store_of: StoreOf, clean: Clean, how: str) -> None:
    signals = clean()
    signals[:, 4] = signals[:, 0]
    if how == "bridged":
        signals[:, 4] += 40 + 0.05 * np.random.default_rng(1).normal(size=signals[:, 4].shape)
    found, warnings = _look(store_of(signals))
    (pair,) = found.twins
    assert (pair.first, pair.second) == ("TP9", "PZ")
    assert pair.correlation > 0.9999
    assert pair.identical_trials == (300 if how == "copied" else 0)
    assert "1 pair" in warnings["channels that are one"]


def test_a_movement_that_all_channels_show_does_not_make_them_one(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[5] += 1e5 * np.sin(np.arange(200) / 20)
    found, _ = _look(store_of(signals))
    assert not found.twins
    assert [channel.loud_trials for channel in found.channels] == [1] * 5


def test_a_loud_channel_and_a_wrong_unit_are_found(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[:, 3] *= 20
    _, warnings = _look(store_of(signals))
    assert "TP10" in warnings["high amplitude"]
    assert "unit" not in warnings
    _, warnings = _look(store_of(clean() * 1e-6))
    assert "look like volts" in warnings["unit"]


def test_values_that_are_no_numbers_are_counted_and_spoil_nothing(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals[7, 2, 50:60] = np.nan
    signals[8, 2] = np.inf
    found, warnings = _look(store_of(signals))
    assert found.channels[2].not_finite == 210
    assert "210 samples" in warnings["not finite"]
    assert np.isfinite([channel.spread for channel in found.channels]).all()
    assert found.channels[2].highest < 1000


def test_runs_are_measured() -> None:
    rows = np.array([[1, 1, 0, 1, 1, 1], [0, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1], [0, 1, 0, 0, 1, 0]], dtype=bool)
    assert longest_runs(rows).tolist() == [3, 0, 6, 1]
