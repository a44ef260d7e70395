"""Pictures are drawn by whatever decoder there is, of whatever headset."""

import numpy as np
import pytest

from mindglyph.evaluation import EvaluationSettings, evaluated_trials
from mindglyph.images.vae import packaged_vae
from mindglyph.reconstruction import PictureBank, ReconstructionSettings, Reconstructor, draw_trials
from mindglyph.store import Store
from tests.decoders.quick import QUICK

SETTINGS = ReconstructionSettings(alignment=("ridge",), each=20)


@pytest.fixture(scope="module")
def bank() -> PictureBank:
    return PictureBank.draw(packaged_vae(), packaged_vae(), SETTINGS.each, seed=0)


# Of the networks one is enough for every run: their embeddings differ in length only.
_TAKES_LONG = [name for name in QUICK if "training" in QUICK[name] and name != "sparse-cnn"]


@pytest.mark.parametrize(
    "decoder", [pytest.param(name, marks=pytest.mark.slow) if name in _TAKES_LONG else name for name in QUICK]
)
def test_pictures_are_drawn_from_every_decoders_embedding(decoder: str, signal: Store, bank: PictureBank) -> None:
    trials = evaluated_trials(signal)
    learned, tested = trials.view(np.arange(120)), trials.view(np.arange(140, 170))
    pipeline = EvaluationSettings(decoder=decoder, decoder_settings=QUICK[decoder]).pipeline(trials.sfreq).fit(learned)
    reconstructor = Reconstructor(bank, packaged_vae(), SETTINGS)
    reconstructor.fit(pipeline.outputs(learned)[1], learned.labels, np.array(learned.images))
    drawn = draw_trials(pipeline, tested, packaged_vae(), reconstructor)
    assert drawn.drawn.shape == (30, 28, 28)
    assert np.isfinite(drawn.drawn).all()
    np.testing.assert_allclose(drawn.probabilities.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("format", ["mu", "in", pytest.param("muse2", marks=pytest.mark.slow)])
def test_pictures_are_drawn_of_every_headset(format: str, world: object, bank: PictureBank) -> None:
    trials = evaluated_trials(world(format=format, events=300, ceiling=0.9, seed=6))
    learned, tested = trials.view(np.arange(100)), trials.view(np.arange(110, 140))
    pipeline = EvaluationSettings(decoder="lda").pipeline(trials.sfreq).fit(learned)
    drawn = draw_trials(pipeline, tested, packaged_vae(), Reconstructor(bank, packaged_vae(), SETTINGS))
    assert drawn.drawn.shape == (30, 28, 28)
    assert drawn.seen is not None
