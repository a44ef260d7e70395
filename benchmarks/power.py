"""Measure in how many recordings an accuracy is found that the binomial test would find in 4 of 5.

    uv run python benchmarks/power.py --recordings 300

Trials are right independently of one another with the accuracy that `detectable_accuracy` gives for
their number. Prints one line of JSON a number of trials: the share found by the exact binomial
test of all trials, and by the p-value that is reported, which permutes labels fold by fold and combines the
folds by Cauchy's test.
"""

from __future__ import annotations

import argparse
import json

import numpy as np
import pandas as pd

from mindglyph.evaluation import score_decoding
from mindglyph.evaluation.statistics import SIGNIFICANT, chance_bound, detectable_accuracy


def recording(n_trials: int, accuracy: float, n_folds: int, n_labels: int, rng: np.random.Generator) -> pd.DataFrame:
    """Return predictions of which each is right with a probability of `accuracy`."""
    labels = rng.integers(n_labels, size=n_trials)
    wrong = (labels + rng.integers(1, n_labels, size=n_trials)) % n_labels
    predicted = np.where(rng.random(n_trials) < accuracy, labels, wrong)
    folds = np.arange(n_trials) * n_folds // n_trials
    return pd.DataFrame({"fold": folds, "label": labels, "predicted": predicted, "majority": 0})


def main() -> None:
    """Measure some numbers of trials and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recordings", type=int, default=300)
    parser.add_argument("--trials", type=int, nargs="+", default=[200, 900, 3000])
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--labels", type=int, default=10)
    parser.add_argument("--permutations", type=int, default=1000)
    arguments = parser.parse_args()
    chance = 1 / arguments.labels
    for n_trials in arguments.trials:
        accuracy = detectable_accuracy(n_trials, chance)
        if accuracy is None:
            parser.error(f"{n_trials} trials could never tell anything")
        bound = chance_bound(n_trials, chance)
        scores = []
        for seed in range(arguments.recordings):
            table = recording(n_trials, accuracy, arguments.folds, arguments.labels, np.random.default_rng(seed))
            scores.append(score_decoding(table, None, arguments.permutations, seed))
        found = {
            "trials": n_trials,
            "detectable": round(accuracy, 4),
            "found_by_binomial": round(float(np.mean([score.accuracy > bound + 1e-12 for score in scores])), 3),
            "found_by_reported": round(float(np.mean([score.p_value < SIGNIFICANT for score in scores])), 3),
        }
        print(json.dumps({"recordings": arguments.recordings, "folds": arguments.folds, **found}), flush=True)


if __name__ == "__main__":
    main()
