from collections.abc import Callable

import numpy as np

from mindglyph.store import Store
from tests.evaluation.audit.looking import look, said, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def test_time_is_a_fail_only_where_the_label_follows_it(world: Callable[..., Store]) -> None:
    finding = said(look(world(format="ep", events=400, ceiling=0.1, confound="drift", seed=4)), "time in the signal")
    assert finding.level == "fail"
    # What time alone gives of the label is far above the most frequent one.
    told = int(finding.figure.split("alone gives ")[1].split("%")[0])
    assert told > 40
    assert "which of 40 moments" in finding.figure


def test_levels_that_wander_are_what_every_recording_has(world: Callable[..., Store]) -> None:
    found = look(world(format="ep", events=400, ceiling=0.1, seed=4))
    raw = said(found, "time in the raw signal")
    assert raw.level == "ok"
    assert "Levels wander" in raw.why
    assert said(found, "time in the signal").level == "ok"


def test_what_drifts_through_the_filter_is_warned_of(store_of: StoreOf, clean: Clean) -> None:
    signals = clean()
    signals *= np.linspace(1, 2, 300)[:, None, None]
    finding = said(look(store_of(signals, shuffled_labels(300))), "time in the signal")
    assert finding.level == "warn"
    assert "apart in time" in finding.mend


def test_trials_without_drift_are_in_order_and_short_ones_are_not_filtered(store_of: StoreOf) -> None:
    rng = np.random.default_rng(0)
    found = look(store_of(rng.normal(size=(300, 5, 200)), shuffled_labels(300)))
    assert "does not tell" in said(found, "time in the raw signal").why
    assert "does not tell" in said(found, "time in the signal").why
    short = look(store_of(rng.normal(size=(300, 5, 10)), shuffled_labels(300)))
    assert said(short, "time in the signal").figure == "trials too short to be filtered"
    few = look(store_of(rng.normal(size=(60, 5, 200)), shuffled_labels(60)))
    assert said(few, "time in the signal").figure == "too few trials to tell"
