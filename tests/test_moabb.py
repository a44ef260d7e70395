import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import mne
import numpy as np
import pandas as pd
import pytest

import mindglyph.trials
from mindglyph.errors import UserError
from mindglyph.moabb import LabelParadigm, StoreDataset
from mindglyph.store import Store

ALL = {"fmin": None, "fmax": None}


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MNE and MOABB write settings and results to the home folder."""
    monkeypatch.setenv("_MNE_FAKE_HOME_DIR", str(tmp_path))
    monkeypatch.setenv("MNE_DATA", str(tmp_path))
    monkeypatch.setenv("MOABB_RESULTS", str(tmp_path))


def _score(store: Store, folder: Path) -> float:
    from moabb.evaluations import CrossSessionEvaluation

    return float(_evaluate(CrossSessionEvaluation, store, folder)["score"].mean())


def _evaluate(kind: type, store: Store, folder: Path) -> pd.DataFrame:
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    dataset = StoreDataset([store.path])
    evaluation = kind(paradigm=LabelParadigm(fmax=20.0), datasets=[dataset], hdf5_path=str(folder), overwrite=True)
    decoder = make_pipeline(FunctionTransformer(_thin), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    return evaluation.process({"lda": decoder})


def _thin(X: np.ndarray) -> np.ndarray:
    return X[:, :, ::12].reshape(len(X), -1)


def test_moabb_cuts_exactly_the_trials(signal: Store) -> None:
    dataset = StoreDataset({"anna": signal.path}, gap=0)
    X, labels, table = LabelParadigm(**ALL).get_data(dataset)
    trials = signal.trials()
    np.testing.assert_array_equal(X.astype(np.float32), trials.signals)
    assert labels.tolist() == [str(label) for label in trials.labels]
    assert table["session"].tolist() == list(np.repeat([str(block) for block in range(5)], 160))
    assert set(table["subject"]) == {"anna"}


def test_trials_are_left_out_between_blocks(signal: Store) -> None:
    X, _, table = LabelParadigm(**ALL).get_data(StoreDataset([signal.path], blocks=4, gap=10))
    places = [place for place in range(800) if place < 200 or place % 200 >= 10]
    np.testing.assert_array_equal(X.astype(np.float32), signal.trials().signals[places])
    assert table["session"].value_counts().to_dict() == {"0": 200, "1": 190, "2": 190, "3": 190}


def test_the_filter_sees_a_trial_as_if_it_stood_alone(signal: Store) -> None:
    filtered, _, _ = LabelParadigm(fmin=1.0, fmax=40.0).get_data(StoreDataset([signal.path], gap=0))
    place = 300
    pad = 10 * 512
    alone = np.pad(signal.trials().signals[place].astype(float), ((0, 0), (pad, pad)), mode="edge")
    raw = mne.io.RawArray(alone * 1e-6, mne.create_info(["a"], 512.0, "eeg"), verbose="error")
    raw.filter(1.0, 40.0, method="iir", verbose="error")
    expected = raw.get_data()[:, pad:-pad] * 1e6
    np.testing.assert_allclose(filtered[place], expected, atol=0.02 * expected.std())


def test_sessions_are_told_apart_where_they_are_known(none: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = np.tile(["morning", "evening", "evening"], len(none.trials()))[: len(none.trials())]
    _change_trials(monkeypatch, session=sessions)
    dataset = StoreDataset([none.path])
    assert dataset.n_sessions == 2
    X, _, table = LabelParadigm(**ALL).get_data(dataset)
    order = np.concatenate([np.flatnonzero(sessions == name) for name in ("morning", "evening")])
    np.testing.assert_array_equal(X.astype(np.float32), none.trials().signals[order])
    assert (table["session"] == "0").sum() == (sessions == "morning").sum()


def test_several_subjects_in_a_store_are_told_apart(none: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    people, nights = np.tile(["ada", "bo"], 200), np.repeat([1, 2], 200)
    _change_trials(monkeypatch, subject=people, session=nights)
    dataset = StoreDataset({"lab": none.path})
    assert dataset.subject_list == ["lab-ada", "lab-bo"]
    X, _, table = LabelParadigm(**ALL).get_data(dataset, subjects=["lab-bo"])
    np.testing.assert_array_equal(X.astype(np.float32), none.trials().signals[people == "bo"])
    assert table["session"].tolist() == ["0"] * 100 + ["1"] * 100


@pytest.mark.parametrize("tmin", [-0.2, 0.3, -5.0, 4.0])
def test_a_trial_may_begin_long_before_or_after_its_event(
    none: Store, monkeypatch: pytest.MonkeyPatch, tmin: float
) -> None:
    _change_trials(monkeypatch, tmin=tmin)
    dataset = StoreDataset([none.path], gap=0, blocks=2, padding=0.5)
    epochs, _, _ = LabelParadigm(**ALL).get_data(dataset, return_epochs=True)
    assert epochs.tmin == pytest.approx(tmin, abs=1 / 512)
    np.testing.assert_array_equal((epochs.get_data() * 1e6).astype(np.float32), none.trials().signals)


# How MOABB writes its results, h5py is about to give up.
@pytest.mark.filterwarnings("ignore:Creating a dataset without passing data or dtype")
def test_across_sessions_a_signal_is_found_and_none_is_not_made_up(signal: Store, none: Store, tmp_path: Path) -> None:
    found = _score(signal, tmp_path / "signal")
    assert found > 0.4, found
    # 400 guesses lie within 0.1 ± 0.05 in all but one of a thousand recordings.
    chance = _score(none, tmp_path / "none")
    assert 0.05 < chance < 0.15, chance


# How MOABB writes its results, h5py is about to give up.
@pytest.mark.filterwarnings("ignore:Creating a dataset without passing data or dtype")
@pytest.mark.parametrize(("name", "low", "high"), [("signal", 0.4, 1.0), ("none", 0.05, 0.15)])
def test_across_subjects_too(
    request: pytest.FixtureRequest, store_of: Callable[..., Store], tmp_path: Path, name: str, low: float, high: float
) -> None:
    from moabb.evaluations import CrossSubjectEvaluation

    trials = request.getfixturevalue(name).trials()
    half = len(trials) // 2
    # One brain stands for two people: what the first half taught must be found in the second.
    table = trials.metadata.assign(subject=np.repeat(["ada", "bo"], half))
    lab = store_of(trials.signals, trials.labels, metadata=table, ch_names=trials.info["ch_names"], sfreq=512.0)
    scores = _evaluate(CrossSubjectEvaluation, lab, tmp_path)
    assert set(scores["subject"]) == {"1-ada", "1-bo"}
    assert low < scores["score"].mean() < high, scores["score"].mean()


def test_labels_can_be_chosen(signal: Store) -> None:
    dataset = StoreDataset([signal.path])
    paradigm = LabelParadigm(events=["3", "7"], **ALL)
    _, labels, _ = paradigm.get_data(dataset)
    assert set(labels) == {"3", "7"}
    assert not LabelParadigm(events=["3", "house"]).is_valid(dataset)


def test_other_trials_have_another_code(signal: Store, none: Store) -> None:
    datasets = [
        StoreDataset([signal.path]), StoreDataset([none.path]), StoreDataset([signal.path], blocks=4),
        StoreDataset([signal.path, none.path]),
    ]  # fmt: skip
    assert len({dataset.code for dataset in datasets}) == 4
    assert StoreDataset([signal.path]).code == datasets[0].code
    assert datasets[0].data_path(1) == [str(signal.path)]


def test_stores_that_cannot_be_one_data_set_are_refused(
    signal: Store, none: Store, world: Callable[..., Store], tmp_path: Path
) -> None:
    epoc = world(format="ep", events=100, ceiling=0.1, seed=4)
    with pytest.raises(UserError, match=f"{epoc.path}: channels .* but {signal.path} has"):
        StoreDataset([signal.path, epoc.path])
    with pytest.raises(UserError, match="no store was given"):
        StoreDataset([])
    with pytest.raises(UserError, match="is no trial store"):
        StoreDataset([tmp_path])
    with pytest.raises(UserError, match="400 trials are too few for 5 blocks with 80"):
        StoreDataset([none.path], gap=80)


def test_without_moabb_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "mindglyph.moabb")
    for name in [name for name in sys.modules if name == "moabb" or name.startswith("moabb.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "moabb", None)
    with pytest.raises(UserError, match="pip install 'mindglyph\\[moabb\\]'"):
        importlib.import_module("mindglyph.moabb")


def _change_trials(monkeypatch: pytest.MonkeyPatch, tmin: float | None = None, **columns: np.ndarray) -> None:
    """Let stores of 400 trials have other metadata, or another start, than the simulator gives them."""
    given = Store.trials

    def changed(store: Store, extras: bool = True) -> mindglyph.trials.Trials:
        trials = given(store, extras)
        parts = {name: getattr(trials, name) for name in ("signals", "labels", "info", "images", "extras")}
        table = trials.metadata.assign(**{name: pd.Series(column) for name, column in columns.items()})
        return mindglyph.trials.Trials(**parts, metadata=table, tmin=trials.tmin if tmin is None else tmin)

    monkeypatch.setattr(Store, "trials", changed)
