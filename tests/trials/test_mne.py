from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

from mindglyph import Trials
from mindglyph.errors import UserError
from mindglyph.trials import ExtraSignals


def _trials(n: int = 12, **changes: object) -> Trials:
    rng = np.random.default_rng(0)
    # Eight orders of magnitude, on an offset as EPOC has it.
    X = 4200 + rng.normal(size=(n, 2, 64)) * 10.0 ** rng.integers(-4, 5, size=(n, 2, 64))
    arguments = {"X": X, "y": np.arange(n) % 3, "sfreq": 128.0, "ch_names": ["PZ", "FP1"], "tmin": -0.125}
    return Trials.from_arrays(**{**arguments, **changes})


def _epochs(types: list[str], **options: object) -> mne.EpochsArray:
    info = mne.create_info([f"ch{place}" for place in range(len(types))], 100.0, types)
    events = np.column_stack([[10, 50, 90, 200], [0] * 4, [1, 2, 1, 2]])
    data = np.random.default_rng(1).normal(size=(4, len(types), 30)) * 1e-5
    return mne.EpochsArray(data, info, events, event_id={"face": 1, "house": 2}, verbose="error", **options)


def test_epochs_hold_volts_and_where_the_electrodes_sit() -> None:
    trials = _trials()
    epochs = trials.to_mne()
    np.testing.assert_allclose(epochs.get_data(), trials.signals * 1e-6, rtol=1e-6)
    assert epochs.event_id == {"0": 0, "1": 1, "2": 2}
    assert epochs.metadata["event"].tolist() == list(range(12))
    assert epochs.tmin == -0.125
    pz, fp1 = (channel["loc"][:3] for channel in epochs.info["chs"])
    assert fp1[1] > 0.05 > pz[1], "FP1 lies in front"


@pytest.mark.parametrize("labels", [[0, 1, -1], ["face", "house", "tree"]])
def test_there_and_back_nothing_is_lost(labels: list[object]) -> None:
    table = pd.DataFrame({"event": np.arange(12) + 500, "sample": np.arange(12) * 640 + 7, "session": ["a", "b"] * 6})
    trials = _trials(y=np.array(labels * 4), metadata=table)
    back = Trials.from_mne(trials.to_mne())
    np.testing.assert_array_equal(back.signals, trials.signals)
    np.testing.assert_array_equal(back.labels, trials.labels)
    assert back.labels.dtype.kind == trials.labels.dtype.kind
    assert (back.sfreq, back.tmin, back.info["ch_names"]) == (trials.sfreq, trials.tmin, trials.info["ch_names"])
    pd.testing.assert_frame_equal(back.metadata, table.assign(onset_s=table["sample"] / 128))


def test_any_float32_comes_back_as_it_was() -> None:
    patterns = np.random.default_rng(2).integers(0, 2**32, size=(4, 2, 40_000), dtype=np.uint32)
    values = patterns.view(np.float32)
    values[~np.isfinite(values)] = 0
    trials = Trials.from_arrays(values, np.arange(4), 128.0, ["a", "b"])
    np.testing.assert_array_equal(Trials.from_mne(trials.to_mne()).signals, values)


def test_electrodes_stay_where_they_were_measured() -> None:
    epochs = _epochs(["eeg", "eeg"])
    places = {"ch0": np.array([0.01, 0.02, 0.09]), "ch1": np.array([-0.05, 0.0, 0.08])}
    epochs.set_montage(mne.channels.make_dig_montage(places, coord_frame="head"), verbose="error")
    again = Trials.from_mne(Trials.from_mne(epochs).to_mne())
    for channel, place in zip(again.info["chs"], places.values(), strict=True):
        np.testing.assert_allclose(channel["loc"][:3], place, atol=1e-7)


# MNE reads metadata in a way that pandas is about to give up.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.set_index:DeprecationWarning")
@pytest.mark.parametrize(("fmt", "tolerance"), [("double", 0), ("single", 1.2e-7)])
def test_epochs_in_a_file_need_not_be_loaded(tmp_path: Path, fmt: str, tolerance: float) -> None:
    trials = _trials()
    trials.to_mne().save(tmp_path / "some-epo.fif", fmt=fmt, verbose="error")
    epochs = mne.read_epochs(tmp_path / "some-epo.fif", preload=False, verbose="error")
    back = Trials.from_mne(epochs)
    np.testing.assert_allclose(back.signals, trials.signals, rtol=tolerance, atol=0)
    np.testing.assert_array_equal(back.labels, trials.labels)
    assert not epochs.preload, "the caller's epochs stay as they were"


def test_dropped_epochs_are_no_trials() -> None:
    info = mne.create_info(["a"], 100.0, "eeg")
    signal = np.zeros((1, 1000))
    signal[0, 450:460] = 1.0
    raw = mne.io.RawArray(signal, info, verbose="error")
    events = np.array([[100, 0, 1], [400, 0, 2], [700, 0, 1], [990, 0, 2]])
    # Nothing is loaded: neither the large trial nor the one beyond the end is dropped yet.
    epochs = mne.Epochs(raw, events, {"3": 1, "8": 2}, 0, 0.9, None, reject={"eeg": 1e-3}, verbose="error")
    trials = Trials.from_mne(epochs)
    assert trials.labels.tolist() == [3, 3]
    assert trials.metadata.to_dict("list") == {"event": [0, 1], "sample": [100, 700], "onset_s": [1, 7]}
    everything = epochs.copy().load_data().drop([0, 1], verbose="error")
    with pytest.raises(UserError, match="no epoch is left"):
        Trials.from_mne(everything)


# MNE reads metadata in a way that pandas is about to give up.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.set_index:DeprecationWarning")
def test_onsets_are_in_seconds_of_the_recording_whatever_the_rate_of_the_epochs(tmp_path: Path) -> None:
    raw = mne.io.RawArray(np.ones((1, 4000)), mne.create_info(["a"], 100.0, "eeg"), verbose="error")
    events = np.array([[1000, 0, 1], [2000, 0, 2], [3000, 0, 1]])
    cut = mne.Epochs(raw, events, {"3": 1, "8": 2}, 0, 0.9, None, decim=2, verbose="error")
    cut.save(tmp_path / "cut-epo.fif", verbose="error")
    read = mne.read_epochs(tmp_path / "cut-epo.fif", preload=False, verbose="error")
    for epochs in (cut, cut.copy().load_data().resample(25.0, verbose="error"), read):
        assert Trials.from_mne(epochs).metadata["onset_s"].tolist() == [10, 20, 30]


def test_shuffled_epochs_come_back_in_the_order_of_recording_with_all_their_parts() -> None:
    number = np.arange(30)
    info = mne.create_info(["a", "b"], 100.0, ["eeg", "misc"])
    data = np.tile(number[:, None, None] * 1e-6, (1, 2, 50))
    events = np.column_stack([100 * (number + 1), 0 * number, 1 + number % 2])
    table = pd.DataFrame({"picture": number})
    epochs = mne.EpochsArray(data, info, events, event_id={"4": 1, "7": 2}, metadata=table, verbose="error")
    shuffled = epochs[np.random.default_rng(0).permutation(30)]
    trials = Trials.from_mne(shuffled)
    np.testing.assert_allclose(trials.signals[:, 0, 0], number, atol=1e-6)
    np.testing.assert_allclose(trials.extras["misc"].signals[:, 0, 0], number * 1e-6, atol=1e-12)
    assert trials.labels.tolist() == [4, 7] * 15
    assert trials.metadata["picture"].tolist() == number.tolist()
    assert trials.metadata["event"].tolist() == number.tolist()
    assert trials.metadata["onset_s"].tolist() == (number + 1).tolist()
    assert shuffled.events[0, 0] != 100, "the caller's epochs stay as they were"


def test_epochs_of_one_sample_stay_as_they_stood() -> None:
    events = np.column_stack([[9, 5, 5, 1], [0] * 4, [1] * 4])
    # MNE makes no such epochs itself; joined without their offsets they are.
    epochs = mne.EpochsArray(np.zeros((4, 1, 20)), mne.create_info(["a"], 100.0, "eeg"), verbose="error")
    epochs.events = events
    epochs.event_id = {"1": 1}
    epochs.metadata = pd.DataFrame({"was": np.arange(4)})
    assert Trials.from_mne(epochs).metadata["was"].tolist() == [3, 1, 2, 0]


def test_numbered_events_tell_no_time() -> None:
    back = Trials.from_mne(_trials().to_mne())
    assert "onset_s" not in back.metadata
    known = _trials(metadata=pd.DataFrame({"event": np.arange(12), "onset_s": np.arange(12) * 3.5}))
    assert Trials.from_mne(known.to_mne()).metadata["onset_s"].tolist() == known.metadata["onset_s"].tolist()


def test_other_channels_become_extras_by_their_type() -> None:
    trials = Trials.from_mne(epochs := _epochs(["eog", "eeg", "misc", "eog"]))
    assert trials.info["ch_names"] == ["ch1"]
    assert {name: extra.ch_names for name, extra in trials.extras.items()} == {"eog": ("ch0", "ch3"), "misc": ("ch2",)}
    np.testing.assert_allclose(trials.extras["eog"].signals, epochs.get_data(picks="eog"), rtol=1e-6)
    assert trials.labels.tolist() == ["face", "house", "face", "house"]


def test_extras_that_fit_come_along_and_others_do_not() -> None:
    def extra(names: tuple[str, ...], n_times: int, sfreq: float) -> ExtraSignals:
        return ExtraSignals(np.full((12, len(names), n_times), 7, np.float32), names, sfreq)

    extras = {
        "PPG": extra(("red", "PZ"), 64, 128.0),
        "ACC": extra(("red",), 64, 128.0),
        "GYRO": extra(("x",), 32, 64.0),
    }
    epochs = (trials := _trials(extras=extras)).to_mne()
    assert epochs.ch_names == ["PZ", "FP1", "red", "PPG PZ", "ACC red"]
    assert epochs.get_channel_types() == ["eeg"] * 2 + ["misc"] * 3
    assert (epochs.get_data(picks="misc") == 7).all()
    assert np.isfinite(epochs.info["chs"][0]["loc"][:3]).all()
    back = Trials.from_mne(epochs)
    np.testing.assert_array_equal(back.signals, trials.signals)
    assert back.extras["misc"].signals.shape == (12, 3, 64)


def test_bad_channels_stay_marked() -> None:
    epochs = _epochs(["eeg", "eeg"])
    epochs.info["bads"] = ["ch1"]
    trials = Trials.from_mne(epochs)
    assert trials.info["ch_names"] == ["ch0", "ch1"]
    assert trials.info["bads"] == ["ch1"]


def test_what_cannot_be_trials_is_refused_with_the_mend() -> None:
    with pytest.raises(UserError, match="no EEG channel, only eog, misc: .*set_channel_types"):
        Trials.from_mne(_epochs(["eog", "misc"]))
    with pytest.raises(UserError, match="RawArray is not MNE's epochs"):
        Trials.from_mne(mne.io.RawArray(np.zeros((1, 9)), mne.create_info(1, 100.0, "eeg"), verbose="error"))
    broken = _epochs(["eog", "eeg", "eeg"])
    broken._data[2, 2, 5] = np.nan
    with pytest.raises(UserError, match="trial 2, channel 'ch2'.*1 of 4"):
        Trials.from_mne(broken)
    words = _epochs(["eeg"], metadata=pd.DataFrame({"event": list("abcd")}))
    with pytest.raises(UserError, match="'event' are no numbers"):
        Trials.from_mne(words)
    with pytest.raises(UserError, match="no trials"):
        _trials().select(np.zeros(12, dtype=bool)).to_mne()
