"""Draws what was seen in every tested trial, each by the decoder of its own fold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Literal

import numpy as np
from pydantic import Field

from mindglyph.decoders import DecodingPipeline
from mindglyph.errors import UserError
from mindglyph.images.generators import Generator
from mindglyph.images.vae import ConditionalVAE
from mindglyph.reconstruction.bank import PictureBank
from mindglyph.reconstruction.hands import AlignmentName, HandReader
from mindglyph.reconstruction.reconstructions import Reconstructions
from mindglyph.reconstruction.unfinished import Kept
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
    each: int = Field(300, ge=10)
    candidates: int = Field(4, ge=1)
    seed: int = Field(0, ge=0)


class Reconstructor:
    """Draws what was seen from probabilities and embedding.

    Parameters
    ----------
    bank : PictureBank
        What may have been seen.
    encoder : ConditionalVAE or None
        What reads the hand of a picture; without one no hand is read.
    settings : ReconstructionSettings
        How pictures are drawn.
    """

    def __init__(
        self, bank: PictureBank, encoder: ConditionalVAE | None, settings: ReconstructionSettings | None = None
    ) -> None:
        self.bank = bank
        self._encoder = encoder
        self.settings = settings or ReconstructionSettings()
        self.reader = HandReader(self.settings.alignment, self.settings.seed)

    def fit(self, embedding: np.ndarray, digits: np.ndarray, images: np.ndarray) -> Reconstructor:
        """Learn how the embedding tells the hand.

        Parameters
        ----------
        embedding : ndarray, shape (n_trials, n_features)
            Of the training trials, in the order of recording.
        digits : ndarray, shape (n_trials,)
            Digits shown, as the generator numbers them.
        images : ndarray, shape (n_trials, 28, 28)
            Pictures shown, uint8.

        Returns
        -------
        Reconstructor
            Itself.
        """
        if self._encoder is not None:
            hands = self._encoder.encode(images, np.eye(self.bank.n_digits, dtype=np.float32)[digits])
            self.reader.fit(embedding, digits, hands)
        return self

    def shares(self, probabilities: np.ndarray, embedding: np.ndarray) -> np.ndarray:
        """Return how probable each picture of the bank is in each trial: (n_trials, n_pictures).

        Parameters
        ----------
        probabilities : ndarray, shape (n_trials, n_classes)
            What was decoded.
        embedding : ndarray, shape (n_trials, n_features)
            What the decoder made of the trials.

        Returns
        -------
        ndarray, shape (n_trials, n_pictures)
            Each row has the sum 1.
        """
        each = len(self.bank) // self.bank.n_digits
        return self.bank.shares(probabilities, self.reader.log_likelihoods(embedding, self.bank.hands, each))

    def drawn(self, probabilities: np.ndarray, embedding: np.ndarray) -> dict[str, np.ndarray]:
        """Return `drawn`, `deviation`, `candidates` and `weights`, as `Reconstructions` hold them.

        Parameters
        ----------
        probabilities : ndarray, shape (n_trials, n_classes)
            What was decoded.
        embedding : ndarray, shape (n_trials, n_features)
            What the decoder made of the trials.

        Returns
        -------
        dict of str to ndarray
            By name.
        """
        shares = self.shares(probabilities, embedding)
        mean, deviation = self.bank.mixed(shares)
        candidates, weights = self.bank.candidates(shares, min(self.settings.candidates, self.bank.n_digits))
        return {"drawn": mean, "deviation": deviation, "candidates": candidates, "weights": weights}

    def label_only(self, probabilities: np.ndarray) -> np.ndarray:
        """Draw from the probabilities alone: (n_trials, 28, 28)."""
        return self.bank.mixed(self.bank.shares(probabilities))[0]


def reconstruct_run(
    finished: Folds,
    trials: Trials,
    folds: Sequence[tuple[np.ndarray, np.ndarray]],
    generator: Generator,
    encoder: ConditionalVAE | None,
    settings: ReconstructionSettings | None = None,
    report: Callable[[int, int], None] | None = None,
    kept: Kept | None = None,
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
    encoder : ConditionalVAE or None
        What reads the hand of a picture; without one no hand is read.
    settings : ReconstructionSettings, optional
        How pictures are drawn.
    report : callable, optional
        Called with the folds drawn and in all.
    kept : Kept, optional
        Of the same question, whose parts are not drawn again.

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
    digits_of(trials.labels, generator)
    if settings.mode == "image" and trials.images is None:
        raise UserError("the recording does not say which picture was shown: leave out --mode image")
    kept = kept or Kept()
    bank = kept.bank(lambda: PictureBank.draw(generator, encoder, settings.each, settings.seed))

    def drawn(number: int) -> Reconstructions:
        return _fold(finished, number, trials, folds[number], generator, Reconstructor(bank, encoder, settings))

    parts = []
    for number in range(len(folds)):
        parts.append(kept.fold(number, bank, partial(drawn, number)))
        if report is not None:
            report(number + 1, len(folds))
    return Reconstructions.joined(parts).in_order()


def _fold(
    finished: Folds,
    number: int,
    trials: Trials,
    fold: tuple[np.ndarray, np.ndarray],
    generator: Generator,
    reconstructor: Reconstructor,
) -> Reconstructions:
    """Draw the tested trials of one fold."""
    train, test = fold
    pipeline = DecodingPipeline.load(finished.decoder(number))
    learned = trials.view(train)
    if reconstructor.settings.mode != "label" and learned.images is not None:
        few = learned.view(np.unique(np.linspace(0, len(learned) - 1, _MOST_TRIALS).round().astype(int)))
        embedding = pipeline.outputs(few)[1]
        reconstructor.fit(embedding, digits_of(few.labels, generator), np.array(few.images))
    drawn = draw_trials(pipeline, trials.view(test), generator, reconstructor, finished.about(number).get("confidence"))
    changed: dict[str, Any] = {"trial": test, "fold": np.full(len(test), number)}
    if learned.images is not None:
        means = [_mean_picture(learned, label) for label in _labels(trials.labels, generator)]
        changed["class_mean"] = np.einsum("nk,khw->nhw", drawn.probabilities, np.stack(means)).astype(np.float32)
    return replace(drawn, **changed)


def draw_trials(
    pipeline: DecodingPipeline,
    tested: Trials,
    generator: Generator,
    reconstructor: Reconstructor,
    least_confidence: float | None = None,
) -> Reconstructions:
    """Draw trials that one decoder has not learned from.

    Parameters
    ----------
    pipeline : DecodingPipeline
        The decoder.
    tested : Trials
        The trials.
    generator : Generator
        Whose digits the reconstructor's bank holds.
    reconstructor : Reconstructor
        Fitted to the decoder's embeddings, if the hand is to be read from them.
    least_confidence : float or None
        Below which nothing is shown; None shows everything.

    Returns
    -------
    Reconstructions
        As of one fold; `class_mean` is the same as `label_only`.
    """
    by_class, embedding = pipeline.outputs(tested)
    probabilities = np.zeros((len(tested), generator.settings.n_classes))
    probabilities[:, digits_of(pipeline.decoder.classes_, generator)] = by_class
    parts = np.array_split(np.arange(len(tested)), -(-len(tested) // _AT_ONCE))
    drawn = [reconstructor.drawn(probabilities[part], embedding[part]) for part in parts]
    label_only = reconstructor.label_only(probabilities)
    return Reconstructions(
        trial=np.arange(len(tested)),
        fold=np.zeros(len(tested), dtype=np.int64),
        labels=digits_of(tested.labels, generator),
        probabilities=probabilities,
        accepted=probabilities.max(axis=1) >= (least_confidence or 0.0),
        **{name: np.concatenate([part[name] for part in drawn]) for name in drawn[0]},
        label_only=label_only,
        class_mean=label_only,
        bank=reconstructor.bank.images,
        alignments=np.array([reconstructor.reader.way_]),
        seen=None if tested.images is None else np.asarray(tested.images),
    )


def digits_of(labels: np.ndarray, generator: Generator) -> np.ndarray:
    """Return the generator's number of each label: (n_labels,).

    Parameters
    ----------
    labels : ndarray, shape (n_labels,)
        Of a decoder.
    generator : Generator
        What is to draw them.

    Returns
    -------
    ndarray of int, shape (n_labels,)
        As the generator counts them.

    Raises
    ------
    UserError
        If the generator does not know one.
    """
    places = {name: place for place, name in enumerate(generator.labels)}
    known, codes = np.unique(labels, return_inverse=True)
    unknown = [str(label) for label in known.tolist() if str(label) not in places]
    if unknown:
        raise UserError(
            f"the generator draws {', '.join(places)}, and these trials show {', '.join(unknown[:3])}: "
            "train one on pictures of these labels with 'mindglyph images train'"
        )
    return np.array([places[str(label)] for label in known.tolist()])[codes]


def _labels(labels: np.ndarray, generator: Generator) -> list[Any]:
    """Return the label, as the trials have it, of each of the generator's digits; None where no trial has it."""
    known = {str(label): label for label in np.unique(labels).tolist()}
    return [known.get(name) for name in generator.labels]


def _mean_picture(trials: Trials, label: Any) -> np.ndarray:
    assert trials.images is not None
    places = np.flatnonzero(trials.labels == label)
    return trials.images[places].mean(axis=0) / 255 if len(places) else np.zeros((28, 28))
