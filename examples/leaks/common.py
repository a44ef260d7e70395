"""What the traps share: a recording with nothing in it, folds, and the two numbers that stand side by side."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from mindglyph.decoders.settings import DecodingSettings
from mindglyph.evaluation import BlockedSplit, evaluated_trials, score_decoding
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store
from mindglyph.trials import Trials

Folds = Iterable[tuple[np.ndarray, np.ndarray]]
"""Places of training and test of each fold."""


@dataclass(frozen=True)
class Figure:
    """An accuracy with what belongs to it; `what` says what was counted, and how."""

    what: str
    accuracy: float
    chance: float
    chance_bound: float
    ci95: tuple[float, float]
    p_value: float
    n_test: int

    def line(self, name: str) -> str:
        """Return the figure in one line."""
        low, high = self.ci95
        return (
            f"{name:6}{self.accuracy:6.1%}  chance {self.chance:.1%}, guessing stays under {self.chance_bound:.1%} in "
            f"19 of 20, interval {low:.1%} to {high:.1%}, p {self.p_value:.3f}, n {self.n_test:,}: {self.what}"
        )


@dataclass(frozen=True)
class Trap:
    """What a trap gave: the lie, the truth, and further figures that show where the lie comes from."""

    name: str
    lie: Figure
    truth: Figure
    further: tuple[Figure, ...] = ()


def recording(**settings: Any) -> Trials:
    """Simulate a recording without any signal, import it, and return its trials in the order of recording."""
    with tempfile.TemporaryDirectory() as name:
        return imported(simulated(Path(name), **settings))


def simulated(folder: Path, **settings: Any) -> Path:
    """Simulate a recording without any signal as a file in `folder`."""
    digits = load_digits("train")
    file = folder / "recording.txt"
    simulate(file, SimulationSettings(**{"ceiling": 0.1, **settings}), digits.images, digits.labels, PACKAGED)
    return file


def imported(file: Path) -> Trials:
    """Import a file as `mindglyph import` does, and return its trials with a digit, in the order of recording."""
    write_store(file.with_suffix(".store"), recognise(file))
    trials = evaluated_trials(Store(file.with_suffix(".store")))
    return trials.select(np.arange(len(trials)))


def filtered(trials: Trials) -> np.ndarray:
    """Return the signals without offset, from 0.5 to 30 Hz; both steps look at one trial at a time."""
    return PreprocessingSettings().build(trials.sfreq)[:2].transform(trials.signals)


def shuffled_folds(labels: np.ndarray, seed: int) -> Folds:
    """Return five folds of samples drawn at random, as most tutorials make them."""
    return StratifiedKFold(5, shuffle=True, random_state=seed).split(labels, labels)


def blocked_folds(labels: np.ndarray) -> Folds:
    """Return five folds of contiguous trials with a gap of ten, as `mindglyph evaluate` makes them."""
    return BlockedSplit().split(labels, labels)


def tested(samples: np.ndarray, labels: np.ndarray, folds: Folds, classifier: Any) -> pd.DataFrame:
    """Fit an estimator of scikit-learn in each fold and return its predictions, in the order of the samples."""
    flat = samples.reshape(len(samples), -1)
    tables = [
        predictions(fold, test, labels, train, classifier.fit(flat[train], labels[train]).predict(flat[test]))
        for fold, (train, test) in enumerate(folds)
    ]
    return pd.concat(tables).sort_index()


def voted(parts: np.ndarray, labels: np.ndarray, folds: Folds) -> pd.DataFrame:
    """Let one nearest neighbour say a digit for each part of a trial, all parts of a trial on one side of the split.

    Parameters
    ----------
    parts : ndarray, shape (n_trials, n_parts, n_features)
        Channels or windows.
    labels : ndarray, shape (n_trials,)
        Digits.
    folds : iterable of (train, test)
        Places of trials.
    """
    n_parts, n_features = parts.shape[1:]
    tables = []
    for fold, (train, test) in enumerate(folds):
        decoder = KNeighborsClassifier(1)
        decoder.fit(parts[train].reshape(-1, n_features), np.repeat(labels[train], n_parts))
        said = decoder.predict(parts[test].reshape(-1, n_features)).reshape(-1, n_parts)
        counts = (said[:, :, None] == decoder.classes_).sum(axis=1)
        tables.append(predictions(fold, test, labels, train, decoder.classes_[counts.argmax(axis=1)]))
    return pd.concat(tables).sort_index()


def tested_trials(trials: Trials, folds: Folds, settings: DecodingSettings) -> pd.DataFrame:
    """Fit preprocessing and decoder of mindglyph in each fold and return the predictions."""
    tables = []
    for fold, (train, test) in enumerate(folds):
        pipeline = settings.pipeline(trials.sfreq).fit(trials.view(train))
        probabilities, _ = pipeline.outputs(trials.view(test))
        predicted = pipeline.decoder.classes_[probabilities.argmax(axis=1)]
        tables.append(predictions(fold, test, trials.labels, train, predicted))
    return pd.concat(tables).sort_index()


def predictions(
    fold: int, test: np.ndarray, labels: np.ndarray, train: np.ndarray, predicted: np.ndarray
) -> pd.DataFrame:
    """Return the predictions of a fold as `score_decoding` takes them."""
    learned, counts = np.unique(labels[train], return_counts=True)
    columns = {"fold": fold, "label": labels[test], "predicted": predicted, "majority": learned[counts.argmax()]}
    return pd.DataFrame(columns, index=pd.Index(test, name="trial"))


def scored(what: str, table: pd.DataFrame, seed: int) -> Figure:
    """Score predictions as `mindglyph evaluate` does."""
    score = score_decoding(table, 0.1, 2000, seed)
    names = ("accuracy", "chance", "chance_bound", "ci95", "p_value", "n_test")
    return Figure(what, **{name: getattr(score, name) for name in names})


def main(measure: Callable[[int, int], Trap], events: int, about: str | None) -> None:
    """Measure a trap from the command line; print the lie, the truth, and one line of JSON."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=events, help="trials of the simulated recording")
    parser.add_argument("--seed", type=int, default=0, help="of the recording, the folds and the decoders")
    asked = parser.parse_args()
    trap = measure(asked.events, asked.seed)
    print(trap.lie.line("lie"))
    print(trap.truth.line("truth"))
    print(json.dumps({"events": asked.events, "seed": asked.seed, **asdict(trap)}))
