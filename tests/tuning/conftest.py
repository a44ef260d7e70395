"""A store in which a search is quick: a bump whose side tells the label, in 200 trials."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mindglyph.store import Store
from mindglyph.tuning import TuningSettings, tune
from mindglyph.tuning.tune import open_tuning
from tests.conftest import clean_signals, write_arrays

QUICK = TuningSettings(decoder="lda", folds=3, permutations=200, seed=5)

Quick = Callable[..., Store]


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Quick:
    """Make the store; `shuffled` trials at its end have their labels permuted."""
    made: dict[int, Store] = {}

    def make(shuffled: int = 0) -> Store:
        if shuffled not in made:
            signals = clean_signals(200, 3, 128)
            labels = np.random.default_rng(1).permutation(np.arange(200) % 3)
            signals[np.arange(200), labels, 30:60] += 9 * np.hanning(30)
            if shuffled:
                labels[-shuffled:] = np.random.default_rng(2).permutation(labels[-shuffled:])
            made[shuffled] = write_arrays(tmp_path_factory.mktemp("quick") / "store", signals, labels, sfreq=128.0)
        return made[shuffled]

    return make


Tested = tuple[float, float]


def found(table: pd.DataFrame) -> pd.DataFrame:
    """Return what a search found, without how long it took and how often it was interrupted."""
    kept = table[table["state"] != "interrupted"]
    return kept.drop(columns=["number", "seconds", "again_of"]).reset_index(drop=True)


@pytest.fixture(scope="session")
def unbroken(quick: Quick, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], pd.DataFrame, Path]:
    folder = tmp_path_factory.mktemp("search") / "run"
    metrics = tune(quick(), QUICK, folder, 14)
    return metrics, open_tuning(folder)[1], folder
