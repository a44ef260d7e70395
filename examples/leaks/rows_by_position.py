"""Trap: a file sorted by digit is read by position, and one row left out shifts the channels of all that follow.

uv run python examples/leaks/rows_by_position.py
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from common import Trap, blocked_folds, filtered, imported, main, scored, shuffled_folds, simulated, tested
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from mindglyph.trials import Trials

N_CHANNELS, N_TIMES = 14, 256


def measure(events: int, seed: int) -> Trap:
    """Decode the channels' spreads and correlations with linear discriminants; no digit is in the recording."""
    with tempfile.TemporaryDirectory() as name:
        file = simulated(Path(name), events=events, seed=seed)
        rows = sorted(file.read_text().splitlines(), key=lambda row: int(row.split("\t")[4]))
        file.write_text("".join(f"{row}\n" for row in rows))
        right = imported(file)
    wrong = by_position(rows, right)
    decoder = LinearDiscriminantAnalysis()
    leaky = tested(features(wrong), wrong.labels, shuffled_folds(wrong.labels, seed), decoder)
    joined = tested(features(right), right.labels, shuffled_folds(right.labels, seed), decoder)
    honest = tested(features(right), right.labels, blocked_folds(right.labels), decoder)
    return Trap(
        "rows by position",
        scored("every 14 rows a trial, shuffled", leaky, seed),
        scored("rows joined by event and channel, blocked", honest, seed),
        (scored("rows joined by event and channel, shuffled", joined, seed),),
    )


def by_position(rows: list[str], like: Trials) -> Trials:
    """Take every 14 rows for a trial, as `values.reshape(-1, 14, 256)` does, once rows that are short are dropped."""
    fields = [row.split("\t") for row in rows]
    whole = [field for field in fields if int(field[5]) >= N_TIMES]
    whole = whole[: len(whole) // N_CHANNELS * N_CHANNELS]
    values = np.array([np.fromstring(field[6], sep=",")[:N_TIMES] for field in whole])
    labels = np.array([int(field[4]) for field in whole[::N_CHANNELS]])
    signals = values.reshape(-1, N_CHANNELS, N_TIMES)
    return Trials.from_arrays(signals, labels, like.sfreq, like.info["ch_names"])


def features(trials: Trials) -> np.ndarray:
    """Return the logarithm of each channel's spread and all correlations: (n_trials, 14 + 91)."""
    signals = filtered(trials)
    signals = signals - signals.mean(axis=2, keepdims=True)
    spreads = signals.std(axis=2)
    correlations = np.einsum("nit,njt->nij", signals, signals) / signals.shape[2]
    correlations /= spreads[:, :, None] * spreads[:, None, :]
    return np.concatenate([np.log(spreads), correlations[:, *np.triu_indices(N_CHANNELS, 1)]], axis=1)


if __name__ == "__main__":
    main(measure, events=4000, about=__doc__)
