import numpy as np
import pandas as pd
import pytest

from mindglyph import Trials
from mindglyph.errors import UserError
from mindglyph.trials import ExtraSignals, positions_of


def _trials(n: int = 6, **changes: object) -> Trials:
    rng = np.random.default_rng(0)
    arguments = {"X": rng.normal(size=(n, 2, 64)), "y": np.arange(n) % 3, "sfreq": 128.0, "ch_names": ["TP9", "AF7"]}
    return Trials.from_arrays(**{**arguments, **changes})


def test_arrays_become_trials_in_order() -> None:
    trials = _trials()
    assert trials.signals.dtype == np.float32
    assert trials.metadata["event"].tolist() == list(range(6))
    assert trials.sfreq == 128
    assert _trials(y=np.arange(6.0)).labels.tolist() == list(range(6))
    assert _trials(y=np.array(["a", "b"] * 3, dtype=object)).labels.tolist() == ["a", "b"] * 3


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"y": np.zeros(5)}, "5 labels for 6 trials"),
        ({"y": np.full(6, 0.5)}, "labels are float64: give whole numbers or strings"),
        ({"y": np.array([1, "a", 2, "b", 3, "c"], dtype=object)}, "labels are of several kinds"),
        ({"y": np.zeros((6, 2), dtype=int)}, r"labels have shape \(6, 2\): .*one-hot rows that is y.argmax\(axis=1\)"),
        ({"ch_names": ["TP9"]}, "1 channel names for 2 channels"),
        ({"X": np.zeros((6, 64))}, "give \\(n_trials, n_channels, n_times\\)"),
        ({"X": np.full((6, 2, 64), np.nan)}, "trial 0, channel 'TP9': .*not finite, as 6 of 6"),
        ({"ch_names": ["TP9", "TP9"]}, "more than one channel is called 'TP9'"),
        ({"images": np.zeros((4, 28, 28), np.uint8)}, "4 images for 6 trials"),
        ({"images": np.zeros((6, 28, 28))}, r"are float64: give \(n_trials, 28, 28\) of uint8"),
        ({"images": np.zeros((6, 784), np.uint8)}, r"images have shape \(6, 784\)"),
        ({"y": [3, 1, None, 2, 0, 1]}, "the label of trial 2 is missing, as 1 of 6 are"),
        ({"y": [3, 1, 2, np.nan, np.nan, 1]}, "the label of trial 3 is missing, as 2 of 6 are"),
        ({"sfreq": 0}, "sfreq is 0: give the rate in Hz, a number above 0"),
        ({"sfreq": np.nan}, "sfreq is nan: give the rate"),
        ({"sfreq": "128"}, "sfreq is '128': give the rate"),
        ({"X": np.zeros((6, 2, 64)).astype(str)}, "give real numbers in microvolts"),
        ({"X": [[[1, 2], [3]], [[1, 2], [3]]]}, "not all of one length: cut or pad"),
        ({"X": np.zeros((0, 2, 64)), "y": []}, "holds no signals"),
        ({"X": np.zeros((6, 64, 2))}, r"64 channels and 2 samples, .*: is it of shape .* give X.transpose\(0, 2, 1\)"),
        ({"X": np.zeros((2, 6, 64))}, r"6 channels and 2 trials, .*: is it of shape .* give X.transpose\(1, 0, 2\)"),
        ({"metadata": {"event": [1, 2, 3, 4, 5, 6]}}, "metadata is a dict: give a pandas.DataFrame"),
        ({"ch_names": "TP9"}, "ch_names is 'TP9': give a list"),
        ({"ch_names": [1, 2]}, r"ch_names is \[1, 2\]: give a list"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _trials(**changes)


def test_a_value_that_is_not_finite_is_found_where_it_is() -> None:
    X = np.zeros((6, 2, 64))
    X[4, 1, 30] = np.inf
    with pytest.raises(UserError, match="trial 4, channel 'AF7': .*not finite, as 1 of 6 trials do: drop or repair"):
        _trials(X=X)


def test_channels_of_unknown_names_have_no_place_on_the_head() -> None:
    trials = _trials(ch_names=["TP9", "my electrode"])
    assert trials.info["ch_names"] == ["TP9", "my electrode"]
    assert set(positions_of(trials.info)) == {"TP9"}


def test_selection_keeps_the_parts_together() -> None:
    images = np.arange(6, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), np.uint8)
    trials = _trials(images=images, metadata=pd.DataFrame({"event": [10, 20, 30, 40, 50, 60]}))
    for chosen in (np.array([4, 1]), np.array([False, True, False, False, True, False])):
        part = trials.select(chosen)
        events = part.metadata["event"].to_numpy()
        np.testing.assert_array_equal(part.images[:, 0, 0], events // 10 - 1)
        np.testing.assert_array_equal(part.labels, (events // 10 - 1) % 3)
        np.testing.assert_array_equal(part.signals, trials.signals[events // 10 - 1])


def test_the_start_before_the_event_and_other_signals_come_along() -> None:
    pulse = ExtraSignals(np.zeros((6, 1, 32), np.float32), ("pulse",), 64.0)
    trials = _trials(tmin=-0.2, extras={"PPG": pulse})
    assert trials.tmin == -0.2
    assert trials.extras["PPG"] is pulse
    with pytest.raises(UserError, match="6 PPG for 5 trials"):
        _trials(n=5, extras={"PPG": pulse})


def test_trials_are_printed_in_one_short_line() -> None:
    words = _trials(y=np.array(["face", "house"] * 3))
    assert repr(words) == "Trials: 6 trials, 2 channels, 64 samples at 128 Hz, labels face, house"
    assert repr(_trials(40, y=np.arange(40))).endswith("128 Hz, 40 different labels")
