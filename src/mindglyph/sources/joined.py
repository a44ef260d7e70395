"""Several recordings as one: the runs of a folder, or a set's files for training and test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from mindglyph.errors import UserError
from mindglyph.sources.recording import Chunk, Recording
from mindglyph.trials import Trials


def joined(path: Path, recordings: Sequence[Recording]) -> Recording:
    """Make one recording of several.

    Parameters
    ----------
    path : Path
        What the user gave, for the report.
    recordings : sequence of Recording
        Of one format, with the same channels (in any order), rate and length of a trial.

    Returns
    -------
    Recording
        One after the other: event numbers run on, and each is a session and a run of its own
        where it does not say which it is.

    Raises
    ------
    UserError
        If two of them do not fit one another, with how they differ, or one is given twice.
    """
    first = recordings[0]
    if len(recordings) == 1:
        return first
    _check_together(recordings)

    return replace(
        first,
        path=path,
        seen=f"{len(recordings)} recordings ({', '.join(recording.path.name for recording in recordings)}), the first: "
        f"{first.seen}",
        size=sum(recording.size for recording in recordings),
        read=partial(read_joined, recordings),
        ordered=all(recording.ordered for recording in recordings),
        # By time where all have one, else file by file.
        order=first.order if "unix_time" in first.order else ("part", *first.order),
        warnings=tuple(_named_warnings(recordings)),
        parts=tuple(recordings),
        reopen=None,
    )


def read_joined(recordings: Sequence[Recording]) -> Iterator[Chunk]:
    """Read recordings one after the other.

    Parameters
    ----------
    recordings : sequence of Recording
        That fit one another; each is read when those before it are.

    Yields
    ------
    Chunk
        With event numbers, sessions and bytes that run on.

    Raises
    ------
    UserError
        If what they hold does not fit, or one cannot be read.
    """
    first = recordings[0]
    last = done = 0
    begun: tuple[Recording, Trials] | None = None
    for number, recording in enumerate(recordings, start=1):
        shift: int | None = None
        for chunk in recording.read():
            if chunk.trials is not None:
                trials = _in_order_of(first.info["ch_names"], chunk.trials)
                begun = begun or (recording, trials)
                _check_parts(begun, recording, trials)
                table = trials.metadata
                if shift is None:
                    # A file that counts from zero goes on one later, lest its first event be the last one again.
                    shift = last + max(0, 1 - int(table["event"].min())) if number > 1 else 0
                own = {name: number for name in ("session", "run") if name not in table}
                table = table.assign(event=table["event"] + shift, part=number, **own)
                last = max(last, int(table["event"].max()))
                chunk = replace(chunk, trials=replace(trials, info=first.info, metadata=table))
            yield replace(chunk, position=min(done + chunk.position, done + recording.size))
        done += recording.size


def _check_together(recordings: Sequence[Recording]) -> None:
    first = recordings[0]
    paths = [recording.path.resolve() for recording in recordings]
    for place, recording in enumerate(recordings):
        if paths.index(paths[place]) < place:
            raise UserError(f"{recording.path}: is given twice: give each file once")
        for what, one, two in (
            ("format", first.format, recording.format),
            ("channels", sorted(first.info["ch_names"]), sorted(recording.info["ch_names"])),
            ("rate", first.info["sfreq"], recording.info["sfreq"]),
            ("samples of a trial", first.n_times, recording.n_times),
        ):
            if one != two:
                raise UserError(f"{recording.path}: {_differ(what, two, one, first.path)}")


def _check_parts(begun: tuple[Recording, Trials], recording: Recording, trials: Trials) -> None:
    first, before = begun
    for what, one, two in (
        ("kind of labels", _kind_of(before.labels), _kind_of(trials.labels)),
        ("signals beside the EEG", _extras_of(before), _extras_of(trials)),
        ("pictures", before.images is not None, trials.images is not None),
        ("first moment of a trial", before.tmin, trials.tmin),
    ):
        if one != two:
            raise UserError(f"{recording.path}: {_differ(what, two, one, first.path)}")


def _differ(what: str, own: object, other: object, path: Path) -> str:
    return f"its {what} ({own}) differ from {path.name}'s ({other}): import it alone"


def _kind_of(labels: np.ndarray) -> str:
    return "whole numbers" if labels.dtype.kind in "iu" else "text"


def _extras_of(trials: Trials) -> str:
    parts = (f"{name}: {' '.join(extra.ch_names)}" for name, extra in sorted(trials.extras.items()))
    return ", ".join(parts) or "none"


def _in_order_of(names: Sequence[str], trials: Trials) -> Trials:
    """Return trials with their channels as another file has them."""
    own = trials.info["ch_names"]
    if own == names:
        return trials
    return replace(trials, signals=trials.signals[:, [own.index(name) for name in names]])


def _named_warnings(recordings: Sequence[Recording]) -> Iterator[str]:
    names: dict[str, list[str]] = {}
    for recording in recordings:
        for warning in recording.warnings:
            names.setdefault(warning, []).append(recording.path.name)
    for warning, of in names.items():
        yield warning if len(of) == len(recordings) else f"{', '.join(of)}: {warning}"


def in_natural_order(paths: Sequence[Path]) -> list[Path]:
    """Sort paths as a person does: run-2 before run-10."""

    def key(path: Path) -> list[tuple[int, int, str]]:
        parts = re.split(r"(\d+)", path.name)
        return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]

    return sorted(paths, key=key)
