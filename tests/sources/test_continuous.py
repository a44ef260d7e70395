from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.sources.continuous import GAP, Continuous, cut_trials
from mindglyph.sources.recording import Chunk, ImportSettings, Recording

MakeRaw = Callable[..., mne.io.RawArray]
PATH = Path("recording.edf")


def _cut(raw: mne.io.BaseRaw, **settings: object) -> Recording:
    return cut_trials(PATH, "edf", Continuous(raw), ImportSettings(**settings))


def _only(recording: Recording) -> Chunk:
    (chunk,) = recording.read()
    assert chunk.rows_read == len(chunk.refusals) + (len(chunk.trials) if chunk.trials else 0)
    return chunk


def test_trials_begin_and_end_where_they_should(make_raw: MakeRaw) -> None:
    recording = _cut(make_raw(), code=r"digit/(\d)", tmin=-0.25, tmax=0.5)
    trials = _only(recording).trials
    assert recording.n_times == 96
    assert trials.signals.shape == (4, 3, 96)
    assert trials.tmin == -0.25
    np.testing.assert_array_equal(trials.labels, [3, 7, 3, 1])
    assert (trials.signals.argmax(axis=-1) == 32).all(), "the event is 0.25 s after the first sample"
    assert trials.signals.mean() == pytest.approx(100.5, abs=0.5), "microvolts"
    np.testing.assert_allclose(trials.metadata["onset_s"], [1, 2, 3, 4.5])


def test_without_a_code_every_annotation_is_a_label_but_bad_ones(make_raw: MakeRaw) -> None:
    raw = make_raw(texts=("face", "house", "BAD_blink", "EDGE boundary"))
    recording = _cut(raw)
    chunk = _only(recording)
    assert chunk.trials.labels.tolist() == ["face", "house"]
    assert "face: 1, house: 1" in recording.seen


def test_what_cannot_be_cut_is_refused_with_its_reason(make_raw: MakeRaw) -> None:
    raw = make_raw(onsets=(0.05, 1, 2, 3, 5.9), texts=("1", "2", "3", "4", "5"))
    raw.annotations.append(2.3, 0.2, "BAD_move")
    raw.annotations.append(3.4, 0.0, GAP)
    raw._data[1, 140] = np.nan
    chunk = _only(_cut(raw))
    assert chunk.trials is None
    assert [(refusal.line, refusal.reason) for refusal in chunk.refusals] == [
        (1, "the trial reaches beyond the recording"),
        (2, "the trial holds values that are not finite"),
        (3, "the trial overlaps what is annotated as BAD_move"),
        (4, "the trial overlaps what is annotated as BAD_gap"),
        (5, "the trial reaches beyond the recording"),
    ]


def test_a_stimulus_channel_marks_events(make_raw: MakeRaw) -> None:
    raw = make_raw(onsets=(), texts=())
    marks = np.zeros((1, raw.n_times))
    marks[0, 200], marks[0, 400:420] = 5, 6
    info = mne.create_info(["MARKER"], raw.info["sfreq"], "stim")
    raw.add_channels([mne.io.RawArray(marks, info, verbose="error")], force_update_info=True)
    for settings in ({}, {"stimulus": "MARKER"}):
        trials = _only(_cut(raw, **settings)).trials
        assert trials.labels.tolist() == [5, 6]
        assert trials.info["ch_names"] == ["AF3", "O1", "O2"]
        np.testing.assert_allclose(trials.metadata["onset_s"], [200 / 128, 400 / 128])
    with pytest.raises(UserError, match="has no channel 'STI' .it has AF3, O1, O2, MARKER"):
        _cut(raw, stimulus="STI")


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ("onset\tduration\ttrial_type\n1.0\t0\tdigit/3\n2.0\t0\tdigit/7\n", "tsv"),
        ("sample,label\n128,digit/3\n256,digit/7\n", "csv"),
    ],
)
def test_a_table_of_events(tmp_path: Path, make_raw: MakeRaw, text: str, ending: str) -> None:
    path = tmp_path / f"events.{ending}"
    path.write_text(text)
    trials = _only(_cut(make_raw(onsets=(), texts=()), events=path, code=r"\d")).trials
    assert trials.labels.tolist() == [3, 7]
    np.testing.assert_allclose(trials.metadata["onset_s"], [1, 2])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("time,label\n1,2\n", "line 1 needs a column 'onset'"),
        ("onset,label\n1,2\nsoon,3\n", "line 3: onset 'soon' is no number"),
        ("", "line 1 needs a column .* it has none"),
        ("onset,label\n1,2\n\n2\n", "line 4: has 1 of 2 columns"),
        ("onset;label\n\n1e40;2\n", "line 3: onset '1e40' is no number"),
    ],
)
def test_a_damaged_table_is_said(tmp_path: Path, make_raw: MakeRaw, text: str, message: str) -> None:
    path = tmp_path / "events.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        _cut(make_raw(), events=path)


def test_what_is_wanted_but_not_there_is_said_with_what_is(make_raw: MakeRaw) -> None:
    with pytest.raises(UserError, match="none of its events matches --code 'letter' .there are digit/3, digit/7"):
        _cut(make_raw(), code="letter")
    with pytest.raises(UserError, match="is no regular expression"):
        _cut(make_raw(), code="(")
    with pytest.raises(UserError, match="has no events .*--stimulus"):
        _cut(make_raw(onsets=(), texts=()))
    with pytest.raises(UserError, match="make tmax larger"):
        _cut(make_raw(), tmin=0.5, tmax=0.5)
    with pytest.raises(UserError, match="has no EEG channels"):
        _cut(make_raw().set_channel_types(dict.fromkeys(("AF3", "O1", "O2"), "misc"), on_unit_change="ignore"))


def test_other_channels_are_kept_beside_the_eeg(make_raw: MakeRaw) -> None:
    raw = make_raw(names=("AF3", "O1", "GYROX"))
    raw.set_channel_types({"GYROX": "misc"}, on_unit_change="ignore")
    trials = _only(_cut(raw)).trials
    assert trials.signals.shape[1] == 2
    assert trials.extras["GYRO"].ch_names == ("GYROX",)
    assert trials.extras["GYRO"].signals.shape == (4, 1, trials.signals.shape[2])


def test_signals_without_a_unit_are_taken_as_microvolts(make_raw: MakeRaw) -> None:
    raw = make_raw()
    raw._data *= 1e6
    recording = _cut(raw)
    assert _only(recording).trials.signals.mean() == pytest.approx(100.5, abs=0.5)
    assert "gives no unit" in recording.warnings[0]
