from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mindglyph.store import Store
from tests.evaluation.audit.looking import look, said, shuffled_folds, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def test_a_block_design_fails_in_words(world: Callable[..., Store]) -> None:
    found = look(world(format="ep", events=400, ceiling=0.1, confound="drift", seed=4))
    finding = said(found, "label follows time")
    assert finding.level == "fail"
    assert "block design" in finding.why
    assert "95% of the trials have the label of the one before (10% by chance)" in finding.figure
    assert found.findings[0].level == "fail"
    assert "label follows time" in found.fails


def test_the_split_that_a_block_design_misleads_is_named(store_of: StoreOf, clean: Clean) -> None:
    store = store_of(clean(), np.repeat(shuffled_labels(20), 15))
    blocked = look(store)
    assert "right in the split 'blocked'" in said(blocked, "label follows time").figure
    finding = said(look(store, {"random": shuffled_folds(300)}), "label follows time")
    share = int(finding.figure.split("nearest training trial in time is ")[1].split("%")[0])
    assert share > 80


def test_labels_in_random_order_are_in_order(store_of: StoreOf, clean: Clean) -> None:
    found = look(store_of(clean(), shuffled_labels(300)))
    for about in ("label follows time", "label along the recording", "label goes round with the rows"):
        assert said(found, about).level == "ok"


def test_labels_balanced_in_random_blocks_are_in_order(store_of: StoreOf, clean: Clean) -> None:
    rng = np.random.default_rng(0)
    labels = np.concatenate([rng.permutation(5) for _ in range(60)])
    found = look(store_of(clean(), labels))
    for about in ("label follows time", "label along the recording", "label goes round with the rows"):
        assert said(found, about).level == "ok"


def test_labels_that_drift_along_the_recording_fail_without_any_run(store_of: StoreOf, clean: Clean) -> None:
    # 0 and 1 in turns in the first half, 2 and 3 in the second: no label follows itself.
    rng = np.random.default_rng(0)
    pairs = [rng.permutation(2) + 2 * (place >= 75) for place in range(150)]
    found = look(store_of(clean(), np.concatenate(pairs)))
    assert said(found, "label along the recording").level == "fail"
    assert "decoder of time" in said(found, "label along the recording").why


@pytest.mark.parametrize("column", ["session", "subject", "block"])
def test_a_session_that_tells_the_label_fails(store_of: StoreOf, clean: Clean, column: str) -> None:
    # Sessions alternate in short stretches, so neither runs nor stretches of the recording show it.
    groups = np.arange(300) // 3 % 2
    labels = np.random.default_rng(0).integers(2, size=300) + 2 * groups
    found = look(store_of(clean(), labels, metadata=pd.DataFrame({column: groups})))
    finding = said(found, f"label by {column}")
    assert finding.level == "fail"
    assert f"the {column} tells 5" in finding.figure
    balanced = look(store_of(clean(), shuffled_labels(300), metadata=pd.DataFrame({column: groups})))
    assert said(balanced, f"label by {column}").level == "ok"


def test_blocks_are_counted_within_their_session(store_of: StoreOf, clean: Clean) -> None:
    session, block = np.repeat([1, 2], 150), np.tile(np.repeat(np.arange(5), 30), 2)
    # In each session a block has a label of its own, and over both sessions every block has both.
    labels = (block + session) % 2
    found = look(store_of(clean(), labels, metadata=pd.DataFrame({"session": session, "block": block})))
    assert said(found, "label by block").level == "fail"
    assert said(found, "label by session").level != "fail"


def test_a_label_that_is_the_row_mod_k_fails(store_of: StoreOf, clean: Clean) -> None:
    found = look(store_of(clean(n_channels=1), np.arange(300) % 4, device="Interaxon Muse", ch_names=["TP9"]))
    finding = said(found, "label goes round with the rows")
    assert finding.level == "fail"
    assert finding.figure == "row mod 4 tells 100% of the labels"
    assert "as many channels" in finding.why
    odd = look(store_of(clean(), np.arange(300) % 7))
    assert "row mod 7" in said(odd, "label goes round with the rows").figure


def test_a_column_channel_that_is_the_label_fails(store_of: StoreOf, clean: Clean) -> None:
    channel = np.random.default_rng(0).permutation(300) % 4
    table = pd.DataFrame({"channel": [f"C{number}" for number in channel], "event": np.arange(300)})
    found = look(store_of(clean(n_channels=1), channel, metadata=table))
    assert said(found, "label goes round with the rows").level == "fail"
    assert "each channel" in said(found, "label goes round with the rows").why.lower()


def test_an_order_that_is_lost_fails_and_nothing_is_said_of_time(store_of: StoreOf, clean: Clean) -> None:
    found = look(store_of(clean(), shuffled_labels(300), ordered=False))
    finding = said(found, "order of recording")
    assert finding.level == "fail"
    assert "No split" in finding.mend
    assert found.fails == ["order of recording"]
    assert not [finding for finding in found.findings if "time" in finding.about]


@pytest.mark.parametrize("column", ["onset_s", "unix_time"])
def test_a_clock_that_steps_back_fails_the_order(store_of: StoreOf, clean: Clean, column: str) -> None:
    times = 1.4e9 * (column == "unix_time") + 2.0 * np.random.default_rng(0).permutation(300)
    found = look(store_of(clean(), shuffled_labels(300), metadata=pd.DataFrame({column: times})))
    finding = said(found, "order of recording")
    assert finding.level == "fail"
    assert finding.figure == f"{column} steps back {np.count_nonzero(np.diff(times) < 0)} times"
    assert finding.mend.startswith(f"Sort the trials by {column} and import again")
    assert found.fails == ["order of recording"]


@pytest.mark.parametrize("column", ["session", "file", "subject", "run"])
def test_a_clock_that_starts_anew_with_each_part_is_in_order(store_of: StoreOf, clean: Clean, column: str) -> None:
    table = pd.DataFrame({"onset_s": 2.0 * (np.arange(300) % 60), column: np.arange(300) // 60})
    found = look(store_of(clean(), shuffled_labels(300), metadata=table))
    assert said(found, "order of recording").level == "ok"
    unnamed = look(store_of(clean(), shuffled_labels(300), metadata=table[["onset_s"]]))
    assert said(unnamed, "order of recording").figure == "onset_s steps back 4 times"
    assert "a column 'session'" in said(unnamed, "order of recording").mend


def test_rows_that_were_sorted_by_label_are_no_block_design(store_of: StoreOf, clean: Clean) -> None:
    # Of two labels, so that the clock steps back once: by that alone the order would be in little doubt.
    labels, onsets = shuffled_labels(300) % 2, 2.0 * np.arange(300)
    order = np.argsort(labels, kind="stable")
    found = look(store_of(clean(), labels[order], metadata=pd.DataFrame({"onset_s": onsets[order]})))
    runs = said(found, "label follows time")
    assert runs.level == "fail"
    assert "sorted by label" in runs.why
    assert "Record again" not in runs.mend + said(found, "label along the recording").mend
    assert runs.mend.startswith("Sort the trials by onset_s and import again")
    assert said(found, "order of recording").level == "fail"
    assert not [finding for finding in found.findings if "time in" in finding.about or "neighbours" in finding.about]


def test_a_block_design_stays_one_where_rows_are_out_of_time_too(store_of: StoreOf, clean: Clean) -> None:
    labels, onsets = np.repeat(shuffled_labels(20), 15), 2.0 * np.arange(300)
    # The halves are exchanged: the clock steps back once, and labels are in runs either way.
    order = np.r_[150:300, :150]
    found = look(store_of(clean(), labels[order], metadata=pd.DataFrame({"onset_s": onsets[order]})))
    assert said(found, "order of recording").figure == "onset_s steps back once"
    assert said(found, "order of recording").level == "warn", "most neighbours are neighbours in time"
    assert "block design" in said(found, "label follows time").why
