"""Who is told of a training while it goes on, where it is kept if it must stop, and where its parts run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from mindglyph.compute import Place
from mindglyph.files import explained


@dataclass(frozen=True)
class Progress:
    """How far a training is.

    Attributes
    ----------
    part : str
        What is being trained, where it is not the whole: the fold, the decoder's part; else empty.
    epoch, max_epochs : int
        Passes over the trials done, and the most there will be.
    train_loss, valid_loss, valid_acc : float
        Of the pass just done; NaN where a part has no such figure.
    unit : str
        What is counted, where it is not passes.
    """

    part: str
    epoch: int
    max_epochs: int
    train_loss: float
    valid_loss: float
    valid_acc: float
    unit: str = "epoch"


def _unheard(_: Progress) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Monitor:
    """Watches a training.

    Attributes
    ----------
    report : callable
        Called with a `Progress` after each epoch.
    folder : Path or None
        Where an unfinished training keeps its state after each epoch, and where it is looked
        for when a training begins; None keeps nothing. What is in it when the training is
        done, whoever gave the folder removes.
    part : str
        Name of the part being trained.
    place : Place
        Where parts that can be trained apart are; this process, if nobody says otherwise.
    made : bool
        Whether the folder was made by whoever gave it, and is never made here: a task on a cluster
        may outlive the command that took the folder away, and must not bring it back.
    """

    report: Callable[[Progress], None] = _unheard
    folder: Path | None = None
    part: str = ""
    place: Place = field(default_factory=Place)
    made: bool = False

    def make_folder(self) -> None:
        """Make the folder, if there is to be one."""
        if self.folder is not None and not self.made:
            with explained(self.folder):
                self.folder.mkdir(parents=True, exist_ok=True)

    def of_part(self, name: str, of: str = "") -> Monitor:
        """Return the monitor of a part, with a folder of its own; `of` is said before its name."""
        folder = None if self.folder is None else self.folder / name
        return replace(self, folder=folder, made=False, part=", ".join(part for part in (self.part, of, name) if part))
