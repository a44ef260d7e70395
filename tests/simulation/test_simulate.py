import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chisquare

from mindglyph.errors import UserError
from mindglyph.files import content_hash
from mindglyph.headsets import HEADSETS
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.simulation import Pictures, SimulatedRecording, SimulationSettings, simulate, truth_path
from mindglyph.store import Store


def _simulate(path: Path, **settings: object) -> dict[str, object]:
    digits = load_digits("train")
    return simulate(path, SimulationSettings(**settings), digits.images, digits.labels, PACKAGED)


@pytest.mark.parametrize("kind", ["ep", "mw", "mu", "in"])
def test_rows_have_the_layout_of_the_real_files(tmp_path: Path, kind: str) -> None:
    truth = _simulate(tmp_path / "x.txt", format=kind, events=30, ceiling=0.1)
    headset = HEADSETS[kind.upper()]
    rows = [line.split("\t") for line in (tmp_path / "x.txt").read_text().splitlines()]
    assert len(rows) == 30 * len(headset.channels)
    assert [row[3] for row in rows[: len(headset.channels)]] == list(headset.channels)
    for row in rows:
        assert len(row) == 7
        values = row[6].split(",")
        assert len(values) == int(row[5])
        assert all(len(value.partition(".")[2]) == headset.decimals for value in values)
    assert [int(row[1]) for row in rows[:: len(headset.channels)]] == truth["events"]
    assert [int(row[4]) for row in rows[:: len(headset.channels)]] == truth["digits"]
    level = np.median([float(value) for row in rows for value in row[6].split(",")])
    assert abs(level - headset.offset) < 10 * headset.noise


def test_a_person_has_the_same_brain_in_every_recording() -> None:
    digits = load_digits("train")

    def drawn(format: str, person: int | None, seed: int) -> SimulatedRecording:
        settings = SimulationSettings(format=format, events=20, ceiling=0.1, person=person, seed=seed)
        return SimulatedRecording.draw(settings, Pictures(digits.images, digits.labels, digits.index))

    def waves(recording: SimulatedRecording) -> list[tuple[float, float]]:
        return [(source.centre, source.phase) for group in recording.signals.brain.digits for source in group]

    first = drawn("ep", 1, 0)
    assert waves(first) == waves(drawn("in", 1, 5)) == waves(drawn("mu", 1, 0))
    assert waves(first) != waves(drawn("ep", 2, 0))
    assert waves(first) != waves(drawn("ep", None, 1))
    # Another day is another recording.
    assert first.plan.digits.tolist() != drawn("ep", 1, 1).plan.digits.tolist()


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        _simulate(tmp_path / name, format="mw", events=20, ceiling=0.1, seed=seed)
    contents = [(tmp_path / name).read_bytes() for name in "abc"]
    assert contents[0] == contents[1] != contents[2]
    truths = [truth_path(tmp_path / name).read_text() for name in "abc"]
    assert truths[0] == truths[1] != truths[2]


def test_the_truth_says_what_was_planted(tmp_path: Path) -> None:
    truth = _simulate(tmp_path / "x.txt", format="mw", events=40, ceiling=0.5)
    assert json.loads((tmp_path / "x.txt.truth.json").read_text()) == truth
    assert truth["simulated"] is True
    assert truth["ceiling"]["accuracy"] == pytest.approx(0.5, abs=0.03)
    digits = load_digits("train")
    assert digits.labels[truth["pictures"]].tolist() == truth["digits"]
    assert len(set(truth["pictures"])) == 40, "no picture is shown twice while there are others"


def test_a_simulated_file_says_so_without_its_truth(world: object) -> None:
    store: Store = world(format="mw", events=40, ceiling=0.1)
    assert store.trials().metadata["simulated"].all()


def test_the_planted_response_is_in_the_recording(pictured: Store) -> None:
    trials = pictured.trials()
    signals = trials.signals - np.median(trials.signals, axis=-1, keepdims=True)
    mean = np.abs(signals.mean(axis=0))
    window = slice(int(0.15 * 128), int(0.55 * 128))
    assert mean[:, window].max() > 5 * np.median(mean[:, 128:])


def test_in_the_world_of_drift_digits_come_in_runs_and_nothing_is_planted(world: object) -> None:
    store: Store = world(format="mw", events=400, ceiling=0.1, confound="drift")
    truth = store.truth
    assert truth["ceiling"]["amplitude"] == 0
    labels = store.trials().labels.reshape(-1, 20)
    assert (labels == labels[:, :1]).all()


def test_a_real_recording_is_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "MW.txt"
    path.write_text("years of work")
    with pytest.raises(UserError, match="exists and is no simulated recording"):
        _simulate(path, format="mw", events=20)
    assert path.read_text() == "years of work"


def test_what_has_taken_the_place_of_a_simulated_recording_is_not_written_over(tmp_path: Path) -> None:
    file, folder = tmp_path / "MW.txt", tmp_path / "insight"
    _simulate(file, format="mw", events=20, ceiling=0.1)
    _simulate(folder, format="imagenet", events=20, ceiling=0.1)
    # What was simulated is simulated anew without a question.
    _simulate(file, format="mw", events=30, ceiling=0.1)
    _simulate(folder, format="imagenet", events=30, ceiling=0.1)
    assert len(list(folder.iterdir())) == 30
    file.write_text("years of work")
    (folder / "notes").mkdir()
    (folder / "notes" / "thoughts.txt").write_text("years of thought")
    for path, kind in ((file, "mw"), (folder, "imagenet")):
        with pytest.raises(UserError, match="not only, what was simulated there"):
            _simulate(path, format=kind, events=20)
    assert file.read_text() == "years of work"
    assert (folder / "notes" / "thoughts.txt").exists()


def test_a_file_and_a_folder_are_not_taken_for_one_another(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a folder: name the file"):
        _simulate(tmp_path, format="mw", events=20)
    (tmp_path / "x").write_text("")
    with pytest.raises(UserError, match="is a file: name the folder"):
        _simulate(tmp_path / "x", format="imagenet", events=20)


def test_the_older_recording_keeps_its_truth_when_the_new_one_is_stopped(tmp_path: Path) -> None:
    path = tmp_path / "MW.txt"
    before = _simulate(path, format="mw", events=20, ceiling=0.1)
    digits = load_digits("train")
    longer = SimulationSettings(format="mw", events=30, ceiling=0.1)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate(path, longer, digits.images, digits.labels, PACKAGED, stop)
    assert content_hash(path) == before["sha256"]
    assert json.loads(truth_path(path).read_text()) == before


def test_artifacts_are_in_the_truth_and_the_ceiling_is_said_to_be_without_them(tmp_path: Path) -> None:
    plain = _simulate(tmp_path / "a", format="in", events=300)
    spoilt = _simulate(tmp_path / "b", format="in", events=300, artifacts=True)
    assert plain["ceiling"] == spoilt["ceiling"]
    assert plain["ceiling_of"] == "the recording"
    assert spoilt["ceiling_of"].startswith("the recording without its artifacts")
    assert "artifacts" not in plain
    assert set(spoilt["artifacts"]["blink"]) < set(spoilt["events"])


def test_artifacts_do_not_tell_the_digit(tmp_path: Path) -> None:
    truth = _simulate(tmp_path / "x", format="mw", events=1500, ceiling=0.1, artifacts=True)
    digit = dict(zip(truth["events"], truth["digits"], strict=True))
    counts = np.bincount([digit[event] for event in truth["artifacts"]["blink"]], minlength=10)
    assert chisquare(counts).pvalue > 0.001
