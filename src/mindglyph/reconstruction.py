"""From what was decoded to the picture that was seen, with its uncertainty.

The picture is the mean of what the generator draws for every digit, each weighted with its
probability. A decided decoder gives one clear digit; an undecided one gives many digits laid
over one another, a grey blur, because that is the best that can be said of the picture. It
never draws the likeliest digit as if it were certain. The probabilities are calibrated in the
training fold for this very reason: without a signal they come out nearly equal.

What the label leaves open (slant, width, hand) comes from the embedding: where the pictures
shown are known, a ridge regression maps the embedding to the generator's latent, fitted in
the training fold, with a penalty that shrinks it to the typical hand where the embedding
tells nothing. Where they are not known, as in the 2014-15 files, every digit is drawn in the
typical hand, and the picture holds no more than the probabilities do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from mindglyph.decoders import DecodingPipeline
from mindglyph.errors import UserError
from mindglyph.files import replaced_file
from mindglyph.images.vae import ConditionalVAE
from mindglyph.runs import Folds
from mindglyph.trials import Trials

_PENALTIES = np.logspace(0, 8, 17)


@dataclass(frozen=True)
class Reconstructions:
    """Pictures drawn from recorded trials, with what they must be compared to.

    Attributes
    ----------
    trial : ndarray, shape (n_trials,)
        Place of each among the evaluated trials.
    fold : ndarray, shape (n_trials,)
        Fold in which it was tested.
    labels : ndarray, shape (n_trials,)
        Digit shown.
    probabilities : ndarray, shape (n_trials, 10)
        Of each digit, calibrated.
    drawn : ndarray, shape (n_trials, 28, 28)
        The reconstruction, grey values between 0 and 1.
    deviation : ndarray, shape (n_trials, 28, 28)
        Standard deviation of each pixel over the digits it may be.
    label_only : ndarray, shape (n_trials, 28, 28)
        Control: the same probabilities, every digit in the typical hand.
    class_mean : ndarray, shape (n_trials, 28, 28)
        Control: the same probabilities, and the mean training picture of every digit in place
        of the generator's; the typical hand where pictures are not known.
    seen : ndarray, shape (n_trials, 28, 28), or None
        The picture shown, where it is known.
    """

    trial: np.ndarray
    fold: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    drawn: np.ndarray
    deviation: np.ndarray
    label_only: np.ndarray
    class_mean: np.ndarray
    seen: np.ndarray | None

    @classmethod
    def joined(cls, parts: list[Reconstructions]) -> Reconstructions:
        """Return the parts one after another."""

        def column(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])

        known = parts[0].seen is not None
        names = [field.name for field in fields(cls) if field.name != "seen"]
        return cls(**{name: column(name) for name in names}, seen=column("seen") if known else None)

    def save(self, path: Path) -> None:
        """Write everything as a compressed `.npz`, grey values as uint8."""
        arrays = {name: value for name, value in vars(self).items() if value is not None}
        for name in ("drawn", "deviation", "label_only", "class_mean"):
            arrays[name] = np.round(255 * arrays[name]).astype(np.uint8)
        with replaced_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Reconstructions:
        """Read what `save` wrote.

        Raises
        ------
        UserError
            If the file is absent or damaged.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = dict(file)
        except (OSError, EOFError, ValueError, BadZipFile) as error:
            raise UserError(f"{path}: cannot be read: run 'mindglyph reconstruct {path.parent}' again") from error
        for name in ("drawn", "deviation", "label_only", "class_mean"):
            arrays[name] = arrays[name].astype(np.float32) / 255
        return cls(seen=arrays.pop("seen", None), **arrays)


class Reconstructor:
    """Draws what was seen from probabilities and embedding.

    Parameters
    ----------
    vae : ConditionalVAE
        The generator.
    """

    def __init__(self, vae: ConditionalVAE) -> None:
        self._vae = vae
        self._hand: Pipeline | None = None

    def fit(self, embedding: np.ndarray, labels: np.ndarray, images: np.ndarray | None) -> Reconstructor:
        """Learn how the embedding tells the hand, where the pictures shown are known.

        Parameters
        ----------
        embedding : ndarray, shape (n_trials, n_features)
            Of the training trials.
        labels : ndarray, shape (n_trials,)
            Digits shown.
        images : ndarray, shape (n_trials, 28, 28), or None
            Pictures shown.

        Returns
        -------
        Reconstructor
            Itself.
        """
        if images is not None:
            latent = self._vae.encode(images, _one_hot(labels, self._vae.settings.n_classes))
            self._hand = make_pipeline(StandardScaler(), RidgeCV(alphas=_PENALTIES, alpha_per_target=True))
            self._hand.fit(embedding, latent)
        return self

    def draw(self, probabilities: np.ndarray, embedding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Draw the mean picture of each trial and how uncertain each pixel is.

        Parameters
        ----------
        probabilities : ndarray, shape (n_trials, 10)
            Of each digit.
        embedding : ndarray, shape (n_trials, n_features)
            Of the same trials.

        Returns
        -------
        drawn, deviation : ndarray, shape (n_trials, 28, 28)
            Mean and standard deviation over the digits, grey values between 0 and 1.
        """
        latent = np.zeros((len(probabilities), self._vae.settings.latent_dim))
        if self._hand is not None:
            latent = self._hand.predict(embedding)
        mean = np.zeros((len(probabilities), 28, 28))
        square = np.zeros_like(mean)
        for digit in range(probabilities.shape[1]):
            condition = _one_hot(np.full(len(probabilities), digit), probabilities.shape[1])
            picture = self._vae.decode(latent, condition)
            weight = probabilities[:, digit, None, None]
            mean += weight * picture
            square += weight * picture**2
        return mean, np.sqrt(np.clip(square - mean**2, 0, None))

    def typical(self, probabilities: np.ndarray) -> np.ndarray:
        """Draw the same digits in the typical hand: (n_trials, 28, 28)."""
        digits = self._vae.decode(np.zeros((10, self._vae.settings.latent_dim)), np.eye(10))
        return np.einsum("nk,khw->nhw", probabilities, digits)


def reconstruct_run(
    finished: Folds,
    trials: Trials,
    folds: list[tuple[np.ndarray, np.ndarray]],
    vae: ConditionalVAE,
    report: Callable[[int, int], None] | None = None,
) -> Reconstructions:
    """Draw every tested trial of a run, each with its own fold's decoder.

    Parameters
    ----------
    finished : Folds
        The finished folds.
    trials : Trials
        The evaluated trials.
    folds : list of (train, test)
        Places of the trials of each fold.
    vae : ConditionalVAE
        The generator.
    report : callable, optional
        Called with the folds drawn and in all.

    Returns
    -------
    Reconstructions
        Of all tested trials in the order of recording.

    Raises
    ------
    UserError
        If the labels are not digits.
    """
    if not set(np.unique(trials.labels).tolist()) <= set(range(10)):
        raise UserError("pictures can be drawn of the digits 0 to 9 only: these trials have other labels")
    parts = []
    for number, (train, test) in enumerate(folds):
        parts.append(_reconstruct_fold(finished, trials, number, train, test, vae))
        if report is not None:
            report(number + 1, len(folds))
    return Reconstructions.joined(parts)


def _reconstruct_fold(
    finished: Folds, trials: Trials, number: int, train: np.ndarray, test: np.ndarray, vae: ConditionalVAE
) -> Reconstructions:
    pipeline = DecodingPipeline.load(finished.decoder(number))
    learned, tested = trials.view(train), trials.view(test)
    reconstructor = Reconstructor(vae)
    if learned.images is not None:
        reconstructor.fit(pipeline.outputs(learned)[1], learned.labels, np.asarray(learned.images))
    by_class, embedding = pipeline.outputs(tested)
    probabilities = np.zeros((len(test), 10))
    probabilities[:, pipeline.decoder.classes_] = by_class
    drawn, deviation = reconstructor.draw(probabilities, embedding)
    label_only = class_mean = reconstructor.typical(probabilities)
    if learned.images is not None:
        means = np.stack([_mean_picture(learned, digit) for digit in range(10)])
        class_mean = np.einsum("nk,khw->nhw", probabilities, means)
    return Reconstructions(
        trial=test,
        fold=np.full(len(test), number),
        labels=tested.labels,
        probabilities=probabilities,
        drawn=drawn,
        deviation=deviation,
        label_only=label_only,
        class_mean=class_mean,
        seen=None if tested.images is None else np.asarray(tested.images),
    )


def _mean_picture(trials: Trials, digit: int) -> np.ndarray:
    assert trials.images is not None
    of_digit = trials.images[trials.labels == digit]
    return of_digit.mean(axis=0) / 255 if len(of_digit) else np.zeros((28, 28))


def _one_hot(labels: np.ndarray, n_classes: int) -> np.ndarray:
    return np.eye(n_classes, dtype=np.float32)[labels]
