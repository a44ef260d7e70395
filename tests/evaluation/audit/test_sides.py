from collections.abc import Callable

import numpy as np
import pandas as pd

from mindglyph.store import Store
from tests.evaluation.audit.looking import look, said, shuffled_folds, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def test_an_event_on_both_sides_fails(store_of: StoreOf, clean: Clean) -> None:
    events = np.arange(300)
    events[200] = 7
    table = pd.DataFrame({"event": events, "row": np.arange(300)})
    finding = said(
        look(store_of(clean(), shuffled_labels(300), metadata=table, order=("row",))),
        "events across the split",
    )
    assert (finding.level, finding.split) == ("fail", "blocked")
    assert finding.figure.startswith("2 tested trials")
    assert said(look(store_of(clean(), shuffled_labels(300))), "events across the split").level == "ok"


def test_neighbours_on_both_sides_are_warned_of_and_fail_in_a_block_design(store_of: StoreOf, clean: Clean) -> None:
    random = {"random": shuffled_folds(300)}
    store = store_of(clean(), shuffled_labels(300))
    finding = said(look(store, random), "neighbours across the split")
    assert (finding.level, finding.split) == ("warn", "random")
    assert said(look(store), "neighbours across the split").level == "ok"
    blocks = store_of(clean(), np.repeat(shuffled_labels(20), 15))
    assert said(look(blocks, random), "neighbours across the split").level == "fail"
    assert said(look(blocks), "neighbours across the split").level == "ok"


def test_a_session_on_both_sides_narrows_what_is_said(store_of: StoreOf, clean: Clean) -> None:
    sessions = np.repeat(["a", "b", "c"], 100)
    store = store_of(clean(), shuffled_labels(300), metadata=pd.DataFrame({"session": sessions}))
    blocked = said(look(store), "sessions across the split")
    assert blocked.level == "ok"
    assert "nothing of another session" in blocked.why
    folds = [(np.flatnonzero(sessions != one), np.flatnonzero(sessions == one)) for one in "abc"]
    assert said(look(store, {"session": folds}), "sessions across the split").figure == "none (session)"
    broken = said(look(store, {"session": shuffled_folds(300)}), "sessions across the split")
    assert broken.level == "fail"


def test_a_picture_shown_on_both_sides_is_warned_of(store_of: StoreOf, clean: Clean) -> None:
    pictures = np.random.default_rng(0).integers(256, size=(300, 28, 28), dtype=np.uint8)
    new = look(store_of(clean(), shuffled_labels(300), images=pictures))
    assert said(new, "pictures across the split").level == "ok"
    pictures[200] = pictures[3]
    old = said(look(store_of(clean(), shuffled_labels(300), images=pictures)), "pictures across the split")
    assert old.level == "warn"
    assert old.figure.startswith("2 tested trials")
    assert "remembering" in old.why
    table = pd.DataFrame({"mnist_index": np.arange(300) % 250})
    by_number = look(store_of(clean(), shuffled_labels(300), metadata=table))
    assert said(by_number, "pictures across the split").figure.startswith("100 tested trials")


def test_official_parts_of_one_sitting_are_warned_of(store_of: StoreOf, clean: Clean) -> None:
    mixed = np.where(np.random.default_rng(0).random(300) < 0.2, "TEST", "TRAIN")
    finding = said(
        look(store_of(clean(), shuffled_labels(300), metadata=pd.DataFrame({"set": mixed}))), "official division"
    )
    assert finding.level == "warn"
    assert "recorded next to a training trial" in finding.figure
    apart = np.repeat(["train", "test"], [240, 60])
    clean_set = look(store_of(clean(), shuffled_labels(300), metadata=pd.DataFrame({"set": apart})))
    assert said(clean_set, "official division").level == "ok"


def test_official_files_that_share_sessions_are_warned_of_and_fail_as_the_split(
    store_of: StoreOf, clean: Clean
) -> None:
    # The files lie one after the other, and their times are mixed.
    times = np.concatenate([np.arange(0, 300, 2), np.arange(1, 300, 2)]) * 3.0
    table = pd.DataFrame(
        {
            "file": np.repeat(["train.csv", "test.csv"], 150),
            "session": np.tile(np.repeat([1, 2, 3], 50), 2),
            "unix_time": 1e9 + times,
        }
    )
    store = store_of(clean(), shuffled_labels(300), metadata=table)
    finding = said(look(store), "official division")
    assert finding.level == "warn"
    assert "100% are of a session that is trained on" in finding.figure
    assert "100% of the test trials were recorded next to a training trial" in finding.figure
    official = [(np.arange(150), np.arange(150, 300))]
    split = said(look(store, {"official": official}), "official division")
    assert (split.level, split.split) == ("fail", "official")
