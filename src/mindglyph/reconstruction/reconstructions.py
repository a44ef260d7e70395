"""Pictures drawn from recorded trials, with what they must be compared to, and their file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from mindglyph.errors import UserError
from mindglyph.files import replaced_file

_GREY = ("drawn", "deviation", "label_only", "class_mean")
_OF_ALL = ("bank", "alignments")


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
    probabilities : ndarray, shape (n_trials, n_digits)
        Of each digit, calibrated.
    accepted : ndarray of bool, shape (n_trials,)
        Whether the decoder is as confident as it must be, by trials held out of the training, to
        be right more often than by guessing. Where it is not, nothing is shown.
    drawn : ndarray, shape (n_trials, 28, 28)
        The reconstruction, grey values between 0 and 1.
    deviation : ndarray, shape (n_trials, 28, 28)
        Standard deviation of each pixel over the pictures it may be.
    candidates : ndarray, shape (n_trials, n_candidates)
        Places in `bank` of the most probable picture of each of the most probable digits.
    weights : ndarray, shape (n_trials, n_candidates)
        Probabilities of these digits.
    label_only : ndarray, shape (n_trials, 28, 28)
        Control: the same probabilities, every picture of a digit as probable as any other.
    class_mean : ndarray, shape (n_trials, 28, 28)
        Control: the same probabilities, and the mean training picture of every digit in place
        of the generator's; the same as `label_only` where pictures are not known.
    bank : ndarray, shape (n_pictures, 28, 28)
        Pictures that may have been seen, uint8.
    alignments : ndarray of str, shape (n_folds,)
        How the hand was read from the embedding in each fold.
    seen : ndarray, shape (n_trials, 28, 28), or None
        The picture shown, uint8, where it is known.
    """

    trial: np.ndarray
    fold: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray
    accepted: np.ndarray
    drawn: np.ndarray
    deviation: np.ndarray
    candidates: np.ndarray
    weights: np.ndarray
    label_only: np.ndarray
    class_mean: np.ndarray
    bank: np.ndarray
    alignments: np.ndarray
    seen: np.ndarray | None

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.trial)

    @classmethod
    def joined(cls, parts: Sequence[Reconstructions]) -> Reconstructions:
        """Return those of several folds one after another."""

        def column(name: str) -> np.ndarray:
            return np.concatenate([getattr(part, name) for part in parts])

        known = parts[0].seen is not None
        names = [field.name for field in fields(cls) if field.name not in ("bank", "seen")]
        joined = {name: column(name) for name in names}
        return cls(**joined, bank=parts[0].bank, seen=column("seen") if known else None)

    def in_order(self) -> Reconstructions:
        """Return the same in the order of recording."""
        order = np.argsort(self.trial, kind="stable")
        values = vars(self)
        return Reconstructions(
            **{name: value if value is None or name in _OF_ALL else value[order] for name, value in values.items()}
        )

    def save(self, path: Path) -> None:
        """Write everything as a compressed `.npz`, grey values as uint8."""
        arrays = {name: value for name, value in vars(self).items() if value is not None}
        for name in _GREY:
            arrays[name] = np.round(255 * arrays[name]).astype(np.uint8)
        with replaced_file(path) as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: Path) -> Reconstructions:
        """Read what `save` wrote.

        Parameters
        ----------
        path : Path
            The file.

        Returns
        -------
        Reconstructions
            All of a run.

        Raises
        ------
        UserError
            If the file is absent, damaged or something else.
        """
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                arrays = dict(file)
            for name in _GREY:
                arrays[name] = arrays[name].astype(np.float32) / 255
            return cls(seen=arrays.pop("seen", None), **arrays)
        except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
            raise UserError(f"{path}: cannot be read: run 'mindglyph reconstruct {path.parent}' again") from error
