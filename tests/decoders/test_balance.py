from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import balanced_accuracy_score, log_loss

from mindglyph import Trials
from mindglyph.decoders import DecodingPipeline, decoder_settings
from mindglyph.decoders.balance import BALANCES, balanced_weights, resampled
from mindglyph.decoders.base import Decoder
from mindglyph.decoders.calibration import best_temperature, last_block
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings
from mindglyph.settings import checked

RATE = 64.0
QUICK: dict[str, dict[str, Any]] = {
    "lda": {},
    "riemann": {"rate": 16.0, "regularization": 1.0},
    "sparse-forest": {
        "expert": {"filters": (4, 4), "dropouts": (0.1, 0.1), "training": {"max_epochs": 10, "learning_rate": 1e-2}},
        "trunks": 1,
        "inner_folds": 2,
        "trees": 30,
    },
    "sparse-cnn": {"filters": (4, 4), "dropouts": (0.1, 0.1), "training": {"max_epochs": 10, "learning_rate": 1e-2}},
}
WAYS = ["weights", "over", "under"]


def _labels(n_trials: int, seed: int, rare: float = 0.15) -> np.ndarray:
    return (np.random.default_rng(seed).random(n_trials) < rare).astype(int)


def _signals(labels: np.ndarray, seed: int, size: float = 0.4) -> np.ndarray:
    """Return noise with a response in one of two channels, whose sign tells the label."""
    rng = np.random.default_rng(seed)
    response = np.exp(-0.5 * ((np.arange(80) / RATE - 0.4) / 0.06) ** 2) * np.array([[1.0], [0.3]])
    sign = np.where(labels == 1, 1.0, -1.0)[:, None, None]
    return (size * sign * response + rng.standard_normal((len(labels), 2, 80))).astype(np.float32)


LABELS, LATER = _labels(600, 0), _labels(600, 1)
SIGNALS, LATER_SIGNALS = _signals(LABELS, 2), _signals(LATER, 3)


def _build(name: str, balance: str = "none") -> Decoder[Any]:
    return decoder_settings(name, {**QUICK[name], **BALANCES[balance]}).build(RATE)


@pytest.fixture(scope="module")
def fitted() -> dict[tuple[str, str], Decoder[Any]]:
    return {(name, way): _build(name, way).fit(SIGNALS, LABELS) for name in QUICK for way in ("none", *WAYS)}


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("way", WAYS)
def test_balanced_accuracy_rises(fitted: dict[tuple[str, str], Decoder[Any]], name: str, way: str) -> None:
    without, balanced = (
        balanced_accuracy_score(LATER, fitted[name, chosen].predict(LATER_SIGNALS)) for chosen in ("none", way)
    )
    assert balanced > without + 0.03


@pytest.mark.parametrize("way", WAYS)
def test_probabilities_are_those_of_equally_frequent_classes(
    fitted: dict[tuple[str, str], Decoder[Any]], way: str
) -> None:
    # In a world where both occur as often, a label's probability is a half on average.
    world = balanced_weights(LATER, 2)[LATER]
    without, balanced = (fitted["lda", chosen].predict_proba(LATER_SIGNALS) for chosen in ("none", way))
    assert np.average(balanced[:, 1], weights=world) == pytest.approx(0.5, abs=0.07)
    assert np.average(without[:, 1], weights=world) < 0.43
    assert log_loss(LATER, balanced, sample_weight=world) < log_loss(LATER, without, sample_weight=world)


@pytest.mark.parametrize("name", ["lda", "sparse-cnn"])
@pytest.mark.parametrize("way", ["over", "under"])
def test_what_is_held_out_is_not_resampled(name: str, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[np.ndarray] = []

    def watched(scores: np.ndarray, codes: np.ndarray, *rest: Any) -> float:
        seen.append(codes)
        return best_temperature(scores, codes, *rest)

    monkeypatch.setattr("mindglyph.decoders.base.best_temperature", watched)
    _build(name, way).fit(SIGNALS, LABELS)
    _, held_out = last_block(len(LABELS), 0.15 if name == "sparse-cnn" else 0.2)
    np.testing.assert_array_equal(seen[0], LABELS[held_out])


@pytest.mark.parametrize("how", ["over", "under"])
def test_classes_come_out_of_one_size_and_in_the_order_of_recording(how: Any) -> None:
    places = np.arange(100, 400)
    chosen = resampled(places, LABELS, how, seed=0)
    counts = np.bincount(LABELS[places])
    assert np.bincount(LABELS[chosen]).tolist() == [counts.max() if how == "over" else counts.min()] * 2
    assert np.all(np.diff(chosen) >= 0)
    assert set(chosen) <= set(places)
    if how == "over":
        assert set(chosen) == set(places)
    else:
        assert len(set(chosen)) == len(chosen)
    np.testing.assert_array_equal(chosen, resampled(places, LABELS, how, seed=0))
    assert not np.array_equal(chosen, resampled(places, LABELS, how, seed=1))


def test_one_class_is_left_as_it_is() -> None:
    places = np.flatnonzero(LABELS == 0)
    np.testing.assert_array_equal(resampled(places, LABELS, "over", seed=0), places)


def test_all_classes_weigh_the_same() -> None:
    codes = np.repeat([0, 1, 3], [80, 15, 5])
    weights = balanced_weights(codes, 4)
    np.testing.assert_allclose(np.bincount(codes, minlength=4) * weights, [100 / 3, 100 / 3, 0, 100 / 3])
    assert weights[codes].mean() == pytest.approx(1)


@pytest.mark.parametrize("way", WAYS)
def test_classes_of_one_size_are_left_as_they_are(way: str) -> None:
    labels = np.tile([0, 1], 100)
    signals = _signals(labels, 5)
    # The blocks to learn from hold an even number of trials too.
    expected, found = (_build("lda", chosen).fit(signals, labels) for chosen in ("none", way))
    np.testing.assert_allclose(found.predict_proba(signals), expected.predict_proba(signals), rtol=1e-6)


def test_the_temperature_heeds_weights_as_it_would_heed_repeats() -> None:
    rng = np.random.default_rng(0)
    scores, codes = 3 * rng.normal(size=(500, 2)), rng.integers(2, size=500)
    repeated = np.repeat(np.arange(500), 1 + 2 * codes)
    assert best_temperature(scores, codes, weights=1.0 + 2 * codes) == pytest.approx(
        best_temperature(scores[repeated], codes[repeated]), rel=1e-4
    )


@pytest.mark.parametrize("way", WAYS)
def test_nothing_of_what_is_tested_is_touched(way: str, tmp_path: Path) -> None:
    settings = EvaluationSettings(decoder="lda", balance=way)
    trials = Trials.from_arrays(SIGNALS, LABELS, RATE, ["TP9", "TP10"])
    pipeline = settings.pipeline(RATE).fit(trials.select(np.arange(400)))
    tested = trials.select(np.arange(410, 500))
    probabilities, _ = pipeline.outputs(tested)
    assert len(probabilities) == 90
    # Nor does any one trial that is tested sway what another gets.
    np.testing.assert_allclose(pipeline.outputs(trials.select(np.arange(450, 500)))[0], probabilities[40:], rtol=1e-5)
    pipeline.save(tmp_path / "decoder.safetensors")
    back = DecodingPipeline.load(tmp_path / "decoder.safetensors")
    np.testing.assert_array_equal(back.outputs(tested)[0], probabilities)
    assert back.decoder.settings_ == pipeline.decoder.settings_


def test_chance_stays_what_must_be_beaten() -> None:
    for way in WAYS:
        chance = decoder_settings("chance", BALANCES[way]).build(RATE).fit(SIGNALS, LABELS)
        np.testing.assert_allclose(chance.predict_proba(LATER_SIGNALS)[0], 0.5, atol=0.02)
        assert np.all(chance.predict(LATER_SIGNALS) == 0)


def test_a_wrong_wish_is_explained() -> None:
    with pytest.raises(UserError, match="evaluate: balance: must be 'none', 'weights', 'over' or 'under'"):
        checked(EvaluationSettings, "evaluate", balance="smote")
    with pytest.raises(UserError, match="class_weight"):
        decoder_settings("lda", {"class_weight": "heavy"})


def test_no_trials_have_no_weight() -> None:
    assert balanced_weights(np.zeros(0, dtype=int), 3).tolist() == [0, 0, 0]
