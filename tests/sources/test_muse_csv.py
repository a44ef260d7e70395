import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.errors import UserError
from mindglyph.sources.formats import recognise
from mindglyph.sources.muse_csv import read_muse
from mindglyph.sources.recording import ImportSettings


@pytest.fixture(scope="module")
def muse_visual(real_data: Path) -> Path:
    folder = real_data / "muse-visual"
    if not folder.is_dir():
        pytest.skip(f"no real Muse recordings at {folder}")
    return folder


def _table(samples: int = 2000, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"timestamps": 1.6e9 + np.arange(samples) / 256})
    for name in ("TP9", "AF7", "AF8", "TP10", "Right AUX"):
        table[name] = rng.normal(0, 20, samples).round(3)
    table["Marker0"] = 0
    table.loc[[300, 900, 1500], "Marker0"] = [1, 2, 1]
    return table.assign(**columns)


def test_the_real_runs_are_one_recording_of_six_sessions(muse_visual: Path) -> None:
    recording = recognise(muse_visual / "n170")
    chunks = list(recording.read())
    trials = [chunk.trials for chunk in chunks if chunk.trials]
    table = pd.concat([part.metadata for part in trials])
    assert recording.format == "muse-csv"
    assert recording.info["ch_names"] == ["TP9", "AF7", "AF8", "TP10"]
    assert recording.warnings == ()
    assert len(table) == 1174
    assert sorted(table["session"].unique()) == [1, 2, 3, 4, 5, 6]
    assert table["event"].is_monotonic_increasing
    assert {label for part in trials for label in part.labels} == {1, 2}
    assert trials[0].extras["AUX"].ch_names == ("Right AUX",)


def test_the_rare_stimulus_is_the_rarer_code(muse_visual: Path) -> None:
    labels = np.concatenate([chunk.trials.labels for chunk in recognise(muse_visual / "p300").read()])
    counts = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    assert counts[2] * 4 < counts[1]


def test_values_are_microvolts_at_the_marked_sample(tmp_path: Path) -> None:
    table = _table()
    table.to_csv(tmp_path / "run.csv", index=False)
    (chunk,) = recognise(tmp_path / "run.csv", ImportSettings(tmin=0, tmax=0.5)).read()
    assert chunk.trials.labels.tolist() == [1, 2, 1]
    np.testing.assert_allclose(chunk.trials.signals[1, 2], table["AF8"][900:1028], rtol=1e-6)


def test_missing_samples_are_told_by_the_timestamps(tmp_path: Path) -> None:
    table = _table()
    table.loc[950:, "timestamps"] += 2
    table.to_csv(tmp_path / "run.csv", index=False)
    recording = recognise(tmp_path / "run.csv")
    (chunk,) = recording.read()
    assert chunk.trials.labels.tolist() == [1, 1]
    assert [refusal.reason for refusal in chunk.refusals] == ["the trial overlaps what is annotated as BAD_gap"]
    assert any("samples are missing at 1 moments" in warning for warning in recording.warnings)
    assert chunk.trials.metadata["onset_s"].tolist() == pytest.approx([300 / 256, 1500 / 256 + 2])


def test_of_two_marker_columns_the_first_counts(tmp_path: Path) -> None:
    second = np.zeros(2000, dtype=int)
    second[[300, 1200]] = 9
    table = _table(Marker1=second)
    with gzip.open(tmp_path / "run.csv.gz", "wt") as file:
        table.to_csv(file, index=False)
    descriptions = read_muse(tmp_path / "run.csv.gz").raw.annotations.description
    assert descriptions.tolist() == ["1", "2", "9", "1"]


def test_a_clock_that_is_wrong_is_said(tmp_path: Path) -> None:
    table = _table(timestamps=np.arange(2000) / 220)
    table.to_csv(tmp_path / "run.csv", index=False)
    assert any("220.0 Hz" in warning for warning in recognise(tmp_path / "run.csv").warnings)


def test_a_damaged_table_is_said_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "run.csv"
    lines = _table().to_csv(index=False).splitlines()
    lines[41] = lines[41].replace(",", ",oops", 1)
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"run\.csv: line 42: TP9 is no number"):
        recognise(path)
    path.write_text(lines[0] + "\n")
    with pytest.raises(UserError, match="holds no samples"):
        recognise(path)
    whole = gzip.compress(_table().to_csv(index=False).encode())
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"cut\.csv\.gz: cannot be read"):
        recognise(tmp_path / "cut.csv.gz")
