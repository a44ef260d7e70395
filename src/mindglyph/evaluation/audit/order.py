"""Whether the label follows time: in runs, along the recording, by session or block, or in a cycle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mindglyph.evaluation.audit.chance import ALPHA, Association, Runs, associate, count_runs
from mindglyph.evaluation.audit.material import Folds, Material
from mindglyph.evaluation.audit.montage import known_headset
from mindglyph.evaluation.audit.result import Finding
from mindglyph.inspection.labels import divided, dividing_columns, stretches
from mindglyph.inspection.result import Clock
from mindglyph.inspection.timing import read_clock

_GAIN = 0.1
"""By so much a guess by time alone must beat chance for a score to be worthless: what an honest decoder adds to chance
is rarely more, so such a lie would be as large as all there is to find."""

_REPEATED = 0.1  # more trials than by chance with the label of the one before
_BINS = 50
_FEWEST_IN_BIN = 20
_LONGEST_CYCLE = 128
_CYCLE = 0.9  # of the labels that the place in a cycle tells

_STEPS_BACK = 0.01
"""So many of the trials may be earlier than the one before: a clock that is set leaves the order as it is."""


@dataclass(frozen=True)
class LabelsInTime:
    """How the labels lie along the recording.

    Attributes
    ----------
    runs : Runs
        Against those of a random order.
    along : Association
        Of labels and stretches of the recording.
    by : dict of str to Association
        Of labels and the values of each column that divides the recording.
    nearest : dict of str to float
        For each split the share of the tested labels that is right by naming the label of the training
        trial that is nearest in time.
    clock : Clock or None
        What the times of the trials tell, where there are any.
    runs_by_clock : Runs or None
        The runs in the order of the clock, where the trials stand in another.
    n_trials : int
        That the labels are of.
    """

    runs: Runs
    along: Association
    by: dict[str, Association]
    nearest: dict[str, float]
    clock: Clock | None = None
    runs_by_clock: Runs | None = None
    n_trials: int = 0

    @property
    def follows(self) -> bool:
        """Whether time alone tells enough of the label to make a score worthless."""
        return self.in_runs or any(_grave(found) for found in (self.along, *self.by.values()))

    @property
    def in_runs(self) -> bool:
        """Whether too many trials have the label of the one before."""
        return _many(self.runs)

    @property
    def out_of_time(self) -> bool:
        """Whether the rows are in an order that is not that of the clock, sorted by label or otherwise."""
        often = self.clock is not None and self.clock.backwards > _STEPS_BACK * self.n_trials
        return often or self.sorted_by_label

    @property
    def sorted_by_label(self) -> bool:
        """Whether labels are in runs as the trials stand, and are not in the order of the clock."""
        return self.in_runs and self.runs_by_clock is not None and not _many(self.runs_by_clock)


def labels_in_time(material: Material) -> LabelsInTime:
    """Measure how the labels lie along the recording."""
    codes, table = material.codes, material.metadata
    n_bins = max(2, min(_BINS, len(codes) // max(_FEWEST_IN_BIN, 5 * len(material.names))))
    bins = np.arange(len(codes)) * n_bins // len(codes)
    by, seen = {}, set()
    for column in dividing_columns(table):
        places = divided(table, column)[1]
        # The blocks of a session count from one again.
        if column == "block" and "session" in table:
            places = places + (places.max() + 1) * divided(table, "session")[1]
        # A run is often a file of its own; once is enough.
        if places.tobytes() not in seen:
            seen.add(places.tobytes())
            by[column] = associate(codes, places, material.seed)
    nearest = {name: _nearest_in_time(codes, folds) for name, folds in material.plans.items()}
    clock = read_clock(material.evaluated)
    by_clock = None
    if clock is not None and clock.backwards:
        by_clock = count_runs(codes[np.lexsort([table[clock.column].to_numpy(), stretches(table)])])
    along = associate(codes, bins, material.seed)
    return LabelsInTime(count_runs(codes), along, by, nearest, clock, by_clock, len(codes))


def order_findings(material: Material, found: LabelsInTime) -> Iterator[Finding]:
    """Say whether the label follows time.

    Parameters
    ----------
    material : Material
        What is audited.
    found : LabelsInTime
        Its labels along the recording.

    Yields
    ------
    Finding
        What is wrong, and what is not.
    """
    if not material.ordered:
        why = "The order of recording is lost, so neighbours in time stand on both sides of whatever split is made."
        mend = "No split of these data is honest: fetch the original recording, which has the order."
        yield Finding("fail", "order of recording", "unknown", why, mend)
    else:
        yield _in_order(found)
        yield _runs(found)
        yield _along(found)
    for column, association in found.by.items():
        yield _by_column(column, association)
    yield _cycle(material)


def _in_order(found: LabelsInTime) -> Finding:
    about, clock = "order of recording", found.clock
    if clock is None or not clock.backwards:
        return Finding("ok", about, "known", "Trials stand in the order in which they were recorded.")
    figure = f"{clock.column} steps back {_times(clock.backwards)}"
    anew = f"{_sort(clock)}; if it starts anew in parts of the recording, give these a column 'session'."
    if not found.out_of_time:
        why = "Few trials are earlier than the one before: a clock was set, or stretches stand at the wrong place."
        return Finding("warn", about, figure, why, anew)
    why = (
        "Trials do not stand in the order of recording, so neighbours in time stand on both sides of whatever split "
        "is made, and nothing can be said of time."
    )
    return Finding("fail", about, figure, why, anew)


def _sort(clock: Clock) -> str:
    return f"Sort the trials by {clock.column} and import again"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _runs(found: LabelsInTime) -> Finding:
    runs = found.runs
    figure = (
        f"{runs.repeated:.0%} of the trials have the label of the one before ({runs.repeated_expected:.0%} by chance)"
    )
    if not found.in_runs:
        if runs.p_value < ALPHA:
            why = (
                "Labels repeat a little more often than in random order, so what drifts slowly tells a little of them."
            )
            return Finding("warn", "label follows time", figure, why, "Read scores of a blocked split only.")
        return Finding("ok", "label follows time", figure, "What was shown just before does not tell what is shown.")
    told = "; ".join(f"{share:.0%} right in the split '{name}'" for name, share in found.nearest.items())
    guess = f"; naming the label of the nearest training trial in time is {told}" if told else ""
    if found.clock is not None and found.sorted_by_label:
        why = "The trials were sorted by label: in the order of the clock the labels are in no runs."
        return Finding("fail", "label follows time", figure + guess, why, f"{_sort(found.clock)}.")
    why = (
        "This is a block design: each label is shown in runs, so whatever drifts slowly tells the label "
        "without the brain having seen anything."
    )
    mend = "Record again with the labels in random order: a split cannot repair this."
    return Finding("fail", "label follows time", figure + guess, why, mend)


def _along(found: LabelsInTime) -> Finding:
    along = found.along
    about, figure = "label along the recording", _told("the stretch of the recording", along)
    if _grave(along):
        if found.clock is not None and found.out_of_time:
            why = "Different labels stand in different stretches, in an order that is not that of the clock."
            return Finding("fail", about, figure, why, f"{_sort(found.clock)}: then it can be told.")
        why = "Different labels were shown at different times, so a decoder of time is taken for one of labels."
        return Finding("fail", about, figure, why, "Record again with every label spread over the whole recording.")
    if along.p_value < ALPHA:
        why = "Some labels come more often at some times, which helps a decoder a little that knows the time."
        return Finding("warn", about, figure, why, "Compare the score with its permutations within blocks.")
    return Finding("ok", about, figure, "Every label is spread over the whole recording.")


def _by_column(column: str, found: Association) -> Finding:
    about, figure = f"label by {column}", _told(f"the {column}", found)
    if _grave(found):
        why = f"The {column} tells the label, so a decoder of the {column} is taken for one of labels."
        return Finding("fail", about, figure, why, f"Record again with every label in every {column}.")
    if found.p_value < ALPHA:
        why = f"Some labels come more often in some values of {column}, which helps a decoder a little that knows it."
        return Finding("warn", about, figure, why, "Compare the score with its permutations within blocks.")
    return Finding("ok", about, figure, f"The {column} does not tell the label.")


def _cycle(material: Material) -> Finding:
    """Look for labels that go round with the rows, or that are told by a column `channel`."""
    codes, table = material.codes, material.metadata
    majority = np.bincount(codes).max() / len(codes)
    about = "label goes round with the rows"
    if "channel" in table and table["channel"].nunique() > 1:
        share = _purity(codes, divided(table, "channel")[1])
        if share > max(_CYCLE, majority + _GAIN):
            why = "Each channel has its own label, so a decoder of channels is taken for one of labels."
            mend = f"{material.begin_anew}, so that all channels of an event are one trial with its label."
            return Finding("fail", about, f"the channel tells {share:.0%} of the labels", why, mend)
    longest = min(_LONGEST_CYCLE, len(codes) // 20)
    for length in range(2, longest + 1):
        share = _purity(codes, np.arange(len(codes)) % length)
        if share > max(_CYCLE, majority + _GAIN):
            channels = _headset_channels(material) == length
            kind = "there are as many channels" if channels else "as a channel, a marker or the trial before does"
            why = f"The label is told by the place in a cycle of {length} rows ({kind}), not by what was seen."
            mend = "Look how rows were given their labels, or show the labels in random order."
            return Finding("fail", about, f"row mod {length} tells {share:.0%} of the labels", why, mend)
    figure = f"no cycle up to {longest} rows" if longest > 1 else "too few trials to tell"
    return Finding("ok", about, figure, "The place of a row does not tell its label.")


def _headset_channels(material: Material) -> int:
    headset = known_headset(material.store.about["device"])
    return len(headset.channels if headset is not None else material.trials.info["ch_names"])


def _purity(codes: np.ndarray, groups: np.ndarray) -> float:
    counts = np.zeros((groups.max() + 1, codes.max() + 1), dtype=np.int64)
    np.add.at(counts, (groups, codes), 1)
    return float(counts.max(axis=1).sum() / len(codes))


def _nearest_in_time(codes: np.ndarray, folds: Folds) -> float:
    right = total = 0
    for train, test in folds:
        train = np.sort(train)
        after = np.searchsorted(train, test).clip(0, len(train) - 1)
        before = (after - 1).clip(0)
        nearer = np.where(np.abs(train[before] - test) <= np.abs(train[after] - test), train[before], train[after])
        right += int((codes[nearer] == codes[test]).sum())
        total += len(test)
    return right / max(1, total)


def _many(runs: Runs) -> bool:
    return runs.p_value < ALPHA and runs.repeated - runs.repeated_expected > _REPEATED


def _grave(found: Association) -> bool:
    return found.p_value < ALPHA and found.gain > _GAIN


def _told(what: str, found: Association) -> str:
    return f"{what} tells {found.accuracy:.0%} of the labels ({found.by_chance:.0%} by chance)"
