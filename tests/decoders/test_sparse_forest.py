from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mindglyph.decoders import decoder_settings
from mindglyph.decoders.expert_teams import Team, inner_folds
from mindglyph.decoders.experts import ExpertTrunk
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.decoders.sparse_forest import SparseForest
from mindglyph.errors import UserError

RATE = 64.0
N_TRIALS = 240
LABELS = np.random.default_rng(1).permutation(np.arange(N_TRIALS) % 4)
QUICK: dict[str, Any] = {
    "expert": {"filters": (8, 8), "dropouts": (0.1, 0.1), "training": {"max_epochs": 8, "learning_rate": 5e-3}},
    "trunks": 1,
    "inner_folds": 3,
    "trees": 60,
}
HASTY: dict[str, Any] = {**QUICK, "expert": {"filters": (2, 2), "training": {"max_epochs": 2}}, "trees": 10}


def some_signals(labels: np.ndarray, size: float = 1.5, seed: int = 0) -> np.ndarray:
    """Return noise with a response whose delay tells the label."""
    times = np.arange(80) / RATE
    response = np.exp(-0.5 * ((times - 0.2 - 0.1 * labels[:, None, None]) / 0.05) ** 2) * np.array([[1.0], [-0.5]])
    return (size * response + np.random.default_rng(seed).normal(size=(len(labels), 2, 80))).astype(np.float32)


def forest(values: dict[str, Any], seed: int = 0) -> SparseForest:
    return decoder_settings("sparse-forest", values).build(RATE, seed)  # type: ignore[return-value]


@pytest.fixture(scope="module")
def fitted() -> SparseForest:
    return forest(QUICK).fit(some_signals(LABELS), LABELS)  # type: ignore[return-value]


@pytest.mark.parametrize("gap", [0, 10])
def test_inner_folds_are_stretches_with_gaps(gap: int) -> None:
    codes = np.arange(203) % 3
    folds = inner_folds(codes, 4, gap, 0.2)
    np.testing.assert_array_equal(np.concatenate([np.arange(203)[fold.outside] for fold in folds]), np.arange(203))
    for fold in folds:
        outside = np.arange(203)[fold.outside]
        distance = np.abs(fold.inside[:, None] - outside).min(axis=1)
        assert distance.min() == gap + 1
        between = np.abs(fold.learning[:, None] - fold.held_out).min()
        assert between >= gap + 1
        assert fold.learning.max() < fold.held_out.min()


@pytest.mark.parametrize(("trunk", "networks"), [("shared", 2), ("own", 10)])
def test_the_forest_hears_of_no_trial_an_expert_that_learned_or_stopped_by_it(
    monkeypatch: pytest.MonkeyPatch, trunk: str, networks: int
) -> None:
    # Every trial carries its place, so that whoever sees it can be caught.
    signals = some_signals(LABELS)
    signals[:, 0, 0] = np.arange(N_TRIALS)
    learned: dict[int, set[int]] = {}
    heard: list[tuple[int, set[int]]] = []
    train_on, outputs = ExpertTrunk.train_on, ExpertTrunk.outputs

    def watched_training(self: ExpertTrunk, X: np.ndarray, codes: np.ndarray, *places: Any) -> None:
        learned[id(self)] = {int(X[place, 0, 0]) for place in np.concatenate(places[:2])}
        train_on(self, X, codes, *places)

    def watched_outputs(self: ExpertTrunk, X: np.ndarray) -> np.ndarray:
        heard.append((id(self), set(X[:, 0, 0].astype(int).tolist())))
        return outputs(self, X)

    monkeypatch.setattr(ExpertTrunk, "train_on", watched_training)
    monkeypatch.setattr(ExpertTrunk, "outputs", watched_outputs)
    decoder = forest({**HASTY, "trunk": trunk, "trunks": 2}).fit(signals, LABELS)
    assert len(learned) == len(heard) == 3 * networks
    for expert, places in heard:
        near = {place + step for place in places for step in range(-10, 11)}
        assert not learned[expert] & near
    assert sorted(place for _, places in heard for place in places) == sorted(networks * list(range(N_TRIALS)))
    assert len(decoder.teams_) == 3  # type: ignore[attr-defined]


def test_the_forest_that_finds_the_temperature_has_not_seen_the_stretch(monkeypatch: pytest.MonkeyPatch) -> None:
    decoder = forest(HASTY)
    kind = type(decoder.settings_.build_forest(0))
    fits: list[tuple[int, set[float]]] = []
    judged: list[tuple[int, set[float]]] = []
    fit, predict_proba = kind.fit, kind.predict_proba

    def watched_fit(self: Any, X: np.ndarray, y: np.ndarray) -> Any:
        fits.append((id(self), set(X[:, -1].tolist())))
        watched.append(self)
        return fit(self, X, y)

    def watched_predict(self: Any, X: np.ndarray) -> np.ndarray:
        judged.append((id(self), set(X[:, -1].tolist())))
        return predict_proba(self, X)

    watched: list[Any] = []
    monkeypatch.setattr(kind, "fit", watched_fit)
    monkeypatch.setattr(kind, "predict_proba", watched_predict)
    decoder.fit(some_signals(LABELS), LABELS)
    assert len(judged) == 3
    seen = dict(fits)
    assert len(seen) == 4
    assert not any(seen[number] & trials for number, trials in judged)
    assert len(set().union(*(trials for _, trials in judged))) == N_TRIALS


@pytest.mark.parametrize(("n_classes", "n_experts"), [(2, 1), (3, 6), (10, 55)])
def test_the_number_of_experts_follows_from_the_classes(n_classes: int, n_experts: int) -> None:
    labels = np.arange(N_TRIALS) % n_classes
    decoder = forest(HASTY).fit(some_signals(labels), labels)
    pairs = n_experts - n_classes if n_classes > 2 else 0
    assert decoder.embed(some_signals(labels[:7])).shape == (7, 3 * pairs + n_experts - pairs)
    assert decoder.predict_proba(some_signals(labels[:7])).shape == (7, n_classes)
    assert decoder.forest_.n_features_in_ == 3 * pairs + n_experts - pairs + 2 * 2  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", ["extra-trees", "random-forest", "boosting"])
def test_each_forest_beats_chance_where_there_is_a_signal(kind: str) -> None:
    decoder = forest({**QUICK, "forest": kind, "band_powers": True}).fit(some_signals(LABELS), LABELS)
    accuracy = np.mean(decoder.predict(some_signals(LABELS, seed=5)) == LABELS)
    assert accuracy > 1 / 4 + 5 * np.sqrt(3 / 16 / N_TRIALS)


def test_experts_with_networks_of_their_own_beat_chance() -> None:
    labels = LABELS % 3
    decoder = forest({**QUICK, "trunk": "own", "inner_folds": 2}).fit(some_signals(labels), labels)
    accuracy = np.mean(decoder.predict(some_signals(labels, seed=5)) == labels)
    assert accuracy > 1 / 2 + 5 * np.sqrt(1 / 4 / N_TRIALS)


def test_it_stays_at_chance_and_says_so_where_there_is_none() -> None:
    decoder = forest(QUICK).fit(some_signals(LABELS, size=0.0), LABELS)
    signals = some_signals(LABELS, size=0.0, seed=5)
    assert abs(np.mean(decoder.predict(signals) == LABELS) - 1 / 4) < 4 * np.sqrt(3 / 16 / N_TRIALS)
    assert decoder.predict_proba(signals).max(axis=1).mean() < 0.4


def test_trunks_speak_with_one_voice() -> None:
    signals = some_signals(LABELS)
    decoder = forest({**HASTY, "trunks": 2}).fit(signals, LABELS)
    team: Team = decoder.teams_[0]  # type: ignore[attr-defined]
    first, second = (torch.softmax(torch.from_numpy(trunk.outputs(signals)), dim=2) for trunk in team.trunks)
    assert not np.allclose(first, second, atol=1e-3)
    np.testing.assert_allclose(team.probabilities(signals), (first + second) / 2, rtol=1e-5)


def test_forest_and_vote_are_joined_by_what_they_do_out_of_fold() -> None:
    signals = some_signals(LABELS)
    joined, seen, unheard = (
        forest({**QUICK, "vote": how}).fit(signals, LABELS) for how in ("joined", "seen", "unheard")
    )
    assert [len(decoder.pool_.weights) for decoder in (joined, seen, unheard)] == [2, 1, 1]  # type: ignore[attr-defined]
    assert seen.forest_.n_features_in_ == unheard.forest_.n_features_in_ + 4  # type: ignore[attr-defined]
    assert joined.held_out_["loss"] < unheard.held_out_["loss"] + 0.01
    assert joined.pool_.weights.min() >= 0  # type: ignore[attr-defined]
    for decoder in (seen, unheard):
        assert np.mean(decoder.predict(some_signals(LABELS, seed=5)) == LABELS) > 0.4


@pytest.mark.parametrize("balance", [{"resample": "over"}, {"resample": "under"}, {"class_weight": "balanced"}])
def test_classes_of_unequal_size_weigh_the_same(monkeypatch: pytest.MonkeyPatch, balance: dict[str, Any]) -> None:
    labels = np.where(np.arange(N_TRIALS) % 4 == 0, 1, 0)
    decoder = forest({**HASTY, **balance})
    kind = type(decoder.settings_.build_forest(0))
    seen: list[tuple[np.ndarray, str | None]] = []
    fit = kind.fit

    def watched_fit(self: Any, X: np.ndarray, y: np.ndarray) -> Any:
        seen.append((np.bincount(y), self.class_weight))
        return fit(self, X, y)

    monkeypatch.setattr(kind, "fit", watched_fit)
    decoder.fit(some_signals(labels), labels)
    assert len(seen) == 4
    for counts, weight in seen:
        assert weight == balance.get("class_weight")
        assert (counts[0] == counts[1]) == ("resample" in balance)
    assert all(trunk.balanced for team in decoder.teams_ for trunk in team.trunks)  # type: ignore[attr-defined]


def test_what_the_trials_look_like_can_be_left_out() -> None:
    decoder = forest({**HASTY, "statistics": False}).fit(some_signals(LABELS), LABELS)
    assert decoder.forest_.n_features_in_ == 3 * 6 + 4  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"trunk": "own", "forest": "boosting", "class_weight": "balanced"},
        {"trunks": 2, "vote": "seen", "class_weight": "balanced"},
    ],
)
def test_what_was_fitted_is_given_and_taken_back(values: dict[str, Any]) -> None:
    signals = some_signals(LABELS)
    decoder = forest({**HASTY, **values}).fit(signals, LABELS)
    back = forest({**HASTY, **values})
    back.restore(decoder.arrays(), decoder.classes_.tolist(), decoder.shape_, decoder.forests())
    np.testing.assert_array_equal(back.predict_proba(signals), decoder.predict_proba(signals))
    np.testing.assert_array_equal(back.embed(signals), decoder.embed(signals))


def test_another_seed_gives_other_experts_and_the_same_seed_the_same(fitted: SparseForest) -> None:
    signals = some_signals(LABELS, seed=5)
    same, other = (forest(QUICK, seed).fit(some_signals(LABELS), LABELS) for seed in (0, 1))
    np.testing.assert_array_equal(same.predict_proba(signals), fitted.predict_proba(signals))
    assert not np.allclose(other.embed(signals), fitted.embed(signals))


def test_an_interrupted_training_goes_on_at_the_unfinished_fold(
    tmp_path: Path, fitted: SparseForest, monkeypatch: pytest.MonkeyPatch
) -> None:
    signals = some_signals(LABELS)
    told: list[Progress] = []

    def stop(progress: Progress) -> None:
        told.append(progress)
        if progress.part == "fold-2, trunk-1" and progress.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        forest(QUICK).fit(signals, LABELS, Monitor(stop, tmp_path))
    assert {progress.part for progress in told} == {"fold-1, trunk-1", "fold-2, trunk-1"}
    again: list[Progress] = []
    decoder = forest(QUICK).fit(signals, LABELS, Monitor(again.append, tmp_path))
    assert {progress.part for progress in again} == {"fold-2, trunk-1", "fold-3, trunk-1"}
    np.testing.assert_array_equal(decoder.predict_proba(signals), fitted.predict_proba(signals))
    assert [epoch["train_loss"] for epoch in decoder.history_] == [epoch["train_loss"] for epoch in fitted.history_]


def test_what_another_training_left_is_not_taken(tmp_path: Path) -> None:
    signals = some_signals(LABELS)
    forest(HASTY).fit(signals, LABELS, Monitor(folder=tmp_path))
    for others, values in (
        (signals + 1, HASTY),
        (signals, {**HASTY, "inner_folds": 2}),
        (signals, {**HASTY, "gap": 9}),
    ):
        with pytest.raises(UserError, match="fold-1.*: an unfinished training with other settings, seed or trials"):
            forest(values).fit(others, LABELS, Monitor(folder=tmp_path))


def test_the_experts_of_their_own_hear_of_no_more_trials_than_balance_allows() -> None:
    codes = np.arange(N_TRIALS) % 10
    fold = inner_folds(codes, 3, 10, 0.15)[0]
    settings = forest({**HASTY, "trunk": "own"})
    settings.classes_ = np.arange(10)
    team: Team = settings._teams()[0]
    for trunk in team.trunks:
        learning, held_out = Team._thinned(trunk, codes, fold)
        assert set(learning) <= set(fold.learning)
        assert set(held_out) <= set(fold.held_out)
        assert len(learning) < 0.5 * len(fold.learning)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.arange(50) % 2, "50 trials are too few for 3 inner folds"),
        (np.repeat([0, 1, 2], 80), "an inner fold has no trial of some class to learn from"),
    ],
)
def test_what_cannot_be_divided_is_said(labels: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        forest(HASTY).fit(some_signals(labels), labels)
