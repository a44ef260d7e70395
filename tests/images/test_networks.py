from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.files import write_arrays
from mindglyph.images.judge import Judge, JudgeSettings, packaged_judge
from mindglyph.images.sets import load_digits
from mindglyph.images.training import PictureTraining
from mindglyph.images.vae import VAESettings, packaged_vae
from mindglyph.images.vae_network import Hands

SHORT = PictureTraining(epochs=2, batch_size=64)
ONE_HOT = np.eye(10, dtype=np.float32)


def test_the_packaged_judge_reads_the_test_digits() -> None:
    digits = load_digits("test")
    assert np.mean(packaged_judge().predict(digits.images) == digits.labels) >= 0.985


def test_the_judge_takes_both_scales_of_grey() -> None:
    images = load_digits("test").images[:20]
    np.testing.assert_allclose(
        packaged_judge().predict_proba(images), packaged_judge().predict_proba(images / 255), atol=1e-5
    )


def test_the_packaged_generator_draws_what_it_is_asked_for() -> None:
    wanted = np.repeat(np.arange(10), 30)
    typical = packaged_vae().decode(np.zeros((10, packaged_vae().settings.latent_dim)), ONE_HOT)
    assert packaged_judge().predict(typical).tolist() == list(range(10))
    drawn = packaged_vae().sample(ONE_HOT[wanted], np.random.default_rng(0))
    assert np.mean(packaged_judge().predict(drawn) == wanted) > 0.97
    assert drawn.min() >= 0
    assert drawn.max() <= 1


def test_the_latent_holds_the_hand() -> None:
    digits = load_digits("test")
    vae, condition = packaged_vae(), ONE_HOT[digits.labels]
    again = vae.decode(vae.encode(digits.images, condition), condition)
    typical = vae.decode(np.zeros((len(digits), vae.settings.latent_dim)), condition)

    def error(drawn: np.ndarray) -> float:
        return float(np.mean((drawn - digits.images / 255) ** 2))

    assert error(again) < 0.35 * error(typical)


def test_training_lowers_the_loss_repeats_and_survives_the_disk(tmp_path: Path) -> None:
    digits = load_digits("test")
    judges = [Judge(JudgeSettings(width=4, training=SHORT)) for _ in range(2)]
    histories = [judge.fit(digits.images, digits.labels, seed=1) for judge in judges]
    outputs = [judge.predict_proba(digits.images[:50]) for judge in judges]
    judges[0].save(tmp_path / "x.safetensors")
    back = Judge.load(tmp_path / "x.safetensors").predict_proba(digits.images[:50])
    assert histories[0][1] < histories[0][0]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(back, outputs[0])


def test_the_judges_features_decide() -> None:
    images = load_digits("test").images[:20]
    features = packaged_judge().features(images)
    assert features.shape == (20, 512)
    np.testing.assert_allclose(packaged_judge().decided(features), packaged_judge().predict_proba(images), atol=1e-6)


def test_the_vae_learns_two_hands_of_a_digit() -> None:
    rng = np.random.default_rng(0)
    hands = Hands(VAESettings(latent_dim=2, hands=2))
    latents = np.concatenate([rng.normal([-5, 0], 0.1, (200, 2)), rng.normal([5, 0], 0.1, (200, 2))])
    hands.learn(latents, np.zeros(400, dtype=int), seed=0)
    drawn = hands.drawn(np.zeros(300, dtype=int), rng)
    assert np.all(np.abs(np.abs(drawn[:, 0]) - 5) < 1)
    assert 0.3 < np.mean(drawn[:, 0] > 0) < 0.7
    # A digit without pictures keeps the standard normal distribution.
    np.testing.assert_allclose(hands.drawn(np.ones(4000, dtype=int), rng).std(axis=0), 1, atol=0.05)


def test_a_damaged_judge_is_refused(tmp_path: Path) -> None:
    write_arrays(tmp_path / "x.safetensors", {"a": np.zeros(1)}, {"kind": "judge"})
    with pytest.raises(UserError, match="does not hold what a judge needs"):
        Judge.load(tmp_path / "x.safetensors")


def test_the_package_stays_small() -> None:
    data = Path(__file__).parents[2] / "src/mindglyph/images/data"
    assert (data / "digits.npz").stat().st_size < 3_000_000
    assert (data / "judge.safetensors").stat().st_size < 5_000_000
