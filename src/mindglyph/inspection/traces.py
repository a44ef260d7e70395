"""What the figures of an inspection are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import mne
import numpy as np
import pandas as pd

from mindglyph.inspection.labels import stretches
from mindglyph.inspection.means import MeanSignals

_BLOCKS = 150
_FEWEST_IN_BLOCK = 5


@dataclass(frozen=True)
class Traces:
    """Curves and counts over the recording.

    Attributes
    ----------
    info : mne.Info
        Channels with their places.
    frequencies : ndarray, shape (n_frequencies,)
        In Hz.
    power : ndarray, shape (n_channels, n_frequencies)
        Mean power spectra in µV²/Hz.
    means : MeanSignals
        Mean signals of the labels.
    spread : ndarray, shape (n_channels,)
        Typical spread of each channel in microvolts.
    block_edges : ndarray, shape (n_blocks + 1,)
        Trials at which blocks of neighbouring trials begin.
    block_spread : ndarray, shape (n_blocks, n_channels)
        Median spread in each block in microvolts.
    block_labels : ndarray, shape (n_blocks, n_labels)
        Trials of each label in each block.
    labels : list of str
        All labels, in their order.
    boundaries : ndarray, shape (n_boundaries,)
        Trials at which another session, run or file begins.
    """

    info: mne.Info
    frequencies: np.ndarray
    power: np.ndarray
    means: MeanSignals
    spread: np.ndarray
    block_edges: np.ndarray
    block_spread: np.ndarray
    block_labels: np.ndarray
    labels: list[str]
    boundaries: np.ndarray


def block_edges(n_trials: int) -> np.ndarray:
    """Divide the recording into blocks of neighbouring trials."""
    blocks = max(1, min(_BLOCKS, n_trials // _FEWEST_IN_BLOCK))
    return np.linspace(0, n_trials, blocks + 1).round().astype(np.int64)


def block_medians(spreads: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the median of each block: (n_trials, n_channels) to (n_blocks, n_channels).

    Parameters
    ----------
    spreads : ndarray, shape (n_trials, n_channels)
        Of each trial.
    edges : ndarray of int, shape (n_blocks + 1,)
        Where blocks of trials begin and end.

    Returns
    -------
    ndarray, shape (n_blocks, n_channels)
        In the unit of `spreads`.
    """
    return np.stack([np.median(spreads[start:stop], axis=0) for start, stop in pairwise(edges)])


def block_counts(labels: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, list[str]]:
    """Return the trials of each label in each block, and the labels.

    Parameters
    ----------
    labels : ndarray, shape (n_trials,)
        Of each trial.
    edges : ndarray of int, shape (n_blocks + 1,)
        Where blocks of trials begin and end.

    Returns
    -------
    counts : ndarray of int, shape (n_blocks, n_labels)
        Trials of each label in each block.
    labels : list of str
        In the order of the columns.
    """
    known, codes = np.unique(labels, return_inverse=True)
    counts = np.zeros((len(edges) - 1, len(known)), dtype=np.int64)
    blocks = np.searchsorted(edges, np.arange(len(labels)), side="right") - 1
    np.add.at(counts, (blocks, codes), 1)
    return counts, [str(label) for label in known]


def boundaries(metadata: pd.DataFrame) -> np.ndarray:
    """Return the trials at which another subject, session, run, set or file begins."""
    return np.flatnonzero(np.diff(stretches(metadata))) + 1
