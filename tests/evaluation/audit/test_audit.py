import json
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.errors import UserError
from mindglyph.evaluation import evaluated_trials, plan
from mindglyph.evaluation.audit import Audit, Finding, audit_store, plans_of
from mindglyph.evaluation.audit import material as material_module
from mindglyph.evaluation.splits import SPLITS
from mindglyph.inspection.parts import BYTES_AT_ONCE, slices
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store
from tests.evaluation.audit.looking import look, said, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]
World = Callable[..., Store]


def test_clean_recordings_raise_nothing(signal: Store, none: Store) -> None:
    for store in (signal, none):
        found = look(store)
        assert (found.fails, found.warnings) == ([], []), store.path
        assert found.summary == f"Of the {len(found.findings)} things that were looked for none was found."


@pytest.mark.parametrize(("ceiling", "rest", "seed"), [(0.1, 0.0, 40), (0.1, 0.15, 41), (0.9, 0.0, 42)])
def test_clean_sets_raise_no_fail_over_a_few_seeds(world: World, ceiling: float, rest: float, seed: int) -> None:
    assert look(world(format="ep", events=240, ceiling=ceiling, rest=rest, seed=seed)).fails == []


@pytest.mark.slow
@pytest.mark.parametrize("format", ["ep", "mw", "mu", "in"])
@pytest.mark.parametrize("ceiling", [0.1, 0.9])
def test_clean_sets_raise_no_fail_over_twenty_seeds(world: World, format: str, ceiling: float) -> None:
    for seed in range(20):
        store = world(format=format, events=300, ceiling=ceiling, rest=0.15 * (seed % 2), seed=seed)
        found = look(store)
        assert found.fails == [], f"seed {seed}"
        assert set(found.warnings) <= {"trials of rest"}, f"seed {seed}"


def test_sessions_and_artifacts_that_no_digit_chooses_are_no_lie(world: World) -> None:
    found = look(world(format="ep", events=400, ceiling=0.6, sessions=3, artifacts=True, seed=6))
    assert found.fails == []
    assert set(found.warnings) <= {"time in the signal"}, "each session has its own gain"


def test_the_tables_of_2022_are_failed_for_their_order_alone(world: World) -> None:
    assert look(world(format="hf2022", events=200, ceiling=0.6, seed=1)).fails == ["order of recording"]


def test_real_rows_of_the_mindwave_raise_nothing_false(real_rows: Path, tmp_path: Path) -> None:
    write_store(tmp_path / "mw", recognise(real_rows / "MW-excerpt.txt"))
    found = look(Store(tmp_path / "mw"))
    assert (found.trials, found.evaluated) == (462, 419)
    assert (found.fails, found.warnings) == ([], [])
    assert said(found, "trials of rest").figure.startswith("43 (9%)")
    write_store(tmp_path / "damaged", recognise(real_rows / "MW-spreadsheet-damaged.csv"))
    damaged = look(Store(tmp_path / "damaged"))
    assert damaged.fails == []
    assert said(damaged, "cut trials").figure.startswith("174 of 174")


@pytest.mark.parametrize(
    ("task", "warnings"), [("n170", ["overlapping trials"]), ("p300", ["overlapping trials", "unequal labels"])]
)
def test_real_responses_to_pictures_raise_nothing_false(
    real_data: Path, tmp_path: Path, task: str, warnings: list[str]
) -> None:
    files = sorted((real_data / "muse-visual" / task).glob("*.csv.gz"))
    write_store(tmp_path / "store", recognise(files))
    found = look(Store(tmp_path / "store"))
    assert found.fails == []
    assert found.warnings == warnings
    assert "hold the same samples" in said(found, "overlapping trials").figure
    if task == "p300":
        assert "always naming 1 is right in 85.0%" in said(found, "unequal labels").figure


def test_what_was_found_is_plain_and_the_gravest_comes_first(world: World) -> None:
    found = look(world(format="ep", events=400, ceiling=0.1, confound="drift", seed=4))
    told = found.as_dict()
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["fails"] == found.fails
    levels = [finding.level for finding in found.findings]
    assert levels == sorted(levels, key=["fail", "warn", "ok"].index)
    assert found.summary.endswith("so no score can be believed: " + ", ".join(found.fails) + ".")
    assert all(finding.why.endswith(".") for finding in found.findings)
    assert all(finding.mend.endswith(".") for finding in found.findings if finding.level != "ok")


def test_the_summary_tells_of_warnings_where_nothing_fails() -> None:
    findings = [Finding("warn", "a", "1", "Why.", "Mend."), Finding("ok", "b", "2", "Why.")]
    found = Audit("x", 10, 10, 10, ("blocked",), findings)
    assert found.summary == "Nothing fails; keep 1 thing in mind when a score is read: a."
    failed = replace(found, findings=[Finding("fail", "c", "", "", ""), *findings])
    assert failed.summary == "1 of 3 checks fails, so no score can be believed: c."


def test_the_same_seed_finds_the_same(none: Store) -> None:
    assert look(none) == look(none)
    assert audit_store(none, plans_of(none), seed=1).fails == []


def test_every_split_is_audited_as_it_is_planned(store_of: StoreOf, clean: Clean) -> None:
    table = pd.DataFrame({"session": np.arange(300) // 100, "subject": np.arange(300) // 150})
    store = store_of(clean(), shuffled_labels(300), metadata=table)
    plans = plans_of(store, SPLITS, folds=3)
    trials = evaluated_trials(store)
    for name in SPLITS:
        planned = plan(name, trials, 3, 10, 0)
        assert all(map(np.array_equal, chain(*plans[name]), chain(*planned)))
    found = look(store, plans)
    assert found.fails == []
    assert found.warnings == ["neighbours across the split"]
    assert said(found, "neighbours across the split", "random").level == "warn"


def test_a_label_that_a_fold_lacks_is_audited_and_not_refused(store_of: StoreOf, clean: Clean) -> None:
    found = look(store_of(clean(), np.arange(300) // 60))
    assert "label along the recording" in found.fails


def test_what_a_leaky_split_does_is_no_fault_of_another(store_of: StoreOf, clean: Clean) -> None:
    events = np.arange(300) // 2
    store = store_of(clean(), np.repeat(shuffled_labels(150), 2), metadata=pd.DataFrame({"event": events}))
    signals = np.load(store.path / "signals.npy", mmap_mode="r+")
    signals[1::2] = signals[::2]
    signals.flush()
    found = look(store, plans_of(store, ["blocked", "random"]))
    assert "copies across the split" in found.fails_of("random")
    assert "copies across the split" not in found.fails_of("blocked")
    assert "one moment as several trials" in found.fails_of("blocked")


def test_without_a_split_the_data_alone_are_looked_at(none: Store) -> None:
    found = audit_store(none, {})
    assert found.splits == ()
    assert not [finding for finding in found.findings if "split" in finding.about]


def test_progress_goes_to_its_end(none: Store) -> None:
    steps: list[tuple[int, int]] = []
    audit_store(none, {}, lambda *step: steps.append(step))
    assert steps == sorted(steps)
    assert steps[-1][0] == steps[-1][1]


def test_what_cannot_be_audited_is_a_mistake_of_the_user(store_of: StoreOf, clean: Clean) -> None:
    with pytest.raises(UserError, match="fewer than two"):
        audit_store(store_of(clean(), np.zeros(300, dtype=int)), {})
    with pytest.raises(UserError, match="--folds"):
        plans_of(store_of(clean(40), shuffled_labels(40)))
    with pytest.raises(UserError, match="'leaky' is not known: take one of blocked"):
        plans_of(store_of(clean(), shuffled_labels(300)), ("leaky",))


def test_odd_values_words_and_dead_recordings_are_audited(store_of: StoreOf, clean: Clean) -> None:
    signals, words = clean(), np.array(["face", "house", "tree"])[shuffled_labels(300, 3)]
    signals[5, 1, 30:60] = np.nan
    signals[7] = np.inf
    assert look(store_of(signals, words)).fails == []
    assert said(look(store_of(np.zeros((100, 2, 100)), shuffled_labels(100))), "dead channels").figure == "TP9, AF7"


def test_of_a_recording_that_is_too_large_a_part_is_looked_at(
    store_of: StoreOf, clean: Clean, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(material_module, "_MOST_BYTES", 100 * 5 * 200 * 4)
    signals = clean()
    signals[299] = signals[0]
    found = look(store_of(signals, shuffled_labels(300)))
    assert found.looked_at == 100
    assert said(found, "copies of trials").figure == "1 of 100 trials looked at of 300"
    assert "2 tested trials" in said(found, "copies across the split").figure


def test_memory_does_not_grow_with_the_recording(store_of: StoreOf, monkeypatch: pytest.MonkeyPatch) -> None:
    # A quarter of the usual, so that small recordings are many parts.
    monkeypatch.setattr(slices, "__defaults__", (BYTES_AT_ONCE // 4,))
    peaks = []
    for n_trials in (240, 480):
        signals = np.random.default_rng(0).standard_normal((n_trials, 5, 4000), dtype=np.float32)
        store = store_of(signals, shuffled_labels(n_trials), sfreq=2000.0)
        del signals
        tracemalloc.start()
        audit_store(store, plans_of(store))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.1 * peaks[0], "19 MB more to read"
