from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mindglyph.inspection import inspect_store
from mindglyph.inspection.labels import count_labels
from mindglyph.store import Store

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def _findings(store: Store) -> dict[str, tuple[str, str]]:
    return {entry.about: (entry.level, entry.figure) for entry in inspect_store(store)[0].findings}


def test_labels_are_counted_over_all_and_in_each_part() -> None:
    labels = np.array([-1, 3, 3, 7, 7, 7])
    table = pd.DataFrame({"session": [1, 1, 1, 2, 2, 2], "block": np.arange(6), "subject": "one"})
    table["file"] = table["session"].map("session-{}.csv".format)
    counted = count_labels(labels, table)
    assert counted.counts == {"-1": 1, "3": 2, "7": 3}
    assert counted.without_digit == 1
    assert counted.imbalance == 1.5
    assert counted.by["session"] == {"1": {"-1": 1, "3": 2, "7": 0}, "2": {"-1": 0, "3": 0, "7": 3}}
    assert len(counted.by["block"]) == 6
    assert "subject" not in counted.by, "one subject divides nothing"
    assert "file" not in counted.by, "which divides as the session does"


def test_a_column_of_very_many_values_is_named_only() -> None:
    counted = count_labels(np.zeros(1000, dtype=int), pd.DataFrame({"file": [f"{place}.csv" for place in range(1000)]}))
    assert counted.by == {}
    assert counted.left_out == {"file": 1000}


@pytest.mark.parametrize(("rare", "level"), [(100, "ok"), (60, "note"), (30, "warn"), (5, "warn")])
def test_imbalance_is_graded(store_of: StoreOf, clean: Clean, rare: int, level: str) -> None:
    labels = np.repeat([1, 2], [120, rare])
    found = _findings(store_of(clean(120 + rare), labels))
    assert found["labels"] == (level, f"2 labels, {rare} to 120 trials")


def test_one_label_is_too_few(store_of: StoreOf, clean: Clean) -> None:
    assert _findings(store_of(clean(60), np.where(np.arange(60) < 20, -1, 4)))["labels"][0] == "warn"


def test_a_session_that_lacks_a_label_is_found(store_of: StoreOf, clean: Clean) -> None:
    labels = np.arange(300) % 5
    sessions = np.repeat([1, 2, 3], 100)
    labels[(sessions == 2) & (labels == 4)] = 0
    table = pd.DataFrame({"session": sessions, "block": labels})
    found = _findings(store_of(clean(), labels, metadata=table))
    assert found["session"] == ("warn", "1 of 3 lack a label")
    assert "block" not in found
