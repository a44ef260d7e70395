import struct
from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import ImportSettings


def _chunk(tag: int, content: bytes) -> bytes:
    body = struct.pack("<H", tag) + content
    return b"\x04" + struct.pack("<I", len(body)) + body


def _header(number: int, name: str, kind: str, count: int, rate: float, value: str, channels: str = "") -> bytes:
    xml = (
        f"<?xml version='1.0'?><info><name>{name}</name><type>{kind}</type><channel_count>{count}</channel_count>"
        f"<nominal_srate>{rate}</nominal_srate><channel_format>{value}</channel_format>"
        f"<created_at>0</created_at><desc>{channels}</desc></info>"
    )
    return _chunk(2, struct.pack("<I", number) + xml.encode())


def _samples(number: int, times: np.ndarray, values: list[bytes]) -> bytes:
    content = struct.pack("<I", number) + b"\x04" + struct.pack("<I", len(times))
    for time, value in zip(times, values, strict=True):
        content += b"\x08" + struct.pack("<d", time) + value
    return _chunk(3, content)


def _footer(number: int, times: np.ndarray) -> bytes:
    xml = (
        f"<?xml version='1.0'?><info><first_timestamp>{times[0]}</first_timestamp>"
        f"<last_timestamp>{times[-1]}</last_timestamp><sample_count>{len(times)}</sample_count></info>"
    )
    return _chunk(6, struct.pack("<I", number) + xml.encode())


_CHANNELS = "<channels>{}</channels>".format(
    "".join(
        f"<channel><label>{name}</label><type>{kind}</type><unit>{unit}</unit></channel>"
        for name, kind, unit in (("O1", "EEG", "microvolts"), ("O2", "EEG", "microvolts"), ("ACC_X", "ACC", "g"))
    )
)


def _eeg(number: int, name: str, times: np.ndarray, signals: np.ndarray, rate: float = 100) -> bytes:
    rows = [row.astype("<f4").tobytes() for row in signals]
    header = _header(number, name, "EEG", signals.shape[1], rate, "float32", _CHANNELS)
    return header + _samples(number, times, rows) + _footer(number, times)


def _markers(number: int, times: np.ndarray, texts: list[str]) -> bytes:
    values = [b"\x01" + bytes([len(text)]) + text.encode() for text in texts]
    header = _header(number, "events", "Markers", 1, 0, "string")
    return header + _samples(number, times, values) + _footer(number, times)


def _write(path: Path, *streams: bytes) -> Path:
    path.write_bytes(
        b"XDF:" + _chunk(1, b"<?xml version='1.0'?><info><version>1.0</version></info>") + b"".join(streams)
    )
    return path


@pytest.fixture
def signals() -> np.ndarray:
    return np.random.default_rng(0).normal(0, 20, (1000, 3))


def test_markers_of_another_stream_cut_the_trials(tmp_path: Path, signals: np.ndarray) -> None:
    times = 50 + np.arange(1000) / 100
    marks = _markers(2, np.array([52.0, 54.003, 57.0]), ["digit/4", "pause", "digit/9"])
    path = _write(tmp_path / "x.xdf", _eeg(1, "amp", times, signals), marks)
    recording = recognise(path, ImportSettings(code=r"digit/(\d)"))
    (chunk,) = recording.read()
    assert (recording.format, recording.device, recording.info["sfreq"]) == ("xdf", "amp", 100)
    assert chunk.trials.labels.tolist() == [4, 9]
    assert chunk.trials.info["ch_names"] == ["O1", "O2"]
    np.testing.assert_allclose(chunk.trials.signals[0], signals[190:280, :2].T, rtol=1e-5)
    assert chunk.trials.extras["ACC"].ch_names == ("ACC_X",)
    assert chunk.trials.metadata["onset_s"].tolist() == pytest.approx([2, 7], abs=1e-3)


def test_a_gap_in_the_stream_refuses_what_spans_it(tmp_path: Path, signals: np.ndarray) -> None:
    times = 50 + np.arange(1000) / 100
    times[500:] += 3
    marks = _markers(2, np.array([52.0, 54.9, 59.0]), ["1", "2", "3"])
    recording = recognise(_write(tmp_path / "x.xdf", _eeg(1, "amp", times, signals), marks))
    (chunk,) = recording.read()
    assert chunk.trials.labels.tolist() == [1, 3]
    np.testing.assert_allclose(chunk.trials.signals[1], signals[590:680, :2].T, rtol=1e-5)
    assert any("samples are missing at 1 moments" in warning for warning in recording.warnings)


def test_a_rate_that_is_not_what_it_says_is_said(tmp_path: Path, signals: np.ndarray) -> None:
    times = 50 + np.arange(1000) / 90
    path = _write(tmp_path / "x.xdf", _eeg(1, "amp", times, signals), _markers(2, np.array([52.0]), ["1"]))
    recording = recognise(path)
    assert recording.info["sfreq"] == pytest.approx(90, rel=0.01)
    assert "says 100 Hz" in recording.warnings[0]


def test_of_several_streams_one_must_be_named(tmp_path: Path, signals: np.ndarray) -> None:
    times = 50 + np.arange(1000) / 100
    marks = _markers(3, np.array([52.0]), ["1"])
    path = _write(tmp_path / "x.xdf", _eeg(1, "left", times, signals), _eeg(2, "right", times, -signals), marks)
    with pytest.raises(UserError, match=r"several EEG streams \(left, right\): name one with --stream"):
        recognise(path)
    (chunk,) = recognise(path, ImportSettings(stream="right")).read()
    np.testing.assert_allclose(chunk.trials.signals[0], -signals[190:280, :2].T, rtol=1e-5)
    with pytest.raises(UserError, match="no EEG stream 'middle'"):
        recognise(path, ImportSettings(stream="middle"))


def test_what_is_missing_or_damaged_is_said(tmp_path: Path, signals: np.ndarray) -> None:
    times = 50 + np.arange(1000) / 100
    with pytest.raises(UserError, match="no EEG stream"):
        recognise(_write(tmp_path / "m.xdf", _markers(2, np.array([52.0]), ["1"])))
    with pytest.raises(UserError, match="has no events"):
        recognise(_write(tmp_path / "e.xdf", _eeg(1, "amp", times, signals)))
    (tmp_path / "d.xdf").write_bytes(b"XDF:" + b"\xff" * 50)
    with pytest.raises(UserError, match=r"d\.xdf"):
        recognise(tmp_path / "d.xdf")
