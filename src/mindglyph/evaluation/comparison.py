"""Which of several decoders is better: the corrected t-test over folds, and Holm's correction over all pairs.

References
----------
Nadeau & Bengio (2003), "Inference for the generalization error",
https://doi.org/10.1023/A:1024068626366;
Holm (1979), "A simple sequentially rejective multiple test procedure",
https://www.jstor.org/stable/4615733.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from mindglyph.evaluation.statistics import mean_variance

_COLUMNS = ("decoder_a", "decoder_b", "difference", "ci_low", "ci_high", "t", "df", "p", "p_holm")


@dataclass(frozen=True)
class Difference:
    """How much better one decoder is than another on the same folds.

    Attributes
    ----------
    difference : float
        Mean over folds.
    ci95 : tuple of float
        Of the mean difference over recordings like this one.
    t : float
        The difference over its standard error; infinite where every fold differs by exactly as much.
    df : int
        Degrees of freedom: folds - 1.
    p_value : float
        Two-sided.
    """

    difference: float
    ci95: tuple[float, float]
    t: float
    df: int
    p_value: float


def corrected_t(differences: Sequence[float] | np.ndarray, n_test: float, n_train: float) -> Difference:
    """Test whether two decoders differ, by Nadeau and Bengio's corrected resampled t.

    A plain paired t takes folds as independent, although each learned from trials that the
    others test: it finds differences that are not there. Here the variance of the mean is
    (1 / n_folds + n_test / n_train) times that of the folds.

    Parameters
    ----------
    differences : array-like, shape (n_folds,)
        Score of the one less that of the other, fold by fold; at least two.
    n_test, n_train : float
        Trials tested and learned from in a fold, on average.

    Returns
    -------
    Difference
        With its interval and p.

    Raises
    ------
    ValueError
        If there are fewer than two folds.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2:
        raise ValueError("decoders are compared over at least two folds")
    df = len(values) - 1
    mean = float(values.mean())
    error = float(np.sqrt(mean_variance(float(values.var(ddof=1)), len(values), n_test / n_train)))
    # Equal differences come out with a variance of rounding, and equal scores with a mean of it.
    tiny = 1e-12
    unspread = 0.0 if abs(mean) <= tiny else float(np.copysign(np.inf, mean))
    statistic = mean / error if error > tiny else unspread
    half = float(student.ppf(0.975, df)) * error
    return Difference(mean, (mean - half, mean + half), statistic, df, float(2 * student.sf(abs(statistic), df)))


def holm(p_values: Sequence[float] | np.ndarray) -> np.ndarray:
    """Correct p-values of a family of tests so that any false finding in it stays as rare as one test's.

    Parameters
    ----------
    p_values : array-like, shape (n_tests,)
        Whatever they depend on one another.

    Returns
    -------
    ndarray, shape (n_tests,)
        Corrected, in the order given.
    """
    values = np.asarray(p_values, dtype=np.float64)
    order = values.argsort(kind="stable")
    stepwise = values[order] * np.arange(len(values), 0, -1)
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(np.maximum.accumulate(stepwise), 1)
    return corrected


def compare_decoders(scores: Mapping[str, Sequence[float] | np.ndarray], n_test: float, n_train: float) -> pd.DataFrame:
    """Compare all pairs of decoders that were evaluated on the same folds.

    Parameters
    ----------
    scores : mapping of str to array-like, shape (n_folds,)
        Score of each decoder in each fold, the folds in the same order.
    n_test, n_train : float
        Trials tested and learned from in a fold, on average.

    Returns
    -------
    DataFrame
        One row a pair, in the order of `scores`: `decoder_a`, `decoder_b`, `difference` (a - b),
        `ci_low`, `ci_high` (95%, not corrected for the number of pairs), `t`, `df`, `p`, and
        `p_holm`, corrected over all rows.

    Raises
    ------
    ValueError
        If decoders have scores of unequally many folds, or of fewer than two.
    """
    if len({len(values) for values in scores.values()}) > 1:
        raise ValueError("decoders can be compared on the same folds only")
    rows = []
    for one, other in combinations(scores, 2):
        found = corrected_t(np.subtract(scores[one], scores[other]), n_test, n_train)
        rows.append((one, other, found.difference, *found.ci95, found.t, found.df, found.p_value, np.nan))
    table = pd.DataFrame(rows, columns=list(_COLUMNS))
    return table.assign(p_holm=holm(table["p"].to_numpy(dtype=np.float64)))
