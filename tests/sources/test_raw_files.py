import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import edfio
import mne
import numpy as np
import pybv
import pytest

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS
from mindglyph.sources.formats import recognise
from mindglyph.sources.raw_files import clean_name, eeg_names
from mindglyph.sources.recording import ImportSettings
from mindglyph.trials import Trials

MakeRaw = Callable[..., mne.io.RawArray]
EPOC = HEADSETS["EP"].channels
_BESIDE = [
    "COUNTER", "INTERPOLATED", "RAW_CQ", "BATTERY", "BATTERY_PERCENT", "MARKER_HARDWARE", "GYROX", "GYROY",
    "TIME_STAMP_s", "TIME_STAMP_ms", *(f"CQ_{name}" for name in EPOC), "CQ_CMS",
]  # fmt: skip


def _emotiv(path: Path, unit: str = "uV") -> None:
    """Write a file as EmotivPRO does: 39 signals, EEG around 4,200."""
    rng = np.random.default_rng(0)
    signals = []
    for name in [*EPOC, *_BESIDE]:
        values = np.zeros(128 * 10)
        if name in EPOC:
            values = 4200 + rng.normal(0, 10, len(values))
        elif name == "MARKER_HARDWARE":
            values[[256, 512, 768]] = [3, 7, 3]
        limits = (0, 8400) if name in EPOC else (-100, 100)
        signals.append(
            edfio.EdfSignal(
                values, 128, label=name, physical_dimension=unit if name in EPOC else "", physical_range=limits
            )
        )
    edfio.Edf(signals).write(path)


def _trials(path: Path, **settings: object) -> Trials:
    recording = recognise(path, ImportSettings(**settings))
    (chunk,) = recording.read()
    assert chunk.trials is not None
    return chunk.trials


@pytest.mark.parametrize("unit", ["uV", ""])
def test_emotivpro_files_are_recognised_as_they_are(tmp_path: Path, unit: str) -> None:
    _emotiv(tmp_path / "emotiv.edf", unit)
    recording = recognise(tmp_path / "emotiv.edf")
    assert (recording.format, recording.device) == ("edf", "Emotiv EPOC")
    trials = _trials(tmp_path / "emotiv.edf")
    assert tuple(trials.info["ch_names"]) == EPOC
    assert trials.labels.tolist() == [3, 7, 3]
    assert trials.signals.mean() == pytest.approx(4200, abs=2)
    np.testing.assert_allclose(trials.metadata["onset_s"], [2, 4, 6])
    assert "CQ_AF3" in trials.extras["MISC"].ch_names


@pytest.mark.parametrize("kind", ["edf", "bdf", "fif", "brainvision"])
def test_each_format_gives_the_same_trials(tmp_path: Path, make_raw: MakeRaw, kind: str) -> None:
    raw = make_raw()
    path = tmp_path / f"x.{kind}"
    if kind in ("edf", "bdf"):
        write = edfio.Edf if kind == "edf" else edfio.Bdf
        signal = edfio.EdfSignal if kind == "edf" else edfio.BdfSignal
        signals = [
            signal(row, 128, label=f"EEG {name}-Ref", physical_dimension="uV", physical_range=(-3000, 3000))
            for name, row in zip(raw.ch_names, 1e6 * raw.get_data(), strict=True)
        ]
        annotations = [
            edfio.EdfAnnotation(onset, None, text)
            for onset, text in zip(raw.annotations.onset, raw.annotations.description, strict=True)
        ]
        write(signals, annotations=annotations).write(path)
    elif kind == "fif":
        path = tmp_path / "x_raw.fif"
        raw.set_meas_date(datetime(2026, 1, 2, tzinfo=UTC))
        raw.save(path, verbose="error")
    else:
        events = [
            {"onset": round(onset * 128), "duration": 1, "description": text, "type": "Comment", "channels": "all"}
            for onset, text in zip(raw.annotations.onset, raw.annotations.description, strict=True)
        ]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pybv.write_brainvision(
                data=raw.get_data(),
                sfreq=128,
                ch_names=raw.ch_names,
                fname_base="x",
                folder_out=str(tmp_path),
                events=events,
            )
        path = tmp_path / "x.vhdr"
    trials = _trials(path, code=r"digit/(\d)")
    assert recognise(path, ImportSettings(code="digit")).format == kind
    assert trials.info["ch_names"] == raw.ch_names
    assert trials.info.get_montage() is not None
    positions = [chunk.position for chunk in recognise(path, ImportSettings(code="digit")).read()]
    assert 5 * 128 < positions[-1] <= recognise(path, ImportSettings(code="digit")).size
    assert trials.labels.tolist() == [3, 7, 3, 1]
    assert (trials.signals.argmax(axis=-1) == 13).all()
    np.testing.assert_allclose(trials.signals[0], 1e6 * raw.get_data()[:, 115:230], atol=0.1)
    np.testing.assert_allclose(trials.metadata["onset_s"], [1, 2, 3, 4.5], atol=1e-6)
    if kind == "fif":
        assert trials.metadata["unix_time"][0] == datetime(2026, 1, 2, 0, 0, 1, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("name", "clean"), [("EEG Fp1-Ref", "Fp1"), ("EEG.AF3", "AF3"), ("Fc5.", "Fc5"), ("EEG O2-A1", "O2"), ("Cz", "Cz")]
)
def test_names_are_undressed(name: str, clean: str) -> None:
    assert clean_name(name) == clean


def test_damaged_files_are_one_clear_error(tmp_path: Path, make_raw: MakeRaw) -> None:
    _emotiv(tmp_path / "good.edf")
    content = (tmp_path / "good.edf").read_bytes()
    for name, broken in (("cut.edf", content[:5000]), ("odd.edf", content[:184] + b"x" * 60 + content[244:])):
        (tmp_path / name).write_bytes(broken)
        with pytest.raises(UserError, match=f"{name}: cannot be read"):
            list(recognise(tmp_path / name).read())
    (tmp_path / "good.txt").write_bytes(content)
    with pytest.raises(UserError, match=r"give it a name that ends in \.edf"):
        recognise(tmp_path / "good.txt")
    (tmp_path / "lonely.vhdr").write_text(
        "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nDataFile=gone.eeg\nMarkerFile=gone.vmrk\n"
    )
    with pytest.raises(UserError, match=r"lonely\.vhdr: names gone\.eeg, which is not beside it"):
        recognise(tmp_path / "lonely.vhdr")
    (tmp_path / "gone.eeg").write_bytes(bytes(1000))
    with pytest.raises(UserError, match=r"lonely\.vhdr: names gone\.vmrk, which is not beside it"):
        recognise(tmp_path / "lonely.vhdr")
    (tmp_path / "gone.vmrk").write_text("Brain Vision Data Exchange Marker File, Version 1.0\n")
    with pytest.raises(UserError, match=r"lonely\.vhdr: cannot be read"):
        recognise(tmp_path / "lonely.vhdr")


def _edf(path: Path, rates: dict[str, int]) -> Path:
    rng = np.random.default_rng(0)
    signals = [
        edfio.EdfSignal(rng.normal(0, 10, rate * 10), rate, label=name, physical_dimension="uV")
        for name, rate in rates.items()
    ]
    marks = [edfio.EdfAnnotation(second, None, str(second % 2)) for second in range(1, 9)]
    edfio.Edf(signals, annotations=marks).write(path)
    return path


@pytest.mark.parametrize(
    ("names", "eeg"),
    [
        ([*(f"A{n}" for n in range(1, 33)), *(f"B{n}" for n in range(1, 33)), "EXG1"], 64),
        ([*(f"E{n}" for n in range(1, 129)), "Cz"], 129),
        (["EEG Fpz-Cz", "EEG Pz-Oz", "EOG horizontal", "Resp oro-nasal"], 2),
        (["Fp1", "Fp2", "A1", "A2", "ECG"], 4),
        (["EEG.AF3", "EEG.Counter", "EEG.MarkerHardware"], 1),
        (["ECG", "Resp"], 0),
    ],
)
def test_eeg_is_told_by_the_names(names: list[str], eeg: int) -> None:
    assert list(eeg_names(names)) == names[:eeg]


def test_two_channels_that_would_be_called_alike_keep_their_names() -> None:
    assert list(eeg_names(["EEG Fp1-A1", "EEG Fp1-A2", "EEG Cz-A1"]).values()) == ["EEG Fp1-A1", "EEG Fp1-A2", "Cz"]


def test_a_file_without_eeg_is_said_with_its_channels(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none of its channels is EEG by its name \(ECG, Resp\)"):
        recognise(_edf(tmp_path / "x.edf", {"ECG": 128, "Resp": 128}))


def test_signals_of_another_rate_do_not_change_the_eegs(tmp_path: Path) -> None:
    recording = recognise(_edf(tmp_path / "x.edf", {"EEG Fp1": 128, "EEG Fp2": 128, "ECG": 512}))
    assert (recording.info["ch_names"], recording.info["sfreq"]) == (["Fp1", "Fp2"], 128)
    assert "left out, since their rate is not the EEG's 128 Hz: ECG" in recording.warnings


def test_a_cut_file_is_taken_only_if_it_is_asked_for(tmp_path: Path) -> None:
    path = _edf(tmp_path / "x.edf", {"Fp1": 128, "Fp2": 128})
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"x\.edf: ends \d of 10 records early .*--accept-cut"):
        recognise(path)
    recording = recognise(path, ImportSettings(accept_cut=True))
    assert "of 10 records are missing at its end" in recording.warnings[0]
    assert sum(chunk.rows_read for chunk in recording.read()) in (3, 4, 5)


def test_numbered_electrodes_get_no_places(tmp_path: Path) -> None:
    recording = recognise(_edf(tmp_path / "x.edf", dict.fromkeys(("A1", "A2", "A3", "A4"), 128)))
    assert recording.info.get_montage() is None
