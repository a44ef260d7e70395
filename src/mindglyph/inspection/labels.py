"""Trials of each label, over all and in each part of the recording."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mindglyph.inspection.result import Labels

DIVIDING = ("subject", "session", "run", "set", "split", "block", "file")
"""Columns of the metadata that divide a recording, where they are there."""

_MOST_VALUES = 400


def count_labels(labels: np.ndarray, metadata: pd.DataFrame) -> Labels:
    """Count the trials of each label.

    Parameters
    ----------
    labels : ndarray, shape (n_trials,)
        Whole numbers or words.
    metadata : DataFrame
        One row a trial.

    Returns
    -------
    Labels
        With a table for each column that divides the recording.
    """
    known, codes = np.unique(labels, return_inverse=True)
    names = [str(label) for label in known]
    totals = np.bincount(codes, minlength=len(known))
    shown = np.array([total for name, total in zip(names, totals, strict=True) if name != "-1"])
    by, left_out = {}, {}
    seen: set[bytes] = set()
    for column in dividing_columns(metadata):
        values, places = divided(metadata, column)
        # A run is often a file of its own; once is enough.
        if places.tobytes() in seen:
            continue
        seen.add(places.tobytes())
        if len(values) > _MOST_VALUES:
            left_out[column] = len(values)
            continue
        table = np.zeros((len(values), len(known)), dtype=np.int64)
        np.add.at(table, (places, codes), 1)
        by[column] = {value: _named(names, row) for value, row in zip(values, table, strict=True)}
    return Labels(
        counts=_named(names, totals),
        without_digit=int(totals[names.index("-1")]) if "-1" in names else 0,
        imbalance=float(shown.max() / shown.min()) if len(shown) > 1 else None,
        by=by,
        left_out=left_out,
    )


def _named(names: list[str], counts: np.ndarray) -> dict[str, int]:
    return dict(zip(names, counts.tolist(), strict=True))


def dividing_columns(metadata: pd.DataFrame) -> list[str]:
    """Return the columns that divide the recording into more than one part."""
    return [name for name in DIVIDING if name in metadata and metadata[name].nunique(dropna=False) > 1]


def divided(metadata: pd.DataFrame, column: str) -> tuple[list[str], np.ndarray]:
    """Return the values of a column in the order in which they occur, and each trial's place among them."""
    places, values = pd.factorize(metadata[column], use_na_sentinel=False)
    return [str(value) for value in values], places


def stretches(metadata: pd.DataFrame) -> np.ndarray:
    """Give each stretch of the recording that has a clock of its own a number: (n_trials,).

    A subject, a session, a run and a file may each count events and seconds from nought.

    Parameters
    ----------
    metadata : DataFrame
        One row a trial.

    Returns
    -------
    ndarray of int, shape (n_trials,)
        From 0.
    """
    columns = [name for name in dividing_columns(metadata) if name != "block"]
    if not columns:
        return np.zeros(len(metadata), dtype=np.int64)
    numbers = metadata.groupby(columns, sort=False, dropna=False).ngroup()
    return numbers.to_numpy(dtype=np.int64)
