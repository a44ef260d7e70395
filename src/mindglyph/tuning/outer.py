"""What a search was worth: its best settings beside the defaults, on trials that the search never saw.

References
----------
Künsch (1989), "The jackknife and the bootstrap for general stationary observations",
https://doi.org/10.1214/aos/1176347265.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import bootstrap, permutation_test

from mindglyph.decoders.settings import DecodingSettings
from mindglyph.evaluation import evaluated_trials, score_decoding
from mindglyph.evaluation.crossvalidation import tested_predictions
from mindglyph.evaluation.evaluated import seconds_between
from mindglyph.evaluation.statistics import block_length
from mindglyph.store import Store
from mindglyph.tuning.settings import TuningSettings

FEWEST_BLOCKS = 10
"""Of fewer, neither interval nor p says much: the one is too narrow, the other cannot be small."""

_RESAMPLES = 9_999
_LEAST_PROBABILITY = 1e-15


@dataclass(frozen=True)
class PairedDifference:
    """How much better one decoder is than another on the same tested trials.

    Attributes
    ----------
    accuracy : float
        Share of right answers of the one less that of the other.
    accuracy_ci95 : tuple of float
        By bootstrap of blocks of neighbouring trials, for these two trained decoders: what another
        training or another recording would give varies more. Too narrow where blocks are fewer
        than `FEWEST_BLOCKS`.
    log_loss : float
        Mean loss of the one less that of the other, in nats: below 0 the one is better.
    log_loss_ci95 : tuple of float
        As above.
    p_value : float
        Two-sided, of the difference in accuracy: the answers of the two are exchanged block by
        block; see `least_p_value`.
    gained, lost : int
        Trials that only the one decodes rightly, and that only the other does.
    block : int
        Trials a block; the last may have fewer.
    """

    accuracy: float
    accuracy_ci95: tuple[float, float]
    log_loss: float
    log_loss_ci95: tuple[float, float]
    p_value: float
    gained: int
    lost: int
    block: int


@dataclass(frozen=True)
class OuterTask:
    """Settings to train on all trials that were searched on, and to test on those that were not."""

    store: Path
    settings: TuningSettings
    chosen: DecodingSettings


def outer_predictions(task: OuterTask) -> pd.DataFrame:
    """Train on all outer training trials and return the predictions of the outer test; see `read_predictions`."""
    trials = evaluated_trials(Store(task.store))
    train, test = task.settings.outer(trials)
    pipeline = task.chosen.pipeline(trials.sfreq).fit(trials.view(train))
    return tested_predictions(pipeline, trials, train, test)


def outer_score(store: Store, settings: TuningSettings, predictions: pd.DataFrame) -> dict[str, Any]:
    """Return the score of predictions of the outer test, with all that belongs to it, and its log loss."""
    trials, truth = evaluated_trials(store), store.truth
    ceiling = truth["ceiling"]["accuracy"] if truth else None
    rest = store.about["trials"] - len(trials)
    seconds = seconds_between(trials)
    score = score_decoding(predictions, ceiling, settings.permutations, settings.seed, seconds, rest)
    return {**score.as_metrics(), "log_loss": float(_losses(predictions).mean())}


def paired_difference(one: pd.DataFrame, other: pd.DataFrame, seed: int) -> PairedDifference:
    """Compare two decoders on the same tested trials.

    Parameters
    ----------
    one, other : DataFrame
        Predictions of the same trials in the order of recording: `label`, `predicted`, `p_<label>`.
    seed : int
        Of the resampling.

    Returns
    -------
    PairedDifference
        Of the one less the other.
    """
    labels = one["label"].to_numpy()
    right = [(table["predicted"].to_numpy() == labels).astype(float) for table in (one, other)]
    block = block_length(np.unique(labels, return_inverse=True)[1])
    of_block = np.arange(len(labels)) // block
    gains, losses = right[0] - right[1], _losses(one) - _losses(other)
    return PairedDifference(
        accuracy=float(gains.mean()),
        accuracy_ci95=_interval(gains, of_block, seed),
        log_loss=float(losses.mean()),
        log_loss_ci95=_interval(losses, of_block, seed),
        p_value=_p_value(right[0], right[1], of_block, seed),
        gained=int((gains > 0).sum()),
        lost=int((gains < 0).sum()),
        block=block,
    )


def least_p_value(n_blocks: int) -> float:
    """Return what the p of a difference cannot fall below: there are two ways to exchange each block.

    Parameters
    ----------
    n_blocks : int
        At least 1.

    Returns
    -------
    float
        1 of one block, 0.25 of three.
    """
    return max(2.0 ** (1 - n_blocks), 2 / (_RESAMPLES + 1))


def as_metrics(difference: PairedDifference) -> dict[str, Any]:
    """Return a difference for `metrics.json`."""
    return asdict(difference)


def _losses(predictions: pd.DataFrame) -> np.ndarray:
    """Return the loss of each trial in nats; a label that was never learned has the least probability."""
    labels = predictions["label"].astype(str).to_numpy()
    values = predictions[[name for name in predictions if str(name).startswith("p_")]]
    places = values.columns.str.removeprefix("p_").get_indexer(pd.Index(labels))
    believed = np.where(places < 0, 0.0, values.to_numpy(np.float64)[np.arange(len(labels)), places])
    return -np.log(np.maximum(believed, _LEAST_PROBABILITY))


def _interval(values: np.ndarray, of_block: np.ndarray, seed: int) -> tuple[float, float]:
    """Return the 95% interval of a mean, by drawing whole blocks: the last may be shorter, so their sizes count."""
    sums, sizes = np.bincount(of_block, weights=values), np.bincount(of_block)
    if len(sums) < 2:
        return float(values.min()), float(values.max())

    def mean(sums: np.ndarray, sizes: np.ndarray, axis: int) -> Any:
        return sums.sum(axis=axis) / sizes.sum(axis=axis)

    rng = np.random.default_rng(seed)
    found = bootstrap(
        (sums, sizes), mean, paired=True, vectorized=True, n_resamples=_RESAMPLES, method="percentile", rng=rng
    )
    return float(found.confidence_interval.low), float(found.confidence_interval.high)


def _p_value(one: np.ndarray, other: np.ndarray, of_block: np.ndarray, seed: int) -> float:
    """Return the two-sided p of a difference in means, by exchanging the two in whole blocks."""
    sums = [np.bincount(of_block, weights=values) for values in (one, other)]
    if len(sums[0]) < 2:
        return 1.0

    def difference(one: np.ndarray, other: np.ndarray, axis: int) -> Any:
        return (one - other).sum(axis=axis)

    rng = np.random.default_rng(seed)
    found = permutation_test(
        sums, difference, permutation_type="samples", vectorized=True, n_resamples=_RESAMPLES, rng=rng
    )
    return float(found.pvalue)
