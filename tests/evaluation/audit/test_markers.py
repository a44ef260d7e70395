from collections.abc import Callable, Sequence

import numpy as np
import pytest

from mindglyph.evaluation.audit import Finding
from mindglyph.evaluation.audit import markers as markers_module
from mindglyph.evaluation.audit.markers import MarkerTally
from mindglyph.inspection.parts import parts
from mindglyph.store import Store
from tests.evaluation.audit.looking import look, said, shuffled_labels

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]

NAMES = ("TP9", "AF7", "AF8", "TP10", "STI")


def _finding(store: Store) -> Finding:
    return said(look(store), "a channel that is the label")


def _with_pulses(signals: np.ndarray, heights: Sequence[int] | np.ndarray, noise: float = 0.0) -> np.ndarray:
    """Put a trigger of ten samples in the place of the last channel."""
    signals[:, -1] = noise * np.random.default_rng(1).normal(size=signals[:, -1].shape)
    signals[:, -1, 50:60] += np.asarray(heights)[:, None]
    return signals


@pytest.mark.parametrize("noise", [0.0, 0.05])
def test_a_trigger_channel_among_the_electrodes_fails_by_name_and_time(
    store_of: StoreOf, clean: Clean, noise: float
) -> None:
    labels = shuffled_labels(300, 2)
    signals = _with_pulses(clean(), labels + 1, noise)
    found = look(store_of(signals, np.array(["face", "house"])[labels], ch_names=NAMES, tmin=-0.1))
    finding = said(found, "a channel that is the label")
    assert finding.level == "fail"
    assert found.fails == ["a channel that is the label"]
    latency = int(finding.figure.split("STI at ")[1].split(" ms")[0])
    assert 150 <= latency < 200
    assert finding.mend == "Leave STI out of the recording's EEG."
    assert "AF7" not in finding.figure


def test_a_channel_that_holds_the_label_throughout_fails_though_it_has_no_pulse(
    store_of: StoreOf, clean: Clean
) -> None:
    labels, signals = shuffled_labels(300), clean()
    signals[:, 1] = 65280 + labels[:, None]
    finding = _finding(store_of(signals, labels))
    assert finding.level == "fail"
    assert finding.figure == "the label explains 100% of AF7 throughout the trial"


def test_levels_that_wander_while_the_label_follows_time_are_no_trigger(store_of: StoreOf, clean: Clean) -> None:
    labels, signals = np.arange(300) // 150, clean()
    signals += 1000 * labels[:, None, None]
    found = look(store_of(signals, labels))
    assert "label follows time" in found.fails
    assert said(found, "a channel that is the label").level == "ok"


@pytest.mark.parametrize("format", ["mw", "ep"])
@pytest.mark.parametrize("ceiling", [0.9, 0.95])
def test_an_electrode_that_answers_what_was_shown_is_no_trigger(
    world: Callable[..., Store], format: str, ceiling: float
) -> None:
    finding = _finding(world(format=format, events=600, ceiling=ceiling, seed=1))
    assert finding.level == "ok"
    assert int(finding.figure.split("at most ")[1].split("%")[0]) < 70


def test_a_channel_that_tells_rest_from_digits_alone_is_no_trigger(store_of: StoreOf, clean: Clean) -> None:
    labels = shuffled_labels(300)
    labels[::7] = -1
    assert _finding(store_of(_with_pulses(clean(), labels == -1), labels)).level == "ok"


def test_one_artifact_in_a_rare_label_is_no_trigger(store_of: StoreOf, clean: Clean) -> None:
    labels, signals = shuffled_labels(300, 2), clean()
    labels[[10, 200]] = 7
    signals[[10, 200], 2, 40] += 1e5
    assert _finding(store_of(signals, labels)).level == "ok"


def test_few_trials_tell_nothing(store_of: StoreOf, clean: Clean) -> None:
    labels = shuffled_labels(24)
    found = look(store_of(_with_pulses(clean(24), labels), labels), {})
    assert said(found, "a channel that is the label").figure == "too few trials to tell"


def test_the_share_is_that_of_an_analysis_of_variance(clean: Clean) -> None:
    signals, codes = clean(60, 2, 30).astype(np.float32), np.random.default_rng(0).integers(3, size=60)
    signals[:, 0] += 30 * codes[:, None] * np.hanning(30)
    tally = MarkerTally(codes, 2, 30)
    for part in parts(signals):
        tally.add(part)
    values = signals - np.median(signals, axis=-1, keepdims=True)
    within = sum(((values[codes == code] - values[codes == code].mean(0)) ** 2).sum(0) for code in range(3))
    adjusted = 1 - within / (60 - 3) / values.var(axis=0, ddof=1)
    np.testing.assert_allclose(tally.explained()[0][:, :-1], adjusted, atol=1e-4)


def test_of_very_many_labels_the_most_frequent_are_looked_at(
    store_of: StoreOf, clean: Clean, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(markers_module, "_MOST_BYTES", 3 * 8 * 5 * 201)
    labels = np.random.default_rng(0).permutation(np.repeat(np.arange(6), [100, 60, 50, 40, 30, 20]))
    tally = MarkerTally(labels, 5, 200)
    assert tally._sums.shape == (3, 5, 201)
    assert _finding(store_of(_with_pulses(clean(), labels), labels)).level == "fail"
