from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

from mindglyph.errors import UserError
from mindglyph.sources.continuous import Continuous, cut_trials
from mindglyph.sources.events import as_labels, find_events
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import ImportSettings

MakeRaw = Callable[..., mne.io.RawArray]
PATH = Path("recording.edf")


def _with_marks(raw: mne.io.RawArray, **channels: dict[int, float]) -> mne.io.RawArray:
    for name, marks in channels.items():
        values = np.zeros((1, raw.n_times))
        for start, mark in marks.items():
            values[0, start:] = mark
        info = mne.create_info([name], raw.info["sfreq"], "stim")
        raw.add_channels([mne.io.RawArray(values, info, verbose="error")], force_update_info=True)
    return raw


@pytest.mark.parametrize("dated", [True, False])
def test_a_file_that_does_not_begin_at_its_own_zero_keeps_its_events_in_place(
    tmp_path: Path, make_raw: MakeRaw, dated: bool
) -> None:
    raw = make_raw()
    if dated:
        raw.set_meas_date(1.6e9)
    raw.annotations.append(1.6, 0.1, "BAD_move")
    raw.crop(tmin=0.5).save(tmp_path / "part_raw.fif", verbose="error")
    (chunk,) = recognise(tmp_path / "part_raw.fif", ImportSettings(code=r"\d")).read()
    assert [refusal.line for refusal in chunk.refusals] == [1], "only the event before the bad stretch"
    assert (chunk.trials.signals.argmax(axis=-1) == 13).all()
    np.testing.assert_allclose(chunk.trials.metadata["onset_s"], [1.5, 2.5, 4.0])
    if dated:
        np.testing.assert_allclose(chunk.trials.metadata["unix_time"] - 1.6e9, [2, 3, 4.5])


def test_a_channel_that_rests_on_a_value_marks_no_event_by_it(make_raw: MakeRaw) -> None:
    raw = _with_marks(make_raw(onsets=(), texts=()), STATUS={0: 64, 200: 0, 300: 5, 310: 6, 320: 0})
    events, how = find_events(PATH, raw, ImportSettings())
    assert how == "the channel STATUS"
    assert events.to_numpy().tolist() == [[300, "5"], [310, "6"]]


def test_the_first_channel_of_marks_that_holds_any_is_taken(make_raw: MakeRaw) -> None:
    raw = _with_marks(make_raw(onsets=(), texts=()), MARKER={}, MARKER_HARDWARE={200: 3, 201: 0})
    events, how = find_events(PATH, raw, ImportSettings())
    assert (how, len(events)) == ("the channel MARKER_HARDWARE", 1)


def test_an_event_without_a_label_is_refused(tmp_path: Path, make_raw: MakeRaw) -> None:
    (tmp_path / "events.tsv").write_text("onset\ttrial_type\n1.0\t3\n2.0\tn/a\n\n3.0\t7\n4.0\t\n")
    settings = ImportSettings(events=tmp_path / "events.tsv")
    (chunk,) = cut_trials(PATH, "edf", Continuous(make_raw()), settings).read()
    assert chunk.trials.labels.tolist() == [3, 7], "whole numbers, whatever is missing"
    assert [(refusal.line, refusal.reason) for refusal in chunk.refusals] == [
        (2, "the event has no label"),
        (4, "the event has no label"),
    ]


def test_values_missing_beside_the_eeg_refuse_no_trial(make_raw: MakeRaw) -> None:
    raw = make_raw(names=("AF3", "O1", "pupil"))
    raw.set_channel_types({"pupil": "misc"}, on_unit_change="ignore")
    raw._data[2, 130] = np.nan
    (chunk,) = cut_trials(PATH, "edf", Continuous(raw), ImportSettings()).read()
    assert len(chunk.trials) == 4
    assert np.isnan(chunk.trials.extras["MISC"].signals[0]).any()


def test_what_is_there_is_said_where_no_event_is(make_raw: MakeRaw) -> None:
    raw = make_raw(onsets=(1.0,), texts=("boundary",))
    with pytest.raises(UserError, match="annotations: boundary; channels: AF3, O1, O2"):
        find_events(PATH, raw, ImportSettings())
    with pytest.raises(UserError, match="leave one of them out"):
        find_events(PATH, raw, ImportSettings(events=Path("e.csv"), stimulus="O1"))


def test_labels_are_whole_numbers_only_if_all_are() -> None:
    assert as_labels(pd.Series(["7", "-1", "08"])).tolist() == [7, -1, 8]
    assert as_labels(pd.Series(["7", "face"])).tolist() == ["7", "face"]
