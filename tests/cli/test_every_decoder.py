"""`train` with every decoder, at its full size, on every headset of 2014-15 and on real rows; slow."""

import sys
from pathlib import Path

import pandas as pd
import pytest

from mindglyph.cli import main
from mindglyph.decoders import DECODERS, decoder_settings
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store
from tests.conftest import World

NAMES = [*DECODERS, "zoo:EEGNet"]


def _run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    monkeypatch.setattr(sys, "argv", ["mindglyph", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert not ended.value.code


def _brief(name: str) -> list[str]:
    """Return the options that make networks pass once over the trials."""
    values = decoder_settings(name).model_dump()
    if "training" in values:
        return ["--set", "training.max_epochs=1"]
    return ["--set", "expert.training.max_epochs=1", "--set", "inner_folds=2"] if "expert" in values else []


def _trained_and_heard(monkeypatch: pytest.MonkeyPatch, folder: Path, store: Path, name: str) -> None:
    run, table = folder / "run", folder / "table.parquet"
    _run(monkeypatch, "train", store, "--decoder", name, *_brief(name), "--out", run)
    _run(monkeypatch, "predict", run, store, "--out", table)
    predictions = pd.read_parquet(table)
    of_classes = predictions[[column for column in predictions if column.startswith("p_")]]
    assert of_classes.shape == (len(Store(store).trials()), 10)
    pd.testing.assert_series_equal(of_classes.sum(axis=1), pd.Series(1.0, index=of_classes.index), check_names=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("headset", ["ep", "mw", "mu", "in"])
def test_it_trains_on_simulated_recordings(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, world: World, headset: str, name: str
) -> None:
    store = world(format=headset, events=300, ceiling=0.9 if headset == "ep" else 0.5, seed=3)
    _trained_and_heard(monkeypatch, tmp_path, store.path, name)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_trains_on_real_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, real_rows: Path, name: str) -> None:
    store = tmp_path / "mw.store"
    write_store(store, recognise(real_rows / "MW-excerpt.txt"))
    _trained_and_heard(monkeypatch, tmp_path, store, name)
