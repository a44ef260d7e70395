import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.inspection import Inspection, inspect_store
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import Refusal
from mindglyph.store import Store, write_store
from mindglyph.trials import ExtraSignals

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def _warnings(found: Inspection) -> dict[str, str]:
    warnings = [finding for finding in found.findings if finding.level == "warn"]
    return {finding.about: f"{finding.figure}. {finding.sentence}" for finding in warnings}


def _look(store: Store) -> Inspection:
    return inspect_store(store)[0]


def test_clean_recordings_raise_no_warning(
    signal: Store, none: Store, pictured: Store, store_of: StoreOf, clean: Clean
) -> None:
    for store in (signal, none, pictured, store_of(clean())):
        assert _warnings(_look(store)) == {}
    found = _look(pictured)
    assert found.simulated
    assert found.verified
    assert found.pictures is not None
    assert found.pictures.distinct == 1200


def test_what_was_found_is_plain_enough_for_json(pictured: Store) -> None:
    found = _look(pictured)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False)) == found.as_dict()


def test_the_real_rows_are_told_as_they_are(real_rows: Path, tmp_path: Path) -> None:
    write_store(tmp_path / "mw", recognise(real_rows / "MW-excerpt.txt"))
    found = _look(Store(tmp_path / "mw"))
    assert found.labels.counts["-1"] == found.labels.without_digit == 43
    assert (found.lengths.shortest, found.lengths.longest, found.lengths.cropped) == (888, 1024, 462)
    assert found.order.gaps > 300
    assert found.order.missing > 0.9
    assert (found.rows.read, found.rows.kept, found.rows.rejected) == (462, 462, 0)
    assert found.clock is None
    assert not found.identical.groups
    assert not found.alike.groups
    assert _warnings(found) == {}


def test_a_damaged_spreadsheet_is_said_to_be_cut(real_rows: Path, tmp_path: Path) -> None:
    write_store(tmp_path / "mw", recognise(real_rows / "MW-spreadsheet-damaged.csv"))
    found = _look(Store(tmp_path / "mw"))
    assert found.lengths.cut == 174
    assert "174 of 174 trials" in _warnings(found)["cut trials"]
    (entry,) = found.rows.rejections
    assert (entry.kind, entry.rows, entry.line) == ("holds nothing but commas", 1, 175)
    assert entry.excerpt.startswith(",,,,")
    assert found.order.out_of_order is not None
    assert found.order.out_of_order > 0


def test_a_changed_store_is_inspected_and_said_to_be_changed(store_of: StoreOf, clean: Clean) -> None:
    store = store_of(clean())
    signals = np.load(store.path / "signals.npy", mmap_mode="r+")
    signals[3, 0, 5] += 1
    signals.flush()
    found = _look(store)
    assert not found.verified
    assert "damaged or changed" in _warnings(found)["content"]


def test_what_the_import_warned_of_is_repeated(store_of: StoreOf, clean: Clean) -> None:
    warnings = _warnings(_look(store_of(clean(), ordered=False, warnings=("events were dropped",))))
    assert warnings["said at the import"].endswith("events were dropped")
    assert "no split of the trials is honest" in warnings["order of recording"]


def test_words_sessions_extras_and_a_time_before_the_event_are_taken(store_of: StoreOf, clean: Clean) -> None:
    pulse = np.zeros((300, 2, 64), dtype=np.float32)
    pulse[:, 1] = np.random.default_rng(0).normal(size=(300, 64))
    found, traces = inspect_store(
        store_of(
            clean(),
            np.array(["face", "house", "tree"])[np.arange(300) % 3],
            metadata=pd.DataFrame({"session": np.repeat(["a", "b", "c"], 100)}),
            extras={"PPG": ExtraSignals(pulse, ("red", "infrared"), 64.0)},
            images=np.zeros((300, 28, 28), dtype=np.uint8),
            tmin=-0.25,
        )
    )
    assert found.labels.by["session"]["b"] == {"face": 33, "house": 34, "tree": 33}
    assert [channel["flat_trials"] for channel in found.extras[0].channels] == [300, 0]
    assert any(finding.about == "PPG" and finding.figure == "red" for finding in found.findings)
    assert found.pictures is not None
    assert found.pictures.blank == 300
    assert traces.means.times[0] == -0.25
    assert traces.boundaries.tolist() == [100, 200]


def test_rows_that_were_refused_are_shown_printably(store_of: StoreOf, clean: Clean) -> None:
    refused = [Refusal(line, f"code {line} is odd", "code … is odd", b"a\t\xff<b>" * 40, "x.csv") for line in range(90)]
    found = _look(store_of(clean(), refusals=[*refused, Refusal(99, "is empty", "is empty", b"", "x.csv")]))
    first, second = found.rows.rejections
    assert (first.kind, first.rows, first.line, first.reason) == ("code … is odd", 90, 0, "code 0 is odd")
    assert first.share == pytest.approx(90 / 391)
    assert first.excerpt.startswith(r"a\t\xff<b>a\t")
    assert first.excerpt.isprintable()
    assert len(first.excerpt) < 400
    assert (second.rows, second.excerpt) == (1, "")
    assert "23.3% rejected" in _warnings(found)["rows"]


def test_a_long_recording_is_drawn_of_some_trials_and_counted_in_all(store_of: StoreOf) -> None:
    signals = np.random.default_rng(0).normal(size=(9001, 1, 40)) * 10
    signals[8999] = 3
    steps: list[tuple[int, int]] = []
    found, traces = inspect_store(store_of(signals, ch_names=["PZ"]), lambda *step: steps.append(step))
    assert found.drawn == traces.means.n_trials == 4000
    assert found.channels[0].flat_trials == 1
    assert sum(found.labels.counts.values()) == 9001
    assert steps[-1] == (13001, 13001)
    assert sorted(steps) == steps


def test_memory_does_not_grow_with_the_recording(store_of: StoreOf) -> None:
    store = store_of(np.random.default_rng(0).standard_normal((3000, 5, 2000), dtype=np.float32), sfreq=1000.0)
    size = (store.path / "signals.npy").stat().st_size
    tracemalloc.start()
    inspect_store(store)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size == pytest.approx(1.2e8, rel=0.01)
    assert peak < 0.7 * size
