"""What stands on both sides of a split: events, pictures, sessions, neighbours; and the official division."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np
import pandas as pd

from mindglyph.evaluation.audit.material import Folds, Material
from mindglyph.evaluation.audit.result import Finding
from mindglyph.inspection.labels import divided
from mindglyph.inspection.parts import slices

_NEIGHBOURS = 0.5  # of the tested trials
_INTERLEAVED = 0.2  # of the official test trials
_OWN_KIND = ("session", "subject")
_PARTS = ("set", "split", "file")


def both_sides(material: Material, groups: np.ndarray) -> Iterator[tuple[str, float, int]]:
    """Yield the splits that put trials of one group on both sides.

    Parameters
    ----------
    material : Material
        What is audited.
    groups : ndarray of int, shape (n_evaluated,)
        Number of each trial's group; -1 is none.

    Yields
    ------
    name, share, number
        Of the split, and of its tested trials whose group was trained on.
    """
    for name, folds in material.plans.items():
        number = total = 0
        for train, test in folds:
            tested = groups[test]
            number += int((np.isin(tested, groups[train]) & (tested >= 0)).sum())
            total += len(test)
        if number:
            yield name, number / total, number


def event_findings(material: Material, events: np.ndarray) -> Iterator[Finding]:
    """Say whether rows of one event stand on both sides; `events` numbers those of the evaluated trials."""
    crossed = False
    for name, share, number in both_sides(material, events):
        crossed = True
        why = "Rows of the same event are trained on and tested, so a decoder is right by recognising the moment."
        mend = f"{material.begin_anew}, so that all rows of an event are one trial."
        figure = f"{number:,} tested trials ({share:.0%}; {name})"
        yield Finding("fail", "events across the split", figure, why, mend, name)
    if not crossed and material.plans:
        yield Finding("ok", "events across the split", "none", "Every event stands on one side only.")


def group_findings(material: Material) -> Iterator[Finding]:
    """Say whether training and test share sessions and subjects."""
    for column in _OWN_KIND:
        table = material.metadata
        if column not in table or table[column].nunique(dropna=False) < 2:
            continue
        groups = divided(table, column)[1]
        shared = {name: share for name, share, _ in both_sides(material, groups)}
        for name in material.plans:
            yield _group_finding(column, name, shared.get(name, 0.0))


def _group_finding(column: str, name: str, share: float) -> Finding:
    about = f"{column}s across the split"
    if not share:
        return Finding("ok", about, f"none ({name})", f"No {column} is trained on and tested.", split=name)
    figure = f"{share:.0%} of the tested trials are of a {column} that was trained on ({name})"
    if name == column:
        why = f"A split by {column} must not train on the {column} that it tests."
        return Finding("fail", about, figure, why, f"Divide by the column {column} of the trials.", name)
    # No lie: the score is honest about what it says. It says less than a reader may think.
    why = f"The score holds within a {column} that was trained on; it says nothing of another {column}."
    return Finding("ok", about, figure, why, split=name)


def picture_findings(material: Material) -> Iterator[Finding]:
    """Say whether the same picture was shown in training and in the test."""
    pictures = _picture_numbers(material)
    if pictures is None:
        return
    crossed = False
    for name, share, number in both_sides(material, pictures):
        crossed = True
        why = (
            "Pictures that were tested had been shown in training too, so a score of the picture may be one of "
            "remembering it rather than of drawing a new one."
        )
        mend = "Believe the score of the digit, and that of pictures only where each was shown on one side."
        yield Finding(
            "warn", "pictures across the split", f"{number:,} tested trials ({share:.0%}; {name})", why, mend, name
        )
    if not crossed and material.plans:
        yield Finding("ok", "pictures across the split", "none", "Every picture that is tested is a new one.")


def _picture_numbers(material: Material) -> np.ndarray | None:
    table, images = material.metadata, material.evaluated.images
    if images is not None:
        digests = [
            hashlib.blake2b(picture.tobytes(), digest_size=16).digest()
            for stretch in slices(images)
            for picture in np.asarray(images[stretch])
        ]
        return pd.factorize(pd.Series(digests))[0]
    if "mnist_index" not in table:
        return None
    columns = [name for name in ("label_source", "set", "mnist_index") if name in table]
    return table.groupby(columns, dropna=False).ngroup().to_numpy(dtype=np.int64)


def neighbour_findings(material: Material, label_follows: bool) -> Iterator[Finding]:
    """Say whether tested trials have a training trial next to them in time.

    Parameters
    ----------
    material : Material
        What is audited.
    label_follows : bool
        Whether the label follows time.
    """
    about = "neighbours across the split"
    for name, folds in material.plans.items():
        share = _beside_training(len(material.codes), folds)
        figure = f"{share:.0%} of the tested trials stand next to a training trial ({name})"
        if share <= _NEIGHBOURS:
            why = "What is tested lies apart in time from what was learned."
            yield Finding("ok", about, figure, why, split=name)
        else:
            why = "Tested trials share drift and state with their neighbours in training, which raises the score."
            if label_follows:
                why = "Tested trials share drift, state and mostly the label with their neighbours in training."
            mend = "Take the split 'blocked', and show this one beside it only, named leaky."
            yield Finding("fail" if label_follows else "warn", about, figure, why, mend, name)


def _beside_training(n_trials: int, folds: Folds) -> float:
    beside = total = 0
    for train, test in folds:
        trained = np.zeros(n_trials + 2, dtype=bool)
        trained[train + 1] = True
        beside += int((trained[test] | trained[test + 2]).sum())
        total += len(test)
    return beside / max(1, total)


def official_findings(material: Material) -> Iterator[Finding]:
    """Say whether the official training and test parts of the recording were made apart."""
    column, test = _official(material.metadata)
    if column is None or not material.ordered:
        return
    about, table = "official division", material.metadata
    shared = 0.0
    if "session" in table and table["session"].nunique() > 1:
        sessions = divided(table, "session")[1]
        shared = float(np.isin(sessions[test], sessions[~test]).mean())
    in_time = _in_time(table, test)
    interleaved = _beside_training(len(test), [(np.flatnonzero(~in_time), np.flatnonzero(in_time))])
    figure = f"{column}: {int((~test).sum()):,} training and {int(test.sum()):,} test trials; "
    if not shared and interleaved <= _INTERLEAVED:
        figure += "one after the other"
        yield Finding("ok", about, figure, "The official test trials were recorded apart from the training trials.")
        return
    kinds = []
    if interleaved > _INTERLEAVED:
        kinds.append(f"{interleaved:.0%} of the test trials were recorded next to a training trial")
    if shared:
        kinds.append(f"{shared:.0%} are of a session that is trained on")
    why = "The official test trials come from the same sitting as the training trials, so scores on them are raised."
    mend = "Put both parts together and divide anew by 'blocked' or 'session'."
    same = [name for name, folds in material.plans.items() if _is_official(folds, test)]
    yield Finding("fail" if same else "warn", about, figure + ", ".join(kinds), why, mend, same[0] if same else "")


def _official(table: pd.DataFrame) -> tuple[str | None, np.ndarray]:
    """Return the column that names training and test parts, and which trials are of the test."""
    for column in _PARTS:
        if column in table:
            words = table[column].astype(str).str.lower()
            test = words.str.contains("test").to_numpy()
            train = words.str.contains("train").to_numpy()
            if test.any() and train.any() and not (test & train).any():
                return column, test
    return None, np.zeros(len(table), dtype=bool)


def _in_time(table: pd.DataFrame, test: np.ndarray) -> np.ndarray:
    """Return which trials are of the test, in the order of the clock where there is one."""
    if "unix_time" in table and np.isfinite(table["unix_time"].to_numpy(dtype=np.float64)).all():
        return test[np.argsort(table["unix_time"].to_numpy(dtype=np.float64), kind="stable")]
    return test


def _is_official(folds: Folds, test: np.ndarray) -> bool:
    return any(test[tested].all() and not test[train].any() for train, tested in folds)
