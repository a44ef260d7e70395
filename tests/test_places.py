"""Imports and forests by tasks: wherever they run, the store and the weights are the same to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from unittest import mock

import mne
import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file

from mindglyph.compute import Place
from mindglyph.decoders.monitor import Progress
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import UserError
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.runs import MODEL
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, layout, parts, write_store
from mindglyph.training import train, trained_pipeline
from mindglyph.trials import make_info
from tests.clusters import PLACES, Dask, place_of, wait_until
from tests.conftest import file_row
from tests.kills import Starter


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Make recordings of several files: of text, one of which holds no trial; with pictures and PPG; of words."""
    folder = tmp_path_factory.mktemp("recordings")
    digits = load_digits("train")
    found: dict[str, list[Path]] = {"text": [folder / f"run-{number}.txt" for number in range(4)]}
    for number, path in enumerate(found["text"]):
        rows = [file_row(event, "FP1", code=event % 10, values=np.arange(950) + number) for event in range(30)]
        rows += [] if number == 2 else ["what is this?", file_row(29, "FP1"), file_row(40, "FP2")]
        path.write_text("\n".join([file_row(1, "FP2")] if number == 1 else rows) + "\n")
    found["pictures"] = [folder / f"visual-{number}.csv" for number in range(2)]
    for seed, path in enumerate(found["pictures"]):
        settings = SimulationSettings(format="muse2", events=20 + seed, seed=seed)
        simulate(path, settings, digits.images, digits.labels, PACKAGED)
    found["words"] = [folder / f"{name}_raw.fif" for name in ("one", "two")]
    for number, path in enumerate(found["words"]):
        signals = 1e-4 * np.random.default_rng(number).normal(size=(2, 800))
        raw = mne.io.RawArray(signals, make_info(("O1", "O2"), 128.0), verbose="error")
        raw.set_annotations(mne.Annotations([0.0, 1.0, 2.0, 3.5], 0.0, ["six", "one", "two", "six"]))
        raw.save(path, verbose="error")
    return found


@pytest.mark.parametrize("kind", ["text", "pictures", "words"])
def test_the_place_changes_no_bit_of_a_store(
    kind: str, recordings: dict[str, list[Path]], dask: Dask, tmp_path: Path
) -> None:
    _check_imports(recordings[kind], [*PLACES[1:]], dask, tmp_path)


@pytest.mark.slow
def test_four_processes_change_no_bit_of_a_store(recordings: dict[str, list[Path]], dask: Dask, tmp_path: Path) -> None:
    _check_imports(recordings["text"], ["workers=4"], dask, tmp_path)


def _check_imports(files: list[Path], places: list[str], dask: Dask, folder: Path) -> None:
    whole = _imported(files, folder / "here")
    told: list[int] = []
    for name in places:
        told.clear()
        there = _imported(files, folder / name, told.append, **place_of(name, dask))
        for one, other in zip(whole[:2], there[:2], strict=True):
            assert one == other
        pd.testing.assert_frame_equal(there[2], whole[2], check_exact=True)
        assert told == sorted(told)
        assert told[-1] == sum(path.stat().st_size for path in files)
    assert sorted(path.name for path in folder.iterdir()) == sorted(["here", *places]), "no part is left"


def _imported(
    files: list[Path], path: Path, report: Callable[[int], None] | None = None, **place: object
) -> tuple[dict[str, object], dict[str, object], pd.DataFrame]:
    """Return what a store says of itself, what the import counted, and the rows that were refused."""
    counted = write_store(path, recognise(files), report=report, **place)
    store = Store(path)
    store.verify()
    assert sorted(file.name for file in path.iterdir() if not layout.is_part(file)) == []
    return store.about, {name: value for name, value in counted.items() if name != "seconds"}, store.rejected()


@pytest.mark.parametrize("name", PLACES)
def test_a_file_that_is_cut_is_named_with_its_line_and_nothing_is_left(
    name: str, recordings: dict[str, list[Path]], dask: Dask, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.txt"
    cut.write_text(recordings["text"][0].read_text()[:-700])
    before = set(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"cut.txt: ends in the middle of line 33"):
        write_store(tmp_path / "store", recognise([*recordings["text"], cut]), **place_of(name, dask))
    assert set(tmp_path.iterdir()) == before


def test_a_killed_import_by_tasks_leaves_nothing_that_the_next_does_not_remove(
    recordings: dict[str, list[Path]], starter: Starter, tmp_path: Path
) -> None:
    process = starter.start(["import", *map(str, recordings["text"]), str(tmp_path / "store"), "--workers", "2"])

    def has_begun() -> bool:
        assert not process.ended(), process.said
        return bool(list(tmp_path.glob(".store.*.tmp/parts/*")))

    wait_until(has_begun)
    process.kill(group=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
    _imported(recordings["text"], tmp_path / "store", workers=2)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_single_file_is_read_here_whatever_the_place(
    recordings: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "run_tasks", mock.Mock(side_effect=AssertionError))
    _imported(recordings["text"][:1], tmp_path / "store", workers=2)


FOREST = {
    "expert": {"filters": (2, 2), "training": {"max_epochs": 2}},
    "trunks": 2,
    "inner_folds": 2,
    "trees": 10,
}


@pytest.mark.parametrize("name", [*PLACES[1:], pytest.param("workers=4", marks=pytest.mark.slow)])
def test_the_place_changes_no_bit_of_a_forest(name: str, none: Store, dask: Dask, tmp_path: Path) -> None:
    settings = DecodingSettings(decoder="sparse-forest", decoder_settings=FOREST)
    told: list[Progress] = []
    whole = train(none, settings, tmp_path / "here")
    there = train(none, settings, tmp_path / "there", report=told.append, place=Place(**place_of(name, dask)))
    assert there["held_out"] == whole["held_out"]
    _check_same_forest(tmp_path / "there", tmp_path / "here", none)
    assert [(progress.epoch, progress.max_epochs, progress.unit) for progress in told] == [
        (done, 4, "network") for done in (1, 2, 3, 4)
    ]
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == sorted(
        path.name for path in (tmp_path / "here").iterdir()
    )


def _check_same_forest(run: Path, other: Path, store: Store) -> None:
    """Compare what was learned bit by bit; a file of a forest is another each time that it is written."""
    trials = store.trials()
    one, two = (
        [*load_file(folder / MODEL).values(), *trained_pipeline(folder).outputs(trials)] for folder in (run, other)
    )
    assert len(one) == len(two) > 2
    assert all(np.array_equal(mine, its) for mine, its in zip(one, two, strict=True))


def test_experts_that_were_stopped_elsewhere_go_on_here(none: Store, tmp_path: Path) -> None:
    settings = DecodingSettings(decoder="sparse-forest", decoder_settings=FOREST)
    train(none, settings, tmp_path / "here")

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(none, settings, tmp_path / "run", report=stop, place=Place(workers=2))
    assert not list((tmp_path / "run").rglob("signals.npy"))
    told: list[Progress] = []
    train(none, settings, tmp_path / "run", resume=True, report=told.append)
    _check_same_forest(tmp_path / "run", tmp_path / "here", none)
    assert "fold-1/trunk-1" not in {progress.part for progress in told}, "the first was over"


def test_a_network_that_diverges_elsewhere_is_said(none: Store, dask: Dask, tmp_path: Path) -> None:
    wild = {"filters": (2, 2), "training": {"max_epochs": 2, "learning_rate": 1e30}}
    settings = DecodingSettings(decoder="sparse-forest", decoder_settings={**FOREST, "expert": wild})
    with pytest.raises(UserError, match="the network diverged: take a smaller learning rate"):
        train(none, settings, tmp_path / "run", place=Place(cluster=dask.address))
    assert not (tmp_path / "run").exists()
