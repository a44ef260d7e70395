import numpy as np
import pandas as pd
import pytest

from mindglyph import Trials
from mindglyph.inspection.result import Clock
from mindglyph.inspection.timing import measure_lengths, read_clock, read_order


def _trials(**columns: object) -> Trials:
    table = pd.DataFrame(columns)
    table["event"] = np.arange(len(table))
    return Trials.from_arrays(np.zeros((len(table), 1, 100)), np.zeros(len(table)), 100.0, ["PZ"], table)


def _clock(**columns: object) -> Clock:
    clock = read_clock(_trials(**columns))
    assert clock is not None
    return clock


def test_gaps_in_the_event_numbers_are_counted() -> None:
    order = read_order(pd.DataFrame({"event": [10, 11, 14, 15, 25]}), ordered=True)
    assert (order.first_event, order.last_event, order.gaps, order.largest_gap) == (10, 25, 2, 9)
    assert order.missing == pytest.approx(11 / 16)
    assert order.repeated == 0


def test_numbers_that_begin_anew_in_each_session_are_neither_repeated_nor_missing() -> None:
    table = pd.DataFrame({"event": [0, 1, 2, 0, 1, 3], "session": [1, 1, 1, 2, 2, 2]})
    order = read_order(table, ordered=True)
    assert (order.gaps, order.largest_gap, order.repeated) == (1, 1, 0)
    assert order.missing == pytest.approx(1 / 7)
    assert read_order(table.drop(columns="session"), ordered=True).repeated == 2


def test_the_order_in_the_file_is_compared_within_each_file() -> None:
    table = pd.DataFrame({"event": range(6), "line": [1, 3, 2, 1, 2, 3], "file": ["a", "a", "a", "b", "b", "b"]})
    assert read_order(table, ordered=True).out_of_order == 1
    assert read_order(table[["event"]], ordered=True).out_of_order is None


def test_lengths_are_told_as_they_were_before_cropping() -> None:
    lengths = measure_lengths(_trials(n_samples=[90, 100, 120, 130], cut=[True, False, False, False]))
    assert (lengths.shortest, lengths.median, lengths.longest) == (90, 110, 130)
    assert (lengths.padded, lengths.cropped, lengths.cut) == (1, 2, 1)
    assert lengths.seconds == 1
    assert measure_lengths(_trials(event=[1, 2])).shortest is None


@pytest.mark.parametrize("unit", [1, 1000, 1e6])
def test_pauses_and_steps_back_are_found_in_unix_times_of_any_unit(unit: float) -> None:
    times = 1.6e9 + np.array([0, 3, 6, 9, 109, 112, 111, 114])
    clock = _clock(unix_time=times * unit)
    assert clock.first == pytest.approx(1.6e9)
    assert clock.interval == pytest.approx(3)
    assert (clock.pauses, clock.backwards, clock.overlapping) == (1, 1, 0)
    assert clock.longest_pause == pytest.approx(100)


def test_a_clock_that_begins_anew_in_each_run_does_not_step_back() -> None:
    clock = _clock(onset_s=[0.0, 2.0, 4.0, 0.0, 2.0, 4.0], run=[1, 1, 1, 2, 2, 2])
    assert (clock.backwards, clock.pauses) == (0, 0)
    assert clock.spanned == 8


def test_trials_that_overlap_are_counted() -> None:
    assert _clock(onset_s=[0.0, 0.5, 1.5, 2.0]).overlapping == 2
    assert _clock(onset_s=[0.0, 1.0, 2.0, 3.0]).overlapping == 0


def test_the_true_rate_is_read_from_samples_and_times() -> None:
    rate = _clock(onset_s=[0.0, 2.0, 4.0], onset_sample=[0, 500, 1000]).rate
    assert rate == pytest.approx(250)
    with_pause = _clock(onset_s=[0.0, 2.0, 4.0, 64.0, 66.0], onset_sample=[0, 500, 1000, 1500, 2000])
    assert with_pause.rate == pytest.approx(250)
    assert _clock(onset_s=[0.0, 2.0, 4.0]).rate is None


def test_without_usable_times_there_is_no_clock() -> None:
    assert read_clock(_trials(event=[1, 2, 3])) is None
    assert read_clock(_trials(unix_time=[1.0, np.nan, 3.0])) is None
    assert read_clock(_trials(onset_s=["a", "b"])) is None
