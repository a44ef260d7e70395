"""Looks for the ways in which data could lie, before anything is trained."""

from __future__ import annotations

from collections.abc import Sequence

from mindglyph.errors import UserError
from mindglyph.evaluation.audit.drift import drift_findings
from mindglyph.evaluation.audit.features import features_of
from mindglyph.evaluation.audit.labels import balance_findings, rest_findings
from mindglyph.evaluation.audit.losses import loss_findings
from mindglyph.evaluation.audit.markers import marker_finding
from mindglyph.evaluation.audit.material import Material, Plans, Report, gather
from mindglyph.evaluation.audit.moments import event_numbers, moment_findings
from mindglyph.evaluation.audit.montage import channel_findings
from mindglyph.evaluation.audit.order import labels_in_time, order_findings
from mindglyph.evaluation.audit.result import Audit, Finding, gravest_first
from mindglyph.evaluation.audit.sides import (
    event_findings,
    group_findings,
    neighbour_findings,
    official_findings,
    picture_findings,
)
from mindglyph.evaluation.audit.twice import copy_findings, overlap_findings
from mindglyph.evaluation.evaluated import evaluated_trials
from mindglyph.evaluation.splits import SPLITS, BlockedSplit, Fold, GroupSplit, groups_of, plan
from mindglyph.store import Store

_STEPS_AFTER = 7
_SHARE_AFTER = 0.5  # of the time that reading the signals takes, as the bar shows it


def audit_store(store: Store, plans: Plans, report: Report | None = None, seed: int = 0) -> Audit:
    """Look for the ways in which the data could lie.

    Parameters
    ----------
    store : Store
        Any store; its signals are read a few megabytes at a time.
    plans : mapping of str to sequence of (ndarray, ndarray)
        The folds of each split by its name: places of training and of test trials among the evaluated
        trials, those with a digit.
    report : callable, optional
        Called with the steps done so far and in all.
    seed : int
        For permutations; the same seed gives the same findings.

    Returns
    -------
    Audit
        What was looked for, the gravest first.

    Raises
    ------
    UserError
        If a file of the store is damaged, or fewer than two labels are there.
    """
    steps = _Steps(report)
    material = gather(store, plans, seed, steps.reading)
    found = labels_in_time(material)
    findings = list(order_findings(material, found))
    steps.next()
    follows = material.ordered and found.follows
    # Where rows are out of time, their places tell nothing of it.
    in_time = material.ordered and not found.out_of_time
    if in_time:
        findings += drift_findings(features_of(material.evaluated), material.codes, follows)
    steps.next()
    findings += [*copy_findings(material), *overlap_findings(material), *moment_findings(material)]
    steps.next()
    findings += _across_the_split(material, in_time, follows)
    steps.next()
    findings += loss_findings(material)
    steps.next()
    findings.append(marker_finding(material.markers, material.trials, material.ordered and not follows))
    findings += channel_findings(material)
    steps.next()
    findings += [*balance_findings(material), *rest_findings(material)]
    steps.next()
    return Audit(
        store=store.path.resolve().name,
        trials=len(material.trials),
        evaluated=len(material.codes),
        looked_at=len(material.looked_at),
        splits=tuple(plans),
        findings=gravest_first(findings),
    )


def _across_the_split(material: Material, in_time: bool, label_follows: bool) -> list[Finding]:
    return [
        *event_findings(material, event_numbers(material)),
        *(neighbour_findings(material, label_follows) if in_time else ()),
        *group_findings(material),
        *picture_findings(material),
        *official_findings(material),
    ]


def plans_of(
    store: Store, splits: Sequence[str] = ("blocked",), folds: int = 5, gap: int = 10, seed: int = 0
) -> dict[str, list[Fold]]:
    """Divide the evaluated trials of a store, even where nothing could be learned from a fold.

    Parameters
    ----------
    store : Store
        The trials.
    splits : sequence of str
        Names of the splits.
    folds : int
        Number of folds at most.
    gap : int
        Trials left out on either side of a tested stretch; `blocked` only.
    seed : int
        Of the lot; `random` only.

    Returns
    -------
    dict of str to list of (train, test)
        The folds of each split. That one of them lacks a label is no mistake here, as it is for an
        evaluation: it is for the audit to say why.

    Raises
    ------
    UserError
        If a split is not known, or the trials cannot be divided so.
    """
    unknown = [name for name in splits if name not in SPLITS]
    if unknown:
        raise UserError(f"the split '{unknown[0]}' is not known: take one of {', '.join(SPLITS)}")
    trials = evaluated_trials(store)
    plans: dict[str, list[Fold]] = {}
    for name in splits:
        if name == "blocked":
            plans[name] = list(BlockedSplit(folds, gap).split(trials.labels))
        elif name == "session" or name == "subject":
            groups = groups_of("session" if name == "session" else "subject", trials.metadata)
            plans[name] = list(GroupSplit(folds, name).split(trials.labels, None, groups))
        else:
            plans[name] = plan("random", trials, folds, gap, seed)
    return plans


class _Steps:
    """Makes one count of the signals read and the steps that follow."""

    def __init__(self, report: Report | None) -> None:
        self._report = report or (lambda done, total: None)
        self._done = self._total = 0.0

    def reading(self, done: int, total: int) -> None:
        self._done, self._total = done, total * (1 + _SHARE_AFTER)
        self._report(round(self._done), round(self._total))

    def next(self) -> None:
        self._done += (self._total * _SHARE_AFTER) / (1 + _SHARE_AFTER) / _STEPS_AFTER
        self._report(round(self._done), round(self._total))
