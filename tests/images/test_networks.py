from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.files import write_arrays
from mindglyph.images.judge import Judge, JudgeSettings, packaged_judge
from mindglyph.images.sets import load_digits
from mindglyph.images.training import PictureTraining
from mindglyph.images.vae import ConditionalVAE, VAESettings, packaged_vae

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
    assert np.mean(packaged_judge().predict(drawn) == wanted) > 0.85
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


@pytest.mark.parametrize("kind", ["vae", "judge"])
def test_training_lowers_the_loss_repeats_and_survives_the_disk(tmp_path: Path, kind: str) -> None:
    digits = load_digits("test")
    if kind == "vae":
        networks = [ConditionalVAE(VAESettings(latent_dim=2, width=8, training=SHORT)) for _ in range(2)]
        histories = [vae.fit(digits.images, ONE_HOT[digits.labels], seed=1) for vae in networks]
        outputs = [vae.decode(np.ones((10, 2)), ONE_HOT) for vae in networks]
        networks[0].save(tmp_path / "x.safetensors")
        back = ConditionalVAE.load(tmp_path / "x.safetensors").decode(np.ones((10, 2)), ONE_HOT)
    else:
        judges = [Judge(JudgeSettings(width=4, training=SHORT)) for _ in range(2)]
        histories = [judge.fit(digits.images, digits.labels, seed=1) for judge in judges]
        outputs = [judge.predict_proba(digits.images[:50]) for judge in judges]
        judges[0].save(tmp_path / "x.safetensors")
        back = Judge.load(tmp_path / "x.safetensors").predict_proba(digits.images[:50])
    assert histories[0][1] < histories[0][0]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    np.testing.assert_array_equal(back, outputs[0])


def test_one_network_is_not_taken_for_another(tmp_path: Path) -> None:
    write_arrays(tmp_path / "x.safetensors", {"a": np.zeros(1)}, {"kind": "judge"})
    with pytest.raises(UserError, match="holds 'judge', not a conditional VAE"):
        ConditionalVAE.load(tmp_path / "x.safetensors")
    with pytest.raises(UserError, match="does not hold what a judge needs"):
        Judge.load(tmp_path / "x.safetensors")


def test_the_package_stays_small() -> None:
    data = Path(__file__).parents[2] / "src/mindglyph/images/data"
    assert (data / "digits.npz").stat().st_size < 3_000_000
    for name in ("judge.safetensors", "vae.safetensors"):
        assert (data / name).stat().st_size < 5_000_000
