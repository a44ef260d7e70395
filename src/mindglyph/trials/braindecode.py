"""Trials as braindecode's data sets."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.trials.trials import Trials

if TYPE_CHECKING:
    from braindecode.datasets import BaseConcatDataset

_GROUPS = ("subject", "session")


def to_braindecode(trials: Trials) -> BaseConcatDataset:
    """Return trials as braindecode takes them: one window a trial.

    Parameters
    ----------
    trials : Trials
        Trials of one length.

    Returns
    -------
    braindecode.datasets.BaseConcatDataset
        One `WindowsDataset` for each subject and session that the metadata name, and one in
        all if they name none; trials keep their order within it. An item is `X`
        (n_channels, n_times) float32 in microvolts, `y`, the place of its label among the
        sorted labels, and braindecode's `[0, 0, n_times]`: the window's number in its trial,
        its first sample and the one after its last. `description` holds `labels` (the sorted
        labels as JSON, the same for all) and the subject and session where they are known, so
        `split("session")` works; `get_metadata()` holds the trials' metadata with `label` and
        `target`.

    Raises
    ------
    UserError
        If braindecode is not installed, or there are no trials.

    Notes
    -----
    braindecode keeps windows in MNE's epochs. Here they hold microvolts, as they do after
    braindecode's tutorials scaled them, so networks see numbers near one; do not scale
    again. The epochs are in memory in float64: 8 bytes a sample, twice what a store takes.
    """
    with importing_braindecode("braindecode's data sets"):
        from braindecode.datasets import BaseConcatDataset, WindowsDataset
    if not len(trials):
        raise UserError("there are no trials, and braindecode's data sets cannot be empty: choose some")
    labels, targets = np.unique(trials.labels, return_inverse=True)
    # braindecode lays a description beside every trial, so it must not be a list.
    named = json.dumps(labels.tolist())
    parts = []
    for known, places in _groups(trials.metadata):
        description = pd.Series({"labels": named, **known}, dtype=object)
        parts.append(WindowsDataset(_windows(trials.select(places), targets[places]), description))
    return BaseConcatDataset(parts)


@contextmanager
def importing_braindecode(what: str) -> Iterator[None]:
    """Let a block import braindecode.

    Parameters
    ----------
    what : str
        What needs it, in the plural, for the message.

    Raises
    ------
    UserError
        If braindecode is not installed.
    """
    try:
        with quiet():
            yield
    except ImportError as error:
        raise UserError(
            f"{what} need braindecode: pip install 'mindglyph[zoo]', or in a clone 'uv run --extra zoo mindglyph …'"
        ) from error


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back braindecode's remarks on its own and others' deprecations, which no user could mend."""
    # Some of them go to MNE's log instead, which writes on stdout.
    with warnings.catch_warnings(), mne.utils.use_log_level("error"):
        warnings.simplefilter("ignore")
        yield


def _groups(metadata: pd.DataFrame) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Return subject and session, as far as they are known, with the places of their trials."""
    known = [name for name in _GROUPS if name in metadata]
    if not known:
        return [({}, np.arange(len(metadata)))]
    numbers = metadata.groupby(known, sort=False, dropna=False).ngroup().to_numpy()
    places = [np.flatnonzero(numbers == number) for number in range(numbers.max() + 1)]
    return [(metadata[known].iloc[at[0]].to_dict(), at) for at in places]


def _windows(trials: Trials, targets: np.ndarray) -> mne.EpochsArray:
    n_times = trials.signals.shape[2]
    table = trials.metadata.assign(
        label=trials.labels, target=targets, i_window_in_trial=0, i_start_in_trial=0, i_stop_in_trial=n_times
    )
    events = np.column_stack([np.arange(len(trials)), np.zeros(len(trials), dtype=int), targets])
    signals = trials.signals.astype(np.float64)
    return mne.EpochsArray(signals, trials.info, events=events, tmin=trials.tmin, metadata=table, verbose="error")
