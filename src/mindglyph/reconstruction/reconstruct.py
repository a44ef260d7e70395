"""Draws what was seen in every tested trial, each by the decoder of its own fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from mindglyph.decoders import DecodingPipeline
from mindglyph.errors import UserError
from mindglyph.images.generators import Generator
from mindglyph.images.vae import ConditionalVAE
from mindglyph.reconstruction.bank import PictureBank
from mindglyph.reconstruction.hands import AlignmentName, HandReader
from mindglyph.reconstruction.reconstructions import Reconstructions
from mindglyph.runs import Folds
from mindglyph.settings import Settings
from mindglyph.trials import Trials

_MOST_TRIALS = 20_000
"""Training trials, evenly spaced, that the hand is learned from."""

_AT_ONCE = 1000  # trials whose pictures are weighed


class ReconstructionSettings(Settings):
    """How pictures are drawn.

    Attributes
    ----------
    mode : {"auto", "label", "image"}
        `label` draws from the probabilities of the digits alone; `image` from what the embedding
        tells of the very picture besides; `auto` is `image` where the pictures shown are known.
    alignment : tuple of AlignmentName
        Ways of reading the hand from the embedding, among which a stretch held out of the
        training trials chooses.
    each : int
        Pictures of each digit that are drawn once and weighed by every trial.
    candidates : int
        Digits of which a picture is shown for each trial.
    seed : int
        Of all that is random.
    """

    mode: Literal["auto", "label", "image"] = "auto"
    alignment: tuple[AlignmentName, ...] = ("ridge", "network")
    each: int = Field(200, ge=10)
    candidates: int = Field(4, ge=1)
    seed: int = Field(0, ge=0)


class Reconstructor:
    """Draws what was seen from probabilities and embedding.

    Parameters
    ----------
    bank : PictureBank
        What may have been seen.
    encoder : ConditionalVAE
        What reads the hand of a picture.
    settings : ReconstructionSettings
        How pictures are drawn.
    """

    def __init__(
        self, bank: PictureBank, encoder: ConditionalVAE, settings: ReconstructionSettings | None = None
    ) -> None:
        self._bank = bank
        self._encoder = encoder
        self._settings = settings or ReconstructionSettings()
        self.reader = HandReader(self._settings.alignment, self._settings.seed)

    def fit(self, embedding: np.ndarray, labels: np.ndarray, images: np.ndarray) -> Reconstructor:
        """Learn how the embedding tells the hand.

        Parameters
        ----------
        embedding : ndarray, shape (n_trials, n_features)
            Of the training trials, in the order of recording.
        labels : ndarray, shape (n_trials,)
            Digits shown.
        images : ndarray, shape (n_trials, 28, 28)
            Pictures shown, uint8.

        Returns
        -------
        Reconstructor
            Itself.
        """
        hands = self._encoder.encode(images, np.eye(self._bank.n_digits, dtype=np.float32)[labels])
        self.reader = HandReader(self._settings.alignment, self._settings.seed).fit(embedding, labels, hands)
        return self

    def shares(self, probabilities: np.ndarray, embedding: np.ndarray) -> np.ndarray:
        """Return how probable each picture of the bank is in each trial: (n_trials, n_pictures)."""
        return self._bank.shares(probabilities, self.reader.log_likelihoods(embedding, self._bank.hands))

    def draw(self, probabilities: np.ndarray, embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the mean picture of each trial and how uncertain each pixel is.

        Parameters
        ----------
        probabilities : ndarray, shape (n_trials, n_digits)
            Of each digit.
        embedding : ndarray, shape (n_trials, n_features)
            Of the same trials.

        Returns
        -------
        drawn, deviation : ndarray, shape (n_trials, 28, 28)
            Mean and standard deviation over the pictures that it may be, between 0 and 1.
        """
        return self._bank.mixed(self.shares(probabilities, embedding))

    def label_only(self, probabilities: np.ndarray) -> np.ndarray:
        """Draw from the probabilities alone: (n_trials, 28, 28)."""
        return self._bank.mixed(self._bank.shares(probabilities))[0]


def reconstruct_run(
    finished: Folds,
    trials: Trials,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    generator: Generator,
    encoder: ConditionalVAE,
    settings: ReconstructionSettings | None = None,
    report: Callable[[int, int], None] | None = None,
) -> Reconstructions:
    """Draw every tested trial of a run, each with its own fold's decoder.

    Parameters
    ----------
    finished : Folds
        The finished folds.
    trials : Trials
        The evaluated trials.
    folds : sequence of (train, test)
        Places of the trials of each fold.
    generator : Generator
        What draws.
    encoder : ConditionalVAE
        What reads the hand of a picture.
    settings : ReconstructionSettings, optional
        How pictures are drawn.
    report : callable, optional
        Called with the folds drawn and in all.

    Returns
    -------
    Reconstructions
        Of all tested trials in the order of recording.

    Raises
    ------
    UserError
        If the labels are not the generator's digits, or `image` is asked for and no pictures are known.
    """
    settings = settings or ReconstructionSettings()
    n_digits = generator.settings.n_classes
    if not set(np.unique(trials.labels).tolist()) <= set(range(n_digits)):
        raise UserError(f"pictures can be drawn of the digits 0 to {n_digits - 1} only: these trials have other labels")
    if settings.mode == "image" and trials.images is None:
        raise UserError("the recording does not say which picture was shown: leave out --mode image")
    bank = PictureBank.draw(generator, encoder, settings.each, settings.seed)
    parts = []
    for number, (train, test) in enumerate(folds):
        reconstructor = Reconstructor(bank, encoder, settings)
        parts.append(_reconstruct_fold(finished, trials, number, (train, test), reconstructor, bank, settings))
        if report is not None:
            report(number + 1, len(folds))
    return Reconstructions.joined(parts).in_order()


def _reconstruct_fold(
    finished: Folds,
    trials: Trials,
    number: int,
    fold: tuple[np.ndarray, np.ndarray],
    reconstructor: Reconstructor,
    bank: PictureBank,
    settings: ReconstructionSettings,
) -> Reconstructions:
    pipeline = DecodingPipeline.load(finished.decoder(number))
    learned, tested = (trials.view(places) for places in fold)
    if settings.mode != "label" and learned.images is not None:
        few = learned.view(np.unique(np.linspace(0, len(learned) - 1, _MOST_TRIALS).round().astype(int)))
        reconstructor.fit(pipeline.outputs(few)[1], few.labels, np.asarray(few.images))
    by_class, embedding = pipeline.outputs(tested)
    probabilities = np.zeros((len(tested), bank.n_digits))
    probabilities[:, pipeline.decoder.classes_] = by_class
    threshold = finished.about(number).get("confidence")
    least = 0.0 if threshold is None else threshold
    drawn = [
        _drawn(reconstructor, bank, probabilities[part], embedding[part], settings.candidates)
        for part in np.array_split(np.arange(len(tested)), -(-len(tested) // _AT_ONCE))
    ]
    label_only = class_mean = reconstructor.label_only(probabilities)
    if learned.images is not None:
        means = np.stack([_mean_picture(learned, digit) for digit in range(bank.n_digits)])
        class_mean = np.einsum("nk,khw->nhw", probabilities, means).astype(np.float32)
    return Reconstructions(
        trial=fold[1],
        fold=np.full(len(tested), number),
        labels=tested.labels,
        probabilities=probabilities,
        accepted=probabilities.max(axis=1) >= least,
        **{name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]},
        label_only=label_only,
        class_mean=class_mean,
        bank=bank.images,
        alignments=np.array([reconstructor.reader.way_]),
        seen=None if tested.images is None else np.asarray(tested.images),
    )


def _drawn(
    reconstructor: Reconstructor, bank: PictureBank, probabilities: np.ndarray, embedding: np.ndarray, count: int
) -> dict[str, np.ndarray]:
    shares = reconstructor.shares(probabilities, embedding)
    mean, deviation = bank.mixed(shares)
    candidates, weights = bank.candidates(shares, count)
    return {"drawn": mean, "deviation": deviation, "candidates": candidates, "weights": weights}


def _mean_picture(trials: Trials, digit: int) -> np.ndarray:
    assert trials.images is not None
    places = np.flatnonzero(trials.labels == digit)
    return trials.images[places].mean(axis=0) / 255 if len(places) else np.zeros((28, 28))
