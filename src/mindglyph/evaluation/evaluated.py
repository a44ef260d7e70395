"""Which trials of a store are evaluated, and what their evaluation needs to know of them."""

from __future__ import annotations

import numpy as np

from mindglyph.errors import UserError
from mindglyph.inspection import read_clock
from mindglyph.store import Store
from mindglyph.trials import Trials

NO_PICTURE = -1
"""Code of trials in which no digit was shown."""


def shown(labels: np.ndarray) -> np.ndarray:
    """Return in which trials something was shown, (n_trials,); among words code -1 is a word too."""
    return labels.astype(str) != str(NO_PICTURE)


def evaluated_trials(store: Store) -> Trials:
    """Return the trials in which something was shown.

    Trials of code -1 are left out: a decoder that only tells rest from digits would score
    above the chance level of ten digits.

    Parameters
    ----------
    store : Store
        Trials on disk.

    Returns
    -------
    Trials
        In the order of recording, and still on disk; without what was recorded beside the EEG.

    Raises
    ------
    UserError
        If fewer than two labels are left.
    """
    trials = store.trials(extras=False)
    chosen = shown(trials.labels)
    if len(np.unique(trials.labels[chosen])) < 2:
        raise UserError(f"{store.path}: holds fewer than two different labels: there is nothing to decode")
    return trials if chosen.all() else trials.view(chosen)


def seconds_between(trials: Trials) -> float:
    """Return the seconds from one trial to the next: by the clock where there is one, else a trial's length."""
    clock = read_clock(trials)
    if clock is None or not clock.interval:
        return float(trials.signals.shape[-1] / trials.sfreq)
    return clock.interval
