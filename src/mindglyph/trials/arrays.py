"""What a person's own arrays must be to make trials of them, and what is said where they are not."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd

from mindglyph.errors import UserError

_PICTURE = (28, 28)


def as_signals(signals: np.ndarray, ch_names: Sequence[str]) -> np.ndarray:
    """Return signals as float32.

    Parameters
    ----------
    signals : array_like, shape (n_trials, n_channels, n_times)
        Real numbers in microvolts.
    ch_names : sequence of str
        Of the channels.

    Returns
    -------
    ndarray
        The same numbers.

    Raises
    ------
    UserError
        If they are no numbers, of another shape, or not finite, or there are none.
    """
    try:
        given = np.asarray(signals)
    except ValueError as error:
        raise UserError("X: its trials or channels are not all of one length: cut or pad them to one") from error
    if given.dtype.kind not in "fiu":
        raise UserError(f"X holds {given.dtype}: give real numbers in microvolts")
    if given.ndim != 3:
        raise UserError(f"X has shape {given.shape}: give (n_trials, n_channels, n_times)")
    if not given.size:
        raise UserError(f"X has shape {given.shape}: holds no signals")
    names, (n_trials, n_channels, n_times) = len(ch_names), given.shape
    if names != n_channels and names in (n_trials, n_times):
        axis = given.shape.index(names)
        raise UserError(
            f"X has {n_channels} channels and {n_trials if axis == 0 else n_times} "
            f"{'trials' if axis == 0 else 'samples'}, and {names} channel names were given: is it of shape (n_trials, "
            f"n_channels, n_times)? Else give X.transpose({'1, 0, 2' if axis == 0 else '0, 2, 1'})"
        )
    values = given.astype(np.float32, copy=False)
    refuse_what_is_not_finite(values, ch_names)
    return values


def as_labels(labels: np.ndarray) -> np.ndarray:
    """Return labels as whole numbers or strings; decimals such as 7.0 are taken for the numbers that they are.

    Parameters
    ----------
    labels : array_like, shape (n_trials,)
        One for each trial.

    Returns
    -------
    ndarray
        The same labels.

    Raises
    ------
    UserError
        If they are of another kind or shape, or some are missing.
    """
    given = np.asarray(labels)
    if given.ndim != 1:
        mend = "; of one-hot rows that is y.argmax(axis=1)" if given.ndim == 2 and given.shape[1] > 1 else ""
        raise UserError(f"labels have shape {given.shape}: give one for each trial, (n_trials,){mend}")
    missing = pd.isna(given)
    if missing.any():
        raise UserError(
            f"the label of trial {int(np.argmax(missing))} is missing, as {missing.sum()} of {len(given)} are "
            "(counted from 0): leave those trials out"
        )
    if given.dtype.kind == "f" and (np.isfinite(given) & (given == np.floor(given))).all():
        return given.astype(np.int64)
    words = given.dtype.kind in "UT" or (given.dtype == object and all(isinstance(one, str) for one in given))
    if not words and given.dtype.kind not in "iu":
        kind = "of several kinds" if given.dtype == object else str(given.dtype)
        raise UserError(f"labels are {kind}: give whole numbers or strings")
    return given


def as_names(ch_names: Sequence[str]) -> list[str]:
    """Return channel names as a list.

    Parameters
    ----------
    ch_names : sequence of str
        One for each channel.

    Returns
    -------
    list of str
        The same names.

    Raises
    ------
    UserError
        If it is one string, or holds anything but strings.
    """
    if isinstance(ch_names, str) or not all(isinstance(name, str) for name in ch_names):
        raise UserError(f"ch_names is {ch_names!r}: give a list with the name of each channel, such as ['O1', 'O2']")
    return [str(name) for name in ch_names]


def as_rate(sfreq: Any) -> float:
    """Return a rate as a number.

    Parameters
    ----------
    sfreq : float
        In Hz.

    Returns
    -------
    float
        The same.

    Raises
    ------
    UserError
        If it is none.
    """
    if not isinstance(sfreq, Real) or not 0 < float(sfreq) < np.inf:
        raise UserError(f"sfreq is {sfreq!r}: give the rate in Hz, a number above 0")
    return float(sfreq)


def as_table(metadata: pd.DataFrame | None, n_trials: int) -> pd.DataFrame:
    """Return a table of the trials that has the event of each.

    Parameters
    ----------
    metadata : DataFrame or None
        One row a trial.
    n_trials : int
        How many there are.

    Returns
    -------
    DataFrame
        The same; without `event` the trials are numbered as they come.

    Raises
    ------
    UserError
        If it is something else.
    """
    if metadata is None:
        return pd.DataFrame({"event": np.arange(n_trials)})
    if not isinstance(metadata, pd.DataFrame):
        raise UserError(f"metadata is a {type(metadata).__name__}: give a pandas.DataFrame with one row a trial")
    table = metadata.reset_index(drop=True)
    return table if "event" in table else table.assign(event=np.arange(len(table)))


def as_pictures(images: np.ndarray | None) -> np.ndarray | None:
    """Return pictures as they are, once they are of the kind that is drawn here.

    Parameters
    ----------
    images : ndarray, shape (n_trials, 28, 28), or None
        uint8, 0 is black.

    Returns
    -------
    ndarray or None
        The same.

    Raises
    ------
    UserError
        If they are of another shape or kind.
    """
    if images is not None and (np.shape(images)[1:] != _PICTURE or np.asarray(images).dtype != np.uint8):
        raise UserError(
            f"images have shape {np.shape(images)} and are {np.asarray(images).dtype}: give (n_trials, 28, 28) of uint8"
        )
    return images


def refuse_what_is_not_finite(signals: np.ndarray, ch_names: Sequence[str]) -> None:
    """Raise UserError with the first trial and channel of `signals` (n_trials, n_channels, n_times) that hold NaN.

    Parameters
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        In microvolts.
    ch_names : sequence of str
        Of the channels.

    Raises
    ------
    UserError
        If there is such a value.
    """
    bad = ~np.isfinite(signals).all(axis=2)
    if bad.any():
        trial, channel = np.argwhere(bad)[0]
        # A missing name is reported by what comes next, in the words for it.
        name = repr(ch_names[channel]) if channel < len(ch_names) else f"number {channel}"
        raise UserError(
            f"trial {trial}, channel {name}: holds values that are not finite, as {bad.any(axis=1).sum()} of "
            f"{len(bad)} trials do: drop or repair them"
        )
