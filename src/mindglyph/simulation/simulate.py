"""Writes a simulated recording in the format of a published one, with its truth beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.errors import UserError
from mindglyph.files import content_hash, read_json, replaced_file, write_json
from mindglyph.folders import recover_folder, replaced_folder
from mindglyph.simulation.recording import Pictures, SimulatedRecording
from mindglyph.simulation.settings import N_CLASSES, SimulationSettings
from mindglyph.simulation.writers import WRITERS

_CLEAN = "the recording without its artifacts, which hide some of the signal"
_WHOLE = "the recording"


def truth_path(recording: Path) -> Path:
    """Return where the truth of a simulated recording stands."""
    return recording.with_name(f"{recording.name}.truth.json")


def simulate(
    path: Path,
    settings: SimulationSettings,
    images: np.ndarray,
    labels: np.ndarray,
    picture_set: str,
    report: Callable[[int, int], None] | None = None,
    index: np.ndarray | None = None,
) -> dict[str, Any]:
    """Write a simulated recording and its truth.

    Parameters
    ----------
    path : Path
        The file to write, or the folder of `imagenet`; the truth stands beside it (see `truth_path`).
    settings : SimulationSettings
        What is simulated.
    images : ndarray, shape (n_images, 28, 28)
        Pictures that may be shown, uint8; each is shown once before any is shown again.
    labels : ndarray, shape (n_images,)
        Their digits.
    picture_set : str
        Name under which the pictures can be found again.
    report : callable, optional
        Called with the events written so far and in all.
    index : ndarray, shape (n_images,), optional
        Places of the pictures in the MNIST file that they come from; None takes those in `images`.

    Returns
    -------
    dict
        The truth, as written. Its ceiling is that of the recording without artifacts.

    Raises
    ------
    UserError
        If the file cannot be written or the ceiling is out of reach.
    """
    is_folder = settings.format == "imagenet"
    _refuse_to_write_over(path, is_folder)
    recording = SimulatedRecording.draw(
        settings, Pictures(images, labels, np.arange(len(labels)) if index is None else index)
    )
    with _replaced(path, is_folder) as temporary:
        events = WRITERS[settings.format](temporary, recording, report or (lambda done, total: None))
        truth = {
            "simulated": True,
            "mindglyph": version("mindglyph"),
            "sha256": content_hash(temporary),
            "settings": settings.model_dump(),
            "ceiling": asdict(recording.signals.ceiling),
            "ceiling_of": _CLEAN if settings.artifacts else _WHOLE,
            "chance": 1 / N_CLASSES,
            **_shown(recording, events, picture_set),
        }
        # The recording takes its place next: one without its truth could not be told from a real one.
        write_json(truth_path(path), truth)
    return truth


def _shown(recording: SimulatedRecording, events: np.ndarray, picture_set: str) -> dict[str, Any]:
    """Say what was shown at each event, in the order of recording, and what spoilt it."""
    plan, artifacts = recording.plan, recording.signals.artifacts
    shown: dict[str, Any] = {"events": events.tolist()}
    if recording.layout.classes is None:
        shown |= {"picture_set": picture_set, "digits": plan.digits.tolist(), "pictures": plan.pictures.tolist()}
    else:
        shown |= {"words": recording.labels}
    shown["sessions"] = plan.sessions.tolist()
    if artifacts is not None:
        shown["artifacts"] = artifacts.truth(events, recording.headset.channels)
    return shown


def _refuse_to_write_over(path: Path, is_folder: bool) -> None:
    """Make sure that what stands at `path`, if anything, is a simulated recording and nothing else."""
    kind, other = ("folder", "file") if is_folder else ("file", "folder")
    if is_folder:
        recover_folder(path)
    if path.exists() and path.is_dir() != is_folder:
        raise UserError(f"{path} is a {other}: name the {kind} to write")
    if not path.exists() or (is_folder and not any(path.iterdir())):
        return
    if not truth_path(path).exists():
        raise UserError(f"{path}: exists and is no simulated recording: name another {kind}")
    truth = read_json(truth_path(path))
    if not isinstance(truth, dict) or truth.get("sha256") != content_hash(path):
        raise UserError(f"{path}: is not, or not only, what was simulated there: name another {kind}")


@contextmanager
def _replaced(path: Path, is_folder: bool) -> Iterator[Path]:
    if not is_folder:
        with replaced_file(path) as temporary:
            yield temporary
        return
    # What stands there was found to be simulated, so any file of it may be what marks the folder.
    there = next((file.name for file in path.iterdir() if file.is_file()), "") if path.is_dir() else ""
    with replaced_folder(path, there) as temporary:
        yield temporary
