from pathlib import Path

import numpy as np
import pytest

from mindglyph import Trials
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings, cross_validate, evaluated_trials, score_pictures
from mindglyph.images.judge import packaged_judge
from mindglyph.images.sets import load_digits
from mindglyph.images.vae import packaged_vae
from mindglyph.reconstruction import Reconstructions, Reconstructor, reconstruct_run
from mindglyph.runs import Folds, Run
from mindglyph.store import Store


def test_a_decided_decoder_draws_its_digit_and_an_undecided_one_a_blur() -> None:
    reconstructor = Reconstructor(packaged_vae())
    embedding = np.zeros((10, 3))
    drawn, deviation = reconstructor.draw(np.eye(10), embedding)
    assert packaged_judge().predict(drawn).tolist() == list(range(10))
    assert deviation.max() < 1e-3
    blur, uncertain = reconstructor.draw(np.full((10, 10), 0.1), embedding)
    assert np.count_nonzero(blur[0] > 0.9) == 0
    assert np.count_nonzero(drawn > 0.9, axis=(1, 2)).min() > 10
    assert uncertain.max() > 0.3
    # However undecided: the picture is the mean of the ten.
    np.testing.assert_allclose(blur[0], drawn.mean(axis=0), atol=1e-6)


def test_the_hand_is_learned_from_an_embedding_that_holds_it() -> None:
    digits = load_digits("train")
    places = np.random.default_rng(0).permutation(len(digits))[:1500]
    images, labels = digits.images[places], digits.labels[places]
    one_hot = np.eye(10)[labels]
    latent = packaged_vae().encode(images, one_hot)
    rng = np.random.default_rng(1)
    embedding = latent @ rng.normal(size=(latent.shape[1], 20)) + 0.1 * rng.normal(size=(1500, 20))
    reconstructor = Reconstructor(packaged_vae()).fit(embedding[:1000], labels[:1000], images[:1000])
    drawn, _ = reconstructor.draw(one_hot[1000:], embedding[1000:])

    def error(pictures: np.ndarray) -> float:
        return float(np.mean((pictures - images[1000:] / 255) ** 2))

    assert error(drawn) < 0.5 * error(reconstructor.typical(one_hot[1000:]))


def test_an_embedding_that_holds_nothing_leaves_the_typical_hand() -> None:
    digits = load_digits("train")
    embedding = np.random.default_rng(0).normal(size=(2000, 20))
    reconstructor = Reconstructor(packaged_vae()).fit(embedding, digits.labels[:2000], digits.images[:2000])
    drawn, _ = reconstructor.draw(np.eye(10), np.random.default_rng(1).normal(size=(10, 20)))
    assert np.abs(drawn - reconstructor.typical(np.eye(10))).mean() < 0.02


@pytest.fixture(scope="module")
def reconstructed(pictured: Store, tmp_path_factory: pytest.TempPathFactory) -> Reconstructions:
    settings = EvaluationSettings(decoder="lda", folds=3, permutations=200)
    run = Run.start(tmp_path_factory.mktemp("reconstruction") / "run", {})
    cross_validate(pictured, settings, run)
    trials = evaluated_trials(pictured)
    return reconstruct_run(run.folds("blocked"), trials, settings.plan(trials), packaged_vae())


def test_a_planted_picture_is_found_again(reconstructed: Reconstructions, pictured: Store) -> None:
    np.testing.assert_array_equal(reconstructed.trial, np.arange(1200))
    np.testing.assert_array_equal(reconstructed.seen, pictured.trials().images)
    scores = score_pictures(reconstructed, packaged_judge(), 200, seed=0)
    assert scores["identification_p_value"] < 0.01
    assert scores["gain_beyond_digit"] > 0
    assert scores["gain_p_value"] < 0.01


def test_the_pictures_survive_the_disk(reconstructed: Reconstructions, tmp_path: Path) -> None:
    reconstructed.save(tmp_path / "pictures.npz")
    back = Reconstructions.load(tmp_path / "pictures.npz")
    np.testing.assert_array_equal(back.seen, reconstructed.seen)
    np.testing.assert_array_equal(back.probabilities, reconstructed.probabilities)
    np.testing.assert_allclose(back.drawn, reconstructed.drawn, atol=0.5 / 255 + 1e-6)
    (tmp_path / "pictures.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match="pictures.npz: cannot be read"):
        Reconstructions.load(tmp_path / "pictures.npz")


def test_faces_cannot_be_drawn(tmp_path: Path) -> None:
    trials = Trials.from_arrays(np.zeros((4, 1, 100)), np.array(["face", "house"] * 2), 100.0, ["FP1"])
    with pytest.raises(UserError, match="digits 0 to 9 only"):
        reconstruct_run(Folds(tmp_path), trials, [], packaged_vae())
