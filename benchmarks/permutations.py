"""Measure how long the permutations of a score take, and how much memory.

    uv run python benchmarks/permutations.py --trials 5000 --permutations 10000

Decoded at random: labels that are words, folds of equal length, and, with --groups, as many
stretches of recording in each. Ends with one line of JSON; the peak is of what this process allocates for it.
"""

from __future__ import annotations

import argparse
import json
import time
import tracemalloc

import numpy as np
import pandas as pd

from mindglyph.evaluation import score_decoding


def random_predictions(n_trials: int, n_folds: int, n_groups: int, seed: int) -> pd.DataFrame:
    """Return predictions that know nothing."""
    rng = np.random.default_rng(seed)
    words = np.array([f"word {number}" for number in range(10)], dtype=object)
    labels, predicted = words[rng.integers(10, size=(2, n_trials))]
    folds = np.arange(n_trials) * n_folds // n_trials
    groups = np.arange(n_trials) * n_folds * n_groups // n_trials
    return pd.DataFrame({"fold": folds, "group": groups, "label": labels, "predicted": predicted, "majority": words[0]})


def main() -> None:
    """Score once for the time, and once, slower, for the memory."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=5000)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--groups", type=int, default=1)
    parser.add_argument("--permutations", type=int, default=10_000)
    arguments = parser.parse_args()
    predictions = random_predictions(arguments.trials, arguments.folds, arguments.groups, seed=0)
    score_decoding(predictions, None, 100, seed=0)
    start = time.perf_counter()
    score_decoding(predictions, None, arguments.permutations, seed=0)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    score_decoding(predictions, None, arguments.permutations, seed=0)
    peak = tracemalloc.get_traced_memory()[1]
    print(json.dumps({**vars(arguments), "seconds": round(seconds, 2), "peak_mb": round(peak / 1e6, 1)}))


if __name__ == "__main__":
    main()
