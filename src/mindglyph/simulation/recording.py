"""Writes simulated recordings in the layout of the 2014-15 text files, with their truth beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from mindglyph.errors import UserError
from mindglyph.files import content_hash, replaced_file, write_json
from mindglyph.headsets import HEADSETS, Headset
from mindglyph.settings import Settings
from mindglyph.simulation.brain import EVOKED_SHARE, LATENCIES, Brain
from mindglyph.simulation.observer import Ceiling, IdealObserver, picture_coefficients
from mindglyph.sources.mindbigdata import SIMULATED_IDS_FROM

N_CLASSES = 10
_RUN_LENGTH = 20  # events of one digit in a row in the world `drift`
_DRIFT_EVENTS = 60  # events over which the drift forgets
_DRIFT_SHARE = 1.0  # size of the drift, in standard deviations of the background
_CHUNK = 250


class SimulationSettings(Settings):
    """What is simulated.

    Attributes
    ----------
    format : {"ep", "mw"}
        Headset and file layout.
    events : int
        Number of trials.
    ceiling : float
        Accuracy of the ideal observer; 0.1 plants no signal.
    picture_signal : float
        Share of the variance of the shown picture's components, beside its digit, that the
        ideal observer recovers; 0 plants none.
    confound : {"drift"} or None
        `drift` plants no signal, but shows each digit in runs while the signal drifts
        slowly, as in a block design.
    seed : int
        The same seed gives the same file.
    """

    format: Literal["ep", "mw"] = "ep"
    events: int = Field(2000, ge=10)
    ceiling: float = Field(0.6, ge=0.1, lt=1)
    picture_signal: float = Field(0.0, ge=0, lt=1)
    confound: Literal["drift"] | None = None
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _nothing_beside_no_signal(self) -> SimulationSettings:
        if self.ceiling <= 1 / N_CLASSES and self.picture_signal > 0:
            raise ValueError("a picture tells its digit a little: take a ceiling above 0.1, or no picture_signal")
        if self.confound and self.ceiling > 1 / N_CLASSES:
            raise ValueError("a recording with a confound holds no signal: leave the ceiling at 0.1")
        return self


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
) -> dict[str, Any]:
    """Write a simulated recording and its truth.

    Parameters
    ----------
    path : Path
        The text file to write; the truth stands beside it (see `truth_path`).
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

    Returns
    -------
    dict
        The truth, as written.

    Raises
    ------
    UserError
        If the file cannot be written or the ceiling is out of reach.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder: name the file to write")
    if path.exists() and not truth_path(path).exists():
        raise UserError(f"{path}: exists and is no simulated recording: name another file")
    headset = HEADSETS[settings.format.upper()]
    brain_rng, observer_rng, plan_rng, noise_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(settings.seed).spawn(4)
    )
    brain = Brain.draw(headset, N_CLASSES, brain_rng)
    coefficients = picture_coefficients(images, labels)
    observer = IdealObserver(brain, headset.n_times, coefficients, observer_rng)
    ceiling = observer.solve(settings.ceiling, settings.picture_signal)
    digits = _plan_digits(settings, plan_rng)
    pictures = _plan_pictures(digits, labels, plan_rng)
    events = _plan_events(settings, plan_rng)
    signals = _signals(brain, settings, ceiling, digits, coefficients[pictures], noise_rng)
    # An older truth must not stand beside the new recording, should this be stopped in between.
    truth_path(path).unlink(missing_ok=True)
    with replaced_file(path) as temporary:
        sizes = _sizes(headset, len(events), plan_rng)
        _write_rows(temporary, headset, events, digits, sizes, signals, report)
    truth = {
        "simulated": True,
        "mindglyph": version("mindglyph"),
        "sha256": content_hash(path),
        "settings": settings.model_dump(),
        "ceiling": asdict(ceiling),
        "chance": 1 / N_CLASSES,
        "picture_set": picture_set,
        "events": events.tolist(),
        "digits": digits.tolist(),
        "pictures": pictures.tolist(),
    }
    write_json(truth_path(path), truth)
    return truth


def _plan_digits(settings: SimulationSettings, rng: np.random.Generator) -> np.ndarray:
    if settings.confound == "drift":
        runs = rng.permutation(np.arange(-(-settings.events // _RUN_LENGTH)) % N_CLASSES)
        return np.repeat(runs, _RUN_LENGTH)[: settings.events]
    return rng.permutation(np.arange(settings.events) % N_CLASSES)


def _plan_pictures(digits: np.ndarray, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    pictures = np.empty(len(digits), dtype=np.int64)
    for digit in np.unique(digits):
        wanted = digits == digit
        available = np.flatnonzero(labels == digit)
        if not len(available):
            raise UserError(f"the set of pictures holds no {digit}: give one with every digit")
        rounds = -(-int(wanted.sum()) // len(available))
        pictures[wanted] = np.concatenate([rng.permutation(available) for _ in range(rounds)])[: wanted.sum()]
    return pictures


def _plan_events(settings: SimulationSettings, rng: np.random.Generator) -> np.ndarray:
    # Events count across devices and lost trials, so real numbers skip here and there.
    start = {"ep": 67_636, "mw": 8}[settings.format]
    return start + np.cumsum(1 + rng.binomial(3, 0.05, size=settings.events))


def _signals(
    brain: Brain,
    settings: SimulationSettings,
    ceiling: Ceiling,
    digits: np.ndarray,
    coefficients: np.ndarray,
    rng: np.random.Generator,
) -> Iterator[np.ndarray]:
    """Yield the trials in chunks: (n, n_channels, n_times) in the headset's raw values."""
    headset = brain.headset
    n_times = _longest(headset)
    groups = [brain.evoked, *brain.digits, *brain.pictures, *brain.drifts]
    banks = np.stack([brain.patterns(groups, n_times, latency) for latency in LATENCIES])
    weights = np.zeros((len(digits), len(groups)))
    weights[:, 0] = EVOKED_SHARE
    weights[np.arange(len(digits)), 1 + digits] = ceiling.amplitude
    weights[:, 1 + N_CLASSES : len(groups) - len(brain.drifts)] = ceiling.picture_amplitude * coefficients
    if settings.confound == "drift":
        weights[:, -len(brain.drifts) :] = _DRIFT_SHARE * _wander(len(digits), len(brain.drifts), rng)
    spatial = np.linalg.cholesky(brain.spatial)
    temporal = np.linalg.cholesky(brain.temporal_covariance(n_times))
    latencies = rng.integers(len(LATENCIES), size=len(digits))
    # The electrodes' own level is a nuisance that every decoder can remove, and so leaves the ceiling alone.
    levels = headset.offset + 2 * headset.noise * _wander(len(digits), len(headset.channels), rng)
    for start in range(0, len(digits), _CHUNK):
        part = slice(start, start + _CHUNK)
        white = rng.standard_normal((len(digits[part]), len(headset.channels), n_times))
        signal = spatial @ white @ temporal.T
        signal += np.einsum("ng,ngct->nct", weights[part], banks[latencies[part]], optimize=True)
        yield levels[part, :, None] + headset.noise * signal


def _wander(n_events: int, n_series: int, rng: np.random.Generator) -> np.ndarray:
    """Return slowly drifting series of variance 1: (n_events, n_series)."""
    keep = np.exp(-1 / _DRIFT_EVENTS)
    steps = rng.standard_normal((n_events, n_series))
    steps[1:] *= np.sqrt(1 - keep**2)
    series = np.empty_like(steps)
    value = np.zeros(n_series)
    for place, step in enumerate(steps):
        value = keep * value + step
        series[place] = value
    return series


def _longest(headset: Headset) -> int:
    return {"EP": 260, "MW": 1024}[headset.code]


def _sizes(headset: Headset, n_events: int, rng: np.random.Generator) -> np.ndarray:
    """Draw the length of each row, (n_events, n_channels), as the real files have it."""
    shape = (n_events, len(headset.channels))
    if headset.code == "MW":
        return rng.integers(888, 1025, size=shape)
    sizes = np.repeat(rng.choice([256, 257, 258, 260], p=[0.85, 0.05, 0.05, 0.05], size=(n_events, 1)), shape[1], 1)
    short = rng.random(n_events) < 0.003
    sizes[short, rng.integers(shape[1], size=n_events)[short]] = rng.integers(240, 256, size=short.sum())
    return sizes


def _write_rows(
    path: Path,
    headset: Headset,
    events: np.ndarray,
    digits: np.ndarray,
    sizes: np.ndarray,
    signals: Iterator[np.ndarray],
    report: Callable[[int, int], None] | None,
) -> None:
    texts: dict[int, bytes] = {}
    row_id, place = SIMULATED_IDS_FROM, 0
    with path.open("wb") as file:
        for chunk in signals:
            steps = np.round(chunk / headset.resolution).astype(np.int64)
            # Few distinct values occur, so each is put into decimals once.
            for step in np.unique(steps).tolist():
                texts.setdefault(step, f"{step * headset.resolution:.{headset.decimals}f}".encode())
            for trial in steps:
                for channel, values, size in zip(headset.channels, trial.tolist(), sizes[place], strict=True):
                    head = f"{row_id}\t{events[place]}\t{headset.code}\t{channel}\t{digits[place]}\t{size}\t"
                    file.write(head.encode() + b",".join([texts[value] for value in values[:size]]) + b"\n")
                    row_id += 1
                place += 1
            if report is not None:
                report(place, len(events))
