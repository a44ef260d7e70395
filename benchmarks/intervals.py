"""Count how often a 95% interval of an accuracy holds the truth, in worlds of arrays.

    uv run python benchmarks/intervals.py --recordings 1000

In each world, many recordings of the same person are drawn, and decoded over blocked folds with a
linear discriminant. The truth is the mean accuracy over all of them. Prints one line of JSON a world:
the variance of accuracies over that of independent trials (`variance_ratio`), the same of a fold's
accuracy (`fold_variance_ratio`: above 1 where neighbours are right together), the correlation of two folds'
accuracies (`fold_correlation`: above 0 where folds share more than the person), and coverage and mean width
of each interval: Wilson's, Student's t over folds, the same with Nadeau and Bengio's correction, and the one
that is reported.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter
from scipy.stats import t as student

from mindglyph.evaluation import BlockedSplit
from mindglyph.evaluation.statistics import fold_interval, interval, mean_variance


@dataclass(frozen=True)
class World:
    """Recordings of one person.

    Attributes
    ----------
    signal : float
        Size of what a label adds, standard deviations of the noise; 0 is no signal.
    trials, labels, features, folds : int
        As many of each.
    drift : float
        Size of what wanders under the trials, standard deviations of the noise.
    state : float
        How far the signal's size waxes and wanes, as a share of it.
    lasting : float
        Trials over which drift and state keep what they are.
    run : int
        Trials in a row with the same label.
    """

    signal: float
    trials: int = 400
    labels: int = 10
    features: int = 20
    folds: int = 5
    drift: float = 0.0
    state: float = 0.0
    lasting: float = 20.0
    run: int = 1


WORLDS = {
    "no signal": World(0.0),
    "no signal, two labels": World(0.0, labels=2),
    "no signal, drift, labels in runs": World(0.0, trials=1600, drift=1.0, lasting=60, run=20),
    "weak": World(0.15, trials=1000),
    "medium": World(0.25),
    "strong": World(0.6),
    "strong, two labels": World(0.2, labels=2),
    "many features": World(0.3, features=60),
    "ten folds": World(0.25, folds=10),
    "three folds": World(0.25, folds=3),
    "two folds": World(0.25, folds=2),
    "drift": World(0.3, features=60, drift=0.5, lasting=60),
    "state": World(0.4, trials=1000, state=0.3),
    "state, weak": World(0.15, trials=1000, state=0.5),
    "state and drift, short": World(0.4, drift=0.5, state=0.3),
    "state and drift, long": World(0.25, trials=3000, drift=0.5, state=0.5, lasting=60),
    "state that lasts": World(0.15, trials=1000, state=0.5, lasting=60),
}


def wandering(n_trials: int, n_series: int, lasting: float, rng: np.random.Generator) -> np.ndarray:
    """Return autoregressive series of unit variance: (n_trials, n_series)."""
    kept = np.exp(-1 / lasting)
    steps = rng.standard_normal((n_trials, n_series)) * np.sqrt(1 - kept**2)
    steps[0] /= np.sqrt(1 - kept**2)
    return lfilter([1.0], [1.0, -kept], steps, axis=0)


def draw(world: World, templates: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return features (n_trials, n_features) and labels of one recording."""
    shown = rng.permutation(np.arange(world.trials // world.run) % world.labels)
    labels = np.repeat(shown, world.run)
    size = np.clip(1 + world.state * wandering(world.trials, 1, world.lasting, rng), 0, None)
    features = rng.standard_normal((world.trials, world.features)) + world.signal * size * templates[labels]
    return features + world.drift * wandering(world.trials, world.features, world.lasting, rng), labels


def decode(features: np.ndarray, labels: np.ndarray, n_folds: int, gap: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Return what a linear discriminant decodes over blocked folds, and each trial's fold."""
    n_labels = labels.max() + 1
    decoded, folds = np.empty_like(labels), np.empty_like(labels)
    for number, (train, test) in enumerate(BlockedSplit(n_folds, gap).split(features)):
        members = np.eye(n_labels)[labels[train]]
        means = (members.T @ features[train]) / members.sum(axis=0)[:, None]
        left = features[train] - means[labels[train]]
        covariance = left.T @ left / len(train)
        # A tenth of shrinkage, so that few trials suffice for many features.
        covariance = 0.9 * covariance + 0.1 * np.trace(covariance) / len(covariance) * np.eye(len(covariance))
        weights = np.linalg.solve(covariance, means.T)
        scores = features[test] @ weights - 0.5 * np.sum(means.T * weights, axis=0)
        decoded[test], folds[test] = scores.argmax(axis=1), number
    return decoded, folds


def over_folds(by_fold: np.ndarray, test_to_train: float) -> tuple[float, float]:
    """Return Student's interval of the mean of folds, (n_folds,)."""
    error = np.sqrt(mean_variance(by_fold.var(ddof=1), len(by_fold), test_to_train))
    half = student.ppf(0.975, len(by_fold) - 1) * error
    return by_fold.mean() - half, by_fold.mean() + half


def measure(world: World, n_recordings: int, seed: int) -> dict[str, object]:
    """Return spread and coverage in one world."""
    rng = np.random.default_rng(seed)
    templates = rng.standard_normal((world.labels, world.features))
    by_fold, intervals = [], []
    for _ in range(n_recordings):
        features, labels = draw(world, templates, rng)
        decoded, folds = decode(features, labels, world.folds)
        right = decoded == labels
        scores = np.array([right[folds == fold].mean() for fold in range(world.folds)])
        by_fold.append(scores)
        intervals.append(
            {
                "wilson": interval(int(right.sum()), len(right)),
                "t_over_folds": over_folds(scores, 0.0),
                "nadeau_bengio": over_folds(scores, 1 / (world.folds - 1)),
                "reported": fold_interval(right, folds),
            }
        )
    folds_of_all = np.array(by_fold)
    accuracies = folds_of_all.mean(axis=1)
    truth = float(accuracies.mean())
    alone = truth * (1 - truth) / world.trials
    correlations = np.corrcoef(folds_of_all.T)[np.triu_indices(world.folds, 1)]
    result: dict[str, object] = {
        "accuracy": round(truth, 3),
        "variance_ratio": round(float(accuracies.var() / alone), 2),
        "fold_correlation": round(float(correlations.mean()), 2),
        "fold_variance_ratio": round(float(folds_of_all.var(axis=0).mean() / (alone * world.folds)), 2),
    }
    for name in intervals[0]:
        low, high = np.array([found[name] for found in intervals]).T
        covered = float(np.mean((low <= truth) & (truth <= high)))
        result[name] = {"coverage": round(covered, 3), "width": round(float(np.mean(high - low)), 3)}
    return result


def main() -> None:
    """Measure every world and print what it gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--world", choices=list(WORLDS), help="only this one")
    arguments = parser.parse_args()
    for name in [arguments.world] if arguments.world else WORLDS:
        found = measure(WORLDS[name], arguments.recordings, arguments.seed)
        print(json.dumps({"world": name, "recordings": arguments.recordings, **found}), flush=True)


if __name__ == "__main__":
    main()
