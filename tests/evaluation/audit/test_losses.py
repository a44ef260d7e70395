from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from mindglyph.evaluation.audit.losses import rejected_labels
from mindglyph.sources.recording import Refusal
from mindglyph.store import Store
from tests.evaluation.audit.looking import look, said, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]
Row = Callable[..., str]


def _refusals(row: Row, codes: Sequence[int]) -> list[Refusal]:
    lines = [row(1000 + place, "FP1", code=code, values=[1, 2, 3]) for place, code in enumerate(codes)]
    return [
        Refusal(line, "is too short", "is too short", text.encode(), "MW.txt") for line, text in enumerate(lines, 1)
    ]


def _mindwave(store_of: StoreOf, clean: Clean, refusals: list[Refusal]) -> Store:
    store = store_of(clean(n_channels=1), shuffled_labels(300), refusals=refusals, ch_names=["FP1"])
    # The arrays of the tests have a format of their own, whose rows say no label.
    store.about["format"] = "mw"
    return store


def test_rejection_that_depends_on_the_label_fails(store_of: StoreOf, clean: Clean, row: Row) -> None:
    finding = said(look(_mindwave(store_of, clean, _refusals(row, [3] * 40))), "rejected events by label")
    assert finding.level == "fail"
    assert "40.0% of label 3, 0.0% of label 0" in finding.figure
    even = look(_mindwave(store_of, clean, _refusals(row, [0, 1, 2, 3, 4] * 8)))
    assert said(even, "rejected events").level == "ok"
    assert said(even, "rejected events").figure.startswith("40 of 340")


def test_channels_of_an_event_that_are_refused_together_are_one(store_of: StoreOf, clean: Clean, row: Row) -> None:
    one_event = [
        Refusal(line, "why", "why", row(5, name, code=2, values=[1]).encode(), "MW.txt")
        for line, name in enumerate(("AF3", "F7", "F3"))
    ]
    store = _mindwave(store_of, clean, [*one_event, Refusal(9, "empty", "empty", b",,,", "MW.txt")])
    assert rejected_labels(store) == ["2"]


@pytest.mark.parametrize(
    ("format", "text", "labels"),
    [
        ("hf2022", b"7,1.5,2.5", ["7"]),
        ("muse2", b"TRAIN,12,4,0,0", ["4"]),
        ("xdf", b"face", ["face"]),
        ("mw", b'"1\t9\tMW\tFP1\t3\t960\t12",13', ["3"]),
        ("hf2022", b"", []),
        ("mnist8b", b"1,2,3", None),
    ],
)
def test_the_label_of_a_refused_row_is_read_where_it_stands(
    store_of: StoreOf, clean: Clean, format: str, text: bytes, labels: list[str] | None
) -> None:
    store = store_of(clean(), refusals=[Refusal(4, "why", "why", text, "x")])
    store.about["format"] = format
    assert rejected_labels(store) == labels


def test_rows_that_do_not_say_their_label_are_said_to(store_of: StoreOf, clean: Clean) -> None:
    store = store_of(clean(), shuffled_labels(300), refusals=[Refusal(4, "why", "why", b"x", "x")])
    assert said(look(store), "rejected events").figure == "1 rows, labels unknown"


def test_padded_cut_and_dead_trials_that_depend_on_the_label_fail(store_of: StoreOf, clean: Clean) -> None:
    labels, signals = shuffled_labels(300), clean()
    of_three = np.flatnonzero(labels == 3)[:30]
    anyone = np.random.default_rng(1).permutation(300)[:30]
    for chosen, level in ((of_three, "fail"), (anyone, "ok")):
        lengths, cut = np.full(300, 200), np.zeros(300, dtype=bool)
        lengths[chosen], cut[chosen] = 190, True
        dead = signals.copy()
        dead[chosen, 1] = 0
        found = look(store_of(dead, labels, metadata=pd.DataFrame({"n_samples": lengths, "cut": cut})))
        for about in ("padded trials", "cut trials", "trials with a dead channel"):
            assert said(found, f"{about} by label" if level == "fail" else about).level == level


def test_loud_trials_of_a_label_are_warned_of_at_most(store_of: StoreOf, clean: Clean) -> None:
    labels, signals = shuffled_labels(300), clean()
    chosen = np.flatnonzero(labels == 3)[:30]
    signals[chosen, 1] += 3000 * np.random.default_rng(0).normal(size=(30, 200))
    assert said(look(store_of(signals, labels)), "loud trials by label").level == "warn"
