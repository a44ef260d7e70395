import json
import warnings
from collections.abc import Callable
from pathlib import Path

import mne
import mne_bids
import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import ImportSettings

MakeRaw = Callable[..., mne.io.RawArray]


@pytest.fixture
def folder(tmp_path: Path, make_raw: MakeRaw) -> Path:
    root = tmp_path / "set"
    for subject in ("01", "02"):
        for session in ("a", "b"):
            raw = make_raw()
            raw.info["line_freq"] = 50
            place = mne_bids.BIDSPath(subject=subject, session=session, task="digits", root=root, datatype="eeg")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                mne_bids.write_raw_bids(raw, place, allow_preload=True, format="BrainVision", verbose="error")
    return root


def test_all_subjects_and_sessions_are_one_recording(folder: Path) -> None:
    recording = recognise(folder, ImportSettings(code=r"digit/(\d)"))
    chunks = list(recording.read())
    trials = [chunk.trials for chunk in chunks]
    assert recording.format == "bids"
    subjects = [subject for part in trials for subject in part.metadata["subject"]]
    sessions = [session for part in trials for session in part.metadata["session"]]
    assert subjects == ["01"] * 8 + ["02"] * 8
    assert sessions == (["a"] * 4 + ["b"] * 4) * 2
    events = [event for part in trials for event in part.metadata["event"]]
    assert events == list(range(1, 17))
    assert np.concatenate([part.labels for part in trials]).tolist() == [3, 7, 3, 1] * 4
    assert all((part.signals.argmax(axis=-1) == 13).all() for part in trials)


def test_a_folder_without_eeg_is_said(tmp_path: Path) -> None:
    (tmp_path / "dataset_description.json").write_text(json.dumps({"Name": "x", "BIDSVersion": "1.9.0"}))
    with pytest.raises(UserError, match="holds no EEG recording as BIDS names them"):
        recognise(tmp_path)


def test_a_run_without_such_events_is_passed_over_with_a_word(folder: Path) -> None:
    for table in folder.glob("sub-02/ses-b/eeg/*events.tsv"):
        table.write_text(table.read_text().replace("digit/", "rest/"))
    recording = recognise(folder, ImportSettings(code=r"digit/(\d)"))
    assert sum(chunk.rows_read for chunk in recording.read()) == 12
    assert recording.warnings[-1].startswith("passed over, since no such events are in: sub-02_ses-b_task-digits_eeg")
    with pytest.raises(UserError, match="none of its events matches --code 'letter'"):
        recognise(folder, ImportSettings(code="letter"))
    with pytest.raises(UserError, match="holds 4 recordings, and --events is a table of one"):
        recognise(folder, ImportSettings(events=Path("events.csv")))
