from pathlib import Path

import numpy as np
import pytest

from mindglyph import Trials
from mindglyph.decoders import DecodingPipeline
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings, cross_validate, evaluated_trials, score_pictures
from mindglyph.images.judge import packaged_judge
from mindglyph.images.sets import load_digits
from mindglyph.images.vae import packaged_vae
from mindglyph.reconstruction import (
    PictureBank,
    Reconstructions,
    ReconstructionSettings,
    Reconstructor,
    draw_trials,
    reconstruct_run,
)
from mindglyph.runs import Folds, Run
from mindglyph.store import Store

SETTINGS = ReconstructionSettings(alignment=("ridge",), each=60)


@pytest.fixture(scope="module")
def bank() -> PictureBank:
    return PictureBank.draw(packaged_vae(), packaged_vae(), 60, seed=0)


def test_a_decided_decoder_draws_its_digit_and_an_undecided_one_a_blur(bank: PictureBank) -> None:
    reconstructor = Reconstructor(bank, packaged_vae(), SETTINGS)
    embedding = np.zeros((10, 3))
    drawn = reconstructor.drawn(np.eye(10), embedding)
    # The likeliest picture is one of the digit, and one that the judge reads as such.
    assert (drawn["candidates"][:, 0] // 60).tolist() == list(range(10))
    read = packaged_judge().predict(bank.images[drawn["candidates"][:, 0]] / 255)
    assert np.mean(read == np.arange(10)) >= 0.9
    blur = reconstructor.drawn(np.full((10, 10), 0.1), embedding)
    # However undecided: the picture is the mean of the ten.
    np.testing.assert_allclose(blur["drawn"][0], drawn["drawn"].mean(axis=0), atol=1e-5)
    assert blur["deviation"].mean() > drawn["deviation"].mean()


def test_the_hand_is_learned_from_an_embedding_that_holds_it(bank: PictureBank) -> None:
    digits = load_digits("train")
    places = np.random.default_rng(0).permutation(len(digits))[:1500]
    images, labels = digits.images[places], digits.labels[places]
    one_hot = np.eye(10)[labels]
    latent = packaged_vae().encode(images, one_hot)
    rng = np.random.default_rng(1)
    embedding = latent @ rng.normal(size=(latent.shape[1], 20)) + 0.5 * rng.normal(size=(1500, 20))
    reconstructor = Reconstructor(bank, packaged_vae(), SETTINGS).fit(embedding[:1000], labels[:1000], images[:1000])
    assert reconstructor.reader.way_ == "ridge"
    drawn = reconstructor.drawn(one_hot[1000:], embedding[1000:])

    def error(pictures: np.ndarray) -> float:
        return float(np.mean((pictures - images[1000:] / 255) ** 2))

    assert error(drawn["drawn"]) < 0.85 * error(reconstructor.label_only(one_hot[1000:]))


def test_an_embedding_that_holds_nothing_leaves_what_the_label_says(bank: PictureBank) -> None:
    digits = load_digits("train")
    rng = np.random.default_rng(0)
    reconstructor = Reconstructor(bank, packaged_vae(), SETTINGS)
    reconstructor.fit(rng.normal(size=(2000, 20)), digits.labels[:2000], digits.images[:2000])
    drawn = reconstructor.drawn(np.eye(10), rng.normal(size=(10, 20)))["drawn"]
    assert np.abs(drawn - reconstructor.label_only(np.eye(10))).mean() < 0.01


@pytest.fixture(scope="module")
def decoded(pictured: Store, tmp_path_factory: pytest.TempPathFactory) -> tuple[Folds, Trials, EvaluationSettings]:
    settings = EvaluationSettings(decoder="lda", folds=3, permutations=200)
    run = Run.start(tmp_path_factory.mktemp("reconstruction") / "run", {})
    cross_validate(pictured, settings, run)
    return run.folds("blocked"), evaluated_trials(pictured), settings


@pytest.fixture(scope="module")
def reconstructed(decoded: tuple[Folds, Trials, EvaluationSettings]) -> Reconstructions:
    folds, trials, settings = decoded
    return reconstruct_run(folds, trials, settings.plan(trials), packaged_vae(), packaged_vae(), SETTINGS)


def test_a_planted_picture_is_found_again(reconstructed: Reconstructions, pictured: Store) -> None:
    np.testing.assert_array_equal(reconstructed.trial, np.arange(1200))
    np.testing.assert_array_equal(reconstructed.seen, pictured.trials().images)
    assert set(reconstructed.alignments) == {"ridge"}
    scores = score_pictures(reconstructed, packaged_judge(), 200, 0, pictured.truth["ceiling"])
    assert scores["identification"]["10"]["p_value"] < 0.01
    assert scores["within_digit"]["2"]["p_value"] < 0.01
    assert scores["gain"]["over_label_only"] > 0
    assert scores["gain"]["p_value"] < 0.01
    likeness = scores["similarity"]["correlation"]
    assert likeness["label_only"] < likeness["drawn"] < likeness["ceiling"]


def test_the_label_mode_leaves_the_picture_to_the_label(decoded: tuple[Folds, Trials, EvaluationSettings]) -> None:
    folds, trials, settings = decoded
    label = SETTINGS.model_copy(update={"mode": "label"})
    drawn = reconstruct_run(folds, trials, settings.plan(trials), packaged_vae(), packaged_vae(), label)
    np.testing.assert_array_equal(drawn.drawn, drawn.label_only)
    assert set(drawn.alignments) == {"none"}


def test_a_decoder_that_guesses_abstains(none: Store, tmp_path: Path) -> None:
    settings = EvaluationSettings(decoder="lda", folds=2)
    run = Run.start(tmp_path / "run", {})
    cross_validate(none, settings, run)
    trials = evaluated_trials(none)
    drawn = reconstruct_run(
        run.folds("blocked"), trials, settings.plan(trials), packaged_vae(), packaged_vae(), SETTINGS
    )
    assert drawn.accepted.mean() < 0.3


def test_new_trials_are_drawn_by_one_decoder(
    decoded: tuple[Folds, Trials, EvaluationSettings], bank: PictureBank
) -> None:
    folds, trials, _ = decoded
    pipeline = DecodingPipeline.load(folds.decoder(0))
    drawn = draw_trials(
        pipeline, trials.view(np.arange(50)), packaged_vae(), Reconstructor(bank, packaged_vae(), SETTINGS)
    )
    assert len(drawn) == 50
    assert drawn.accepted.all()
    np.testing.assert_allclose(drawn.probabilities, pipeline.outputs(trials.view(np.arange(50)))[0])


def test_the_pictures_survive_the_disk(reconstructed: Reconstructions, tmp_path: Path) -> None:
    reconstructed.save(tmp_path / "pictures.npz")
    back = Reconstructions.load(tmp_path / "pictures.npz")
    for name in ("seen", "probabilities", "accepted", "candidates", "weights", "bank", "alignments"):
        np.testing.assert_array_equal(getattr(back, name), getattr(reconstructed, name))
    np.testing.assert_allclose(back.drawn, reconstructed.drawn, atol=0.5 / 255 + 1e-6)
    (tmp_path / "pictures.npz").write_bytes(b"PK\x03\x04")
    with pytest.raises(UserError, match="pictures.npz: cannot be read"):
        Reconstructions.load(tmp_path / "pictures.npz")
    np.savez(tmp_path / "pictures.npz", drawn=np.zeros(3))
    with pytest.raises(UserError, match="pictures.npz: cannot be read"):
        Reconstructions.load(tmp_path / "pictures.npz")


def test_what_cannot_be_drawn_is_said(tmp_path: Path) -> None:
    trials = Trials.from_arrays(np.zeros((4, 1, 100)), np.array(["face", "house"] * 2), 100.0, ["FP1"])
    with pytest.raises(UserError, match="the generator draws 0, 1, .*, and these trials show face, house: train one"):
        reconstruct_run(Folds(tmp_path), trials, [], packaged_vae(), packaged_vae())
    trials = Trials.from_arrays(np.zeros((4, 1, 100)), np.array([3, 7] * 2), 100.0, ["FP1"])
    image = SETTINGS.model_copy(update={"mode": "image"})
    with pytest.raises(UserError, match="does not say which picture was shown: leave out --mode image"):
        reconstruct_run(Folds(tmp_path), trials, [], packaged_vae(), packaged_vae(), image)
