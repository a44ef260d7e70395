from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.cli.scoring import scored
from mindglyph.evaluation import EvaluationSettings, evaluate
from mindglyph.store import Store


@pytest.mark.parametrize(
    ("folds", "said"),
    [(2, "3 sessions in 2 folds: some are tested together (--folds 3 tests each alone)"), (5, None)],
)
def test_sessions_that_are_tested_together_are_said(
    store_of: Callable[..., Store], tmp_path: Path, folds: int, said: str | None
) -> None:
    signals = np.random.default_rng(0).normal(size=(90, 2, 60))
    store = store_of(signals, np.arange(90) % 2, metadata=pd.DataFrame({"session": np.repeat([4, 2, 7], 30)}))
    settings = EvaluationSettings(decoder="lda", splits=("session",), folds=folds, permutations=100)
    metrics = evaluate(store, settings, tmp_path / "run")
    assert metrics["groups"] == {"session": 3}
    assert scored(metrics).get("folds") == said
