import time
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from mindglyph.inspection.copies import CopyTally
from mindglyph.inspection.parts import parts
from mindglyph.inspection.result import Copies

Clean = Callable[..., np.ndarray]


def _copies(signals: np.ndarray, labels: np.ndarray | None = None, **columns: object) -> tuple[Copies, Copies]:
    signals = signals.astype(np.float32)
    tally = CopyTally(signals)
    for part in parts(signals):
        tally.add(part)
    table = pd.DataFrame({"event": np.arange(len(signals)), **columns})
    return tally.copies(np.zeros(len(signals), dtype=int) if labels is None else labels, table)


def test_identical_trials_are_found_and_those_under_another_label_shown_first(clean: Clean) -> None:
    signals = clean()
    signals[200], signals[201] = signals[10], signals[10]
    signals[250] = signals[20]
    labels = np.zeros(300, dtype=int)
    labels[250] = 7
    identical, alike = _copies(signals, labels, line=np.arange(300) + 1)
    assert (identical.groups, identical.trials, identical.across_labels) == (2, 3, 1)
    assert identical.examples == [
        {"events": [20, 250], "labels": [0, 7], "lines": [21, 251]},
        {"events": [10, 200], "labels": [0, 0], "lines": [11, 201]},
    ]
    assert not alike.groups


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda x: x + 130, id="level"),
        pytest.param(lambda x: 1.7 * x, id="gain"),
        pytest.param(lambda x: np.round(x), id="whole microvolts"),
        pytest.param(lambda x: x + np.linspace(-40, 40, 5)[:, None], id="each channel its level"),
        pytest.param(lambda x: np.concatenate([x[:, :-1], x[:, -2:-1]], axis=1), id="a sample short"),
    ],
)
def test_trials_that_are_the_same_but_for_little_are_found(
    clean: Clean, change: Callable[[np.ndarray], np.ndarray]
) -> None:
    signals = clean(2000)
    for place in range(20):
        signals[1900 + place] = change(signals[50 * place])
    identical, alike = _copies(signals)
    assert not identical.groups
    assert (alike.groups, alike.trials) == (20, 20)
    assert alike.examples[0]["events"] == [0, 1900]


def test_a_signal_that_comes_a_hundred_times_is_one_set(clean: Clean) -> None:
    signals = clean(400)
    signals[::4] = signals[0] + np.arange(100)[:, None, None]
    signals[399] = signals[8]
    identical, alike = _copies(signals)
    assert (identical.groups, identical.trials) == (1, 1)
    assert (alike.groups, alike.trials) == (1, 99)


@pytest.mark.parametrize("size", [0, 3000])
def test_drift_and_mains_do_not_make_trials_alike(clean: Clean, size: float) -> None:
    rng = np.random.default_rng(5)
    signals = clean(3000, 1)
    # So strong that trials of the same phase correlate by more than 0.999.
    signals += size * np.sin(2 * np.pi * 0.25 * np.arange(200) + rng.uniform(0, 2 * np.pi, (3000, 1, 1)))
    signals[2999] = signals[0] + 5
    _, alike = _copies(signals)
    assert (alike.groups, alike.trials) == (1, 1)


def test_trials_without_a_signal_are_not_copies(clean: Clean) -> None:
    signals = clean()
    signals[50:90] = 4200
    identical, alike = _copies(signals)
    assert not identical.groups
    assert not alike.groups


def test_many_trials_take_no_more_than_their_number(clean: Clean) -> None:
    signals = clean(70_000, 1, 64).astype(np.float32)
    signals[69_000] = signals[3] + 9
    start = time.perf_counter()
    _, alike = _copies(signals)
    assert alike.examples[0]["events"] == [3, 69_000]
    assert time.perf_counter() - start < 10
