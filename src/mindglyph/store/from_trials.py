"""Writes trials that are already there, such as a person's own arrays, as a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.sources.recording import Chunk, Recording
from mindglyph.store import layout
from mindglyph.store.writing import write_store
from mindglyph.trials import Trials

_CHUNK = 1000


def write_trials(trials: Trials, path: Path | str, name: str = "arrays", ordered: bool = True) -> dict[str, Any]:
    """Write trials as a store, whole or not at all, so that every command can work on them.

    Parameters
    ----------
    trials : Trials
        In the order of recording; `Trials.from_arrays` makes them of arrays, `Trials.from_mne` of epochs.
    path : Path or str
        The folder; an older store there that was made of arrays is replaced when the new one is complete.
    name : str
        What the recording is called in reports.
    ordered : bool
        Whether the trials do stand in the order of recording. Say False where that is not known:
        no split is honest then, and every verdict says so.

    Returns
    -------
    dict
        What `write_store` counted.

    Raises
    ------
    UserError
        If there are no trials, or the folder is something else, such as the store of a recording that
        was imported, or cannot be written.
    """
    n_trials, n_channels, n_times = trials.signals.shape

    def read() -> Iterator[Chunk]:
        # A part at a time, since the signals may be mapped and larger than the memory.
        for start in range(0, n_trials, _CHUNK):
            part = trials.select(np.arange(start, min(start + _CHUNK, n_trials)))
            yield Chunk(part, [], len(part), start + len(part))

    recording = Recording(
        path=Path(name),
        format=layout.ARRAYS,
        seen=f"{n_trials:,} trials of {n_channels} channels and {n_times} samples, given as arrays",
        info=trials.info,
        n_times=n_times,
        size=trials.signals.nbytes,
        read=read,
        ordered=ordered,
        order=(),
    )
    return write_store(Path(path), recording)
