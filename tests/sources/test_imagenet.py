import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.errors import UserError
from mindglyph.headsets import IMAGENET
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import Chunk, ImportSettings, Refusal
from mindglyph.store import Store, write_store


def _row(channel: str, length: int = 384, first: float = 4200.5) -> str:
    return ",".join([channel, *(f"{first + place:.2f}" for place in range(length))])


def _rows(**lengths: int) -> list[str]:
    return [_row(channel, lengths.get(channel, 384)) for channel in IMAGENET.channels]


def _write(folder: Path, event: int, rows: list[str], word: str = "n00007846", image: int = 6247) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"MindBigData_Imagenet_Insight_{word}_{image}_1_{event}.csv"
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


def _read(folder: Path, **settings: object) -> list[Chunk]:
    chunks = list(recognise(folder, ImportSettings(**settings)).read())
    kept = 5 * sum(len(chunk.trials) for chunk in chunks if chunk.trials)
    assert sum(chunk.rows_read for chunk in chunks) == kept + len(_refusals(chunks))
    return chunks


def _refusals(chunks: list[Chunk]) -> list[Refusal]:
    return [refusal for chunk in chunks for refusal in chunk.refusals]


def _reasons(folder: Path) -> list[tuple[int, str]]:
    return [(refusal.line, refusal.reason) for refusal in _refusals(_read(folder))]


def test_a_folder_becomes_trials_in_the_order_of_events(tmp_path: Path) -> None:
    folder, deeper = tmp_path / "in", tmp_path / "in" / "deeper"
    events = list(range(90, 120))
    random.Random(0).shuffle(events)
    for event in events:
        _write(folder if event % 2 else deeper, event, [_row(name, 384, event) for name in IMAGENET.channels])
    for name in ("WordReport.txt", "other.csv", "MindBigData_Imagenet_Insight_n1_2.csv"):
        (folder / name).write_text("nothing")
    recording = recognise(folder)
    assert (recording.format, recording.n_times, recording.rows_per_trial) == ("imagenet", 384, 5)
    assert recording.warnings == ("2 CSV files of other names were passed over",)
    assert "Emotiv Insight, 30 files, 5 channels, 384 samples at 128 Hz" in recording.seen
    report = write_store(tmp_path / "store", recording)
    assert (report["rows_read"], report["rows_kept"], report["trials"]) == (150, 150, 30)
    trials = Store(tmp_path / "store").trials()
    assert trials.info["ch_names"] == ["AF3", "AF4", "T7", "T8", "Pz"]
    np.testing.assert_array_equal(trials.signals[:, 4, 0], np.arange(90, 120))


def test_the_name_of_a_file_says_what_was_seen(tmp_path: Path) -> None:
    _write(tmp_path, 785, _rows(T7=380, Pz=390))
    _write(tmp_path, 2_000_000_000, _rows(), word="n02084071", image=5)
    (chunk,) = _read(tmp_path)
    assert chunk.trials is not None
    assert chunk.trials.labels.tolist() == ["n00007846", "n02084071"]
    assert chunk.trials.metadata.iloc[0].to_dict() == {
        "event": 785,
        "image": "n00007846_6247",
        "image_session": 1,
        "n_samples": 380,
        "simulated": False,
        "file": "MindBigData_Imagenet_Insight_n00007846_6247_1_785.csv",
        "line": 1,
    }
    assert chunk.trials.metadata["simulated"].tolist() == [False, True]


@pytest.mark.parametrize("length", [346, 384, 400])
def test_lengths_are_cropped_or_padded_with_the_last_value(tmp_path: Path, length: int) -> None:
    _write(tmp_path, 1, _rows(T7=length))
    (chunk,) = _read(tmp_path)
    assert chunk.trials is not None
    values = chunk.trials.signals[0, 2]
    kept = min(length, 384)
    np.testing.assert_array_equal(values[:kept], np.float32(4200.5 + np.arange(kept)))
    np.testing.assert_array_equal(values[kept:], values[kept - 1])


def test_channels_are_known_in_any_case_and_order_and_files_of_other_systems_are_read(tmp_path: Path) -> None:
    rows = [_row(name.lower()) + "," for name in reversed(IMAGENET.channels)]
    path = _write(tmp_path, 1, rows)
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join(rows).encode() + b"\r\n\r\n")
    (chunk,) = _read(tmp_path)
    assert chunk.trials is not None
    assert chunk.trials.signals.shape == (1, 5, 384)
    assert (chunk.trials.signals[..., -1] == 4200.5 + 383).all()


def test_unusual_numbers_and_the_scale_are_taken(tmp_path: Path) -> None:
    rows = _rows()
    rows[0] = rows[0].replace("4201.50", " +4.2015e3", 1)
    _write(tmp_path, 1, rows)
    (chunk,) = _read(tmp_path, microvolts=2.0)
    assert chunk.trials is not None
    np.testing.assert_array_equal(chunk.trials.signals[0, 0, :2], [8401, 8403])


def test_one_bad_row_takes_its_trial_along(tmp_path: Path) -> None:
    rows = _rows(AF4=345)
    rows[2] = rows[2].replace("4201.50", "oops", 1)
    _write(tmp_path, 7, rows)
    _write(tmp_path, 8, _rows())
    missing = "event 7 is incomplete: AF4, T7 missing"
    assert _reasons(tmp_path) == [
        (2, "is too short: 345 of 384 samples"),
        (3, "value 2 is no number: 'oops'"),
        (1, missing),
        (4, missing),
        (5, missing),
    ]


def test_rows_that_are_no_part_of_a_trial_are_refused_alone(tmp_path: Path) -> None:
    _write(tmp_path, 7, [*_rows(), _row("AF3"), _row("O1"), "junk"])
    (chunk,) = _read(tmp_path)
    assert chunk.trials is not None
    assert [(refusal.line, refusal.reason) for refusal in chunk.refusals] == [
        (6, "event 7 has channel AF3 already"),
        (7, "channel 'O1' is none of the Insight's"),
        (8, "channel 'junk' is none of the Insight's"),
    ]
    assert {refusal.file for refusal in chunk.refusals} == {"MindBigData_Imagenet_Insight_n00007846_6247_1_7.csv"}


def test_an_empty_file_is_counted(tmp_path: Path) -> None:
    _write(tmp_path, 7, [])
    _write(tmp_path, 8, _rows())
    assert _reasons(tmp_path) == [(1, "the file is empty")]


def test_many_files_go_through_in_pieces(tmp_path: Path) -> None:
    for event in range(1100):
        _write(tmp_path, event, _rows())
    chunks = _read(tmp_path)
    assert [len(chunk.trials) for chunk in chunks if chunk.trials] == [512, 512, 76]
    assert chunks[-1].position == recognise(tmp_path).size


def test_a_hopeless_folder_is_given_up_early(tmp_path: Path) -> None:
    for event in range(300):
        _write(tmp_path, event, [_row(name, 5) for name in IMAGENET.channels])
    with pytest.raises(UserError, match="none of the first 1000 rows can be used .*is too short: 5 of 384"):
        _read(tmp_path)


def test_another_folder_is_left_alone_and_a_file_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2")
    with pytest.raises(UserError, match="is a folder that holds no recording of a known kind"):
        recognise(tmp_path)
    with pytest.raises(UserError, match="holds no file named MindBigData_Imagenet_Insight"):
        recognise(tmp_path, ImportSettings(format="imagenet"))
    with pytest.raises(UserError, match="is no folder"):
        recognise(tmp_path / "x.csv", ImportSettings(format="imagenet"))


_LINES = st.lists(
    st.one_of(
        st.sampled_from(IMAGENET.channels).map(lambda channel: _row(channel).encode()),
        st.sampled_from(IMAGENET.channels).map(lambda channel: _row(channel, 20).encode()),
        st.sampled_from(IMAGENET.channels).map(lambda channel: f"{channel},,nan,1".encode()),
        st.binary(max_size=30).map(lambda junk: junk.replace(b"\n", b"")),
    ),
    max_size=12,
)


@given(_LINES)
def test_no_row_is_ever_lost(tmp_path: Path, lines: list[bytes]) -> None:
    path = _write(tmp_path, 1, [])
    path.write_bytes(b"\n".join(lines))
    chunks = _read(tmp_path)
    rows = sum(bool(line.strip()) for line in path.read_bytes().split(b"\n"))
    assert sum(chunk.rows_read for chunk in chunks) == max(rows, 1)
