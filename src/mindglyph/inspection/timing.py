"""When trials were recorded: lengths, event numbers, times."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mindglyph.inspection.labels import stretches
from mindglyph.inspection.result import Clock, Lengths, Order
from mindglyph.trials import Trials

PAUSE = 5
"""An interval of more than so many medians is a pause."""

_CLOCKS = ("unix_time", "onset_s")
_SAMPLES = ("onset_sample", "sample")
_SECONDS_UNTIL = 1e11  # as seconds, the year 5138; larger numbers count milliseconds


def measure_lengths(trials: Trials) -> Lengths:
    """Say how long trials are, and how long they were."""
    n_times = trials.signals.shape[-1]
    table = trials.metadata
    lengths = table["n_samples"].to_numpy() if "n_samples" in table else None
    return Lengths(
        n_times=n_times,
        seconds=n_times / trials.sfreq,
        tmin=float(trials.tmin),
        shortest=None if lengths is None else int(lengths.min()),
        median=None if lengths is None else float(np.median(lengths)),
        longest=None if lengths is None else int(lengths.max()),
        padded=0 if lengths is None else int((lengths < n_times).sum()),
        cropped=0 if lengths is None else int((lengths > n_times).sum()),
        cut=int(table["cut"].sum()) if "cut" in table else 0,
    )


def read_order(metadata: pd.DataFrame, ordered: bool) -> Order:
    """Look for numbers that are skipped, that come twice, and for trials that stand elsewhere in the file.

    Parameters
    ----------
    metadata : DataFrame
        One row a trial, in the order of the store.
    ordered : bool
        Whether the store knows the order of recording.

    Returns
    -------
    Order
        What was counted.
    """
    out_of_order = _out_of_order(metadata)
    events = metadata["event"]
    if not pd.api.types.is_integer_dtype(events):
        return Order(ordered, None, None, 0, 0, 0.0, 0, out_of_order)
    numbers = events.to_numpy(dtype=np.int64)
    # Numbers that come once in the whole recording run on from one stretch to the next.
    own = np.zeros(len(numbers), dtype=np.int64) if events.is_unique else stretches(metadata)
    order = np.lexsort([numbers, own])
    steps = np.diff(numbers[order])[np.diff(own[order]) == 0]
    skipped = steps[steps > 1] - 1
    n_distinct = len(numbers) - int((steps == 0).sum())
    return Order(
        ordered=ordered,
        first_event=int(numbers.min()),
        last_event=int(numbers.max()),
        gaps=len(skipped),
        largest_gap=int(skipped.max(initial=0)),
        missing=float(skipped.sum() / (n_distinct + skipped.sum())),
        repeated=int((steps == 0).sum()),
        out_of_order=out_of_order,
    )


def _out_of_order(metadata: pd.DataFrame) -> int | None:
    if "line" not in metadata:
        return None
    lines = metadata["line"].to_numpy()
    files = pd.factorize(metadata["file"])[0] if "file" in metadata else np.zeros(len(lines), dtype=np.int64)
    order = np.argsort(files, kind="stable")
    return int(((np.diff(lines[order]) < 0) & (np.diff(files[order]) == 0)).sum())


def read_clock(trials: Trials) -> Clock | None:
    """Say what the times of the trials tell, or None where the recording holds no times."""
    table = trials.metadata
    column = next((name for name in _CLOCKS if name in table and _is_time(table[name])), None)
    if column is None or len(table) < 2:
        return None
    times = _in_seconds(table[column].to_numpy(dtype=np.float64))
    within = np.diff(stretches(table)) == 0
    steps = np.diff(times)[within]
    if not len(steps):
        return None
    forwards = steps[steps > 0]
    interval = float(np.median(forwards)) if len(forwards) else 0.0
    pauses = forwards[forwards > PAUSE * interval]
    duration = trials.signals.shape[-1] / trials.sfreq
    return Clock(
        column=column,
        first=float(times.min()),
        last=float(times.max()),
        spanned=float(forwards.sum()),
        interval=interval,
        pauses=len(pauses),
        longest_pause=float(pauses.max(initial=0)),
        backwards=int((steps < 0).sum()),
        # Stamps are rarely finer than a millisecond.
        overlapping=int(((steps >= 0) & (steps < duration - 0.0015)).sum()),
        rate=_rate(table, np.diff(times), within),
    )


def _is_time(column: pd.Series) -> bool:
    return bool(pd.api.types.is_numeric_dtype(column) and np.isfinite(column.to_numpy(dtype=np.float64)).all())


def _in_seconds(times: np.ndarray) -> np.ndarray:
    while np.abs(times).max() > _SECONDS_UNTIL:
        times = times / 1000
    return times


def _rate(table: pd.DataFrame, seconds: np.ndarray, within: np.ndarray) -> float | None:
    """Return samples per second between trials, pauses aside, in which a device may stop counting."""
    column = next((name for name in _SAMPLES if name in table and _is_time(table[name])), None)
    if column is None:
        return None
    samples = np.diff(table[column].to_numpy(dtype=np.float64))
    usable = within & (seconds > 0) & (samples > 0)
    if not usable.any():
        return None
    usable &= seconds <= PAUSE * np.median(seconds[usable])
    return float(samples[usable].sum() / seconds[usable].sum())
