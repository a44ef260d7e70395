"""Whether trials are there twice or share samples, together or on both sides of a split."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mindglyph.evaluation.audit.material import Material
from mindglyph.evaluation.audit.result import Finding
from mindglyph.evaluation.audit.sides import both_sides
from mindglyph.inspection.parts import evenly_spaced, repaired
from mindglyph.inspection.timing import read_clock

_PAIRS = 400  # of neighbours whose signals are compared
_TAIL = 16  # samples at the end of a trial that are looked for in the next
_OVERLAPPING = 0.02  # of the pairs
_OVERSAMPLED = (
    "Keep one trial of each set: copies appended to balance the labels are to be made inside the training fold, by "
    "oversampling after the split."
)


def copy_findings(material: Material) -> Iterator[Finding]:
    """Say whether trials are the same as others: with another label, across a split, or merely twice."""
    sets = material.alike
    members = np.bincount(sets, minlength=len(sets))
    copied = members[sets] > 1
    spare = int(copied.sum() - np.count_nonzero(members > 1))
    about = "copies of trials"
    among = f"{len(sets):,} trials" + ("" if material.looked_at_all else f" looked at of {len(material.trials):,}")
    if not spare:
        yield Finding("ok", about, f"none among {among}", "No trial is there twice, not even at another level.")
        return
    labels = material.trials.labels[material.looked_at]
    first_label = labels[sets]
    crossing = len(np.unique(sets[copied & (labels != first_label)]))
    appended = not crossing and _at_the_end(sets)
    yield Finding(
        "warn",
        about,
        f"{spare:,} of {among}",
        "A trial that is there twice counts twice, and a score seems surer than it is.",
        _OVERSAMPLED
        if appended
        else "Keep one trial of each set, and find out which step of the import or of the recording made the others.",
    )
    if crossing:
        why = "The same signal carries different labels, so at least one of them is wrong."
        mend = "Find out which label is right, or leave these trials out."
        yield Finding("fail", "copies with another label", f"{crossing:,} signals", why, mend)
    # The evaluated trials' sets; those not looked at are in none.
    of_trial = np.full(len(material.trials), -1, dtype=np.int64)
    of_trial[material.looked_at[copied]] = sets[copied]
    for name, share, number in both_sides(material, of_trial[material.places]):
        why = "What is tested was seen in training, so a decoder is right by remembering."
        mend = _OVERSAMPLED if appended else "Keep one trial of each set, or put all of a set on one side."
        figure = f"{number:,} tested trials ({share:.1%}) have a copy in training ({name})"
        yield Finding("fail", "copies across the split", figure, why, mend, name)


def _at_the_end(sets: np.ndarray) -> bool:
    """Say whether all that is there again was appended, as it is where labels are balanced by copies."""
    again = np.flatnonzero(sets != np.arange(len(sets)))
    return bool(again[0] == len(sets) - len(again))


def overlap_findings(material: Material) -> Iterator[Finding]:
    """Say whether neighbouring trials share samples, by the clock and by the samples themselves."""
    about = "overlapping trials"
    clock = read_clock(material.evaluated)
    stamped = clock.overlapping if clock is not None else 0
    shared, compared = _shared_samples(material)
    if not stamped and shared <= _OVERLAPPING * compared:
        figure = f"none by {'the clock' if clock is not None else 'the samples'} ({compared:,} pairs compared)"
        yield Finding("ok", about, figure, "No trial begins before the one before it has ended.")
        return
    figure = f"{shared:,} of {compared:,} neighbours hold the same samples"
    if stamped:
        figure += f", {stamped:,} begin before the one before has ended"
    pairs = np.arange(len(material.codes)) // 2, (np.arange(len(material.codes)) + 1) // 2
    crossed = False
    for name in material.plans:
        numbers = [n for groups in pairs for found, _, n in both_sides(material, groups) if found == name]
        # Only at the edges of a stretch may a split without a gap part neighbours.
        edges = 4 * len(material.plans[name])
        if sum(numbers) > edges:
            crossed = True
            why = (
                "Neighbours share samples and stand on both sides of the split, so part of what is tested was learned."
            )
            mend = "Take a split in contiguous stretches with a gap, or cut trials that do not overlap."
            yield Finding("fail", "overlap across the split", f"{figure} ({name})", why, mend, name)
    if not crossed:
        why = "Neighbouring trials share samples, so they are fewer independent trials than they seem."
        mend = "Keep the gap between training and test, and count on wider intervals."
        yield Finding("warn", about, figure, why, mend)


def _shared_samples(material: Material) -> tuple[int, int]:
    """Return how many of the pairs of neighbours that were compared share samples, and how many were compared."""
    signals = material.evaluated.signals
    n_times = signals.shape[-1]
    if n_times < 2 * _TAIL or len(signals) < 2:
        return 0, 0
    channel = int(np.argmax(material.channels.spread))
    shared = compared = 0
    for place in evenly_spaced(len(signals) - 1, _PAIRS).tolist():
        one, other = (repaired(np.asarray(signals[place + step : place + step + 1]))[0, channel] for step in (0, 1))
        # Steps, so that a level that was removed from each trial does not hide it.
        tail = np.diff(one[-_TAIL:].astype(np.float64))
        if len(np.unique(tail)) < _TAIL // 4:
            continue
        compared += 1
        windows = sliding_window_view(np.diff(other.astype(np.float64)), len(tail))
        # Single precision on a level of thousands is a thousandth of a microvolt.
        tolerance = 1e-6 * float(np.abs(one).max()) + 1e-4 * float(np.std(tail))
        shared += bool((np.abs(windows - tail).max(axis=1) <= 4 * tolerance).any())
    return shared, compared
