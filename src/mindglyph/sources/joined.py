"""Several recordings as one: the runs of a folder, or a set's files for training and test."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mindglyph.errors import UserError
from mindglyph.sources.recording import Chunk, Recording


def joined(path: Path, recordings: Sequence[Recording]) -> Recording:
    """Make one recording of several.

    Parameters
    ----------
    path : Path
        What the user gave, for the report.
    recordings : sequence of Recording
        Of one format, with the same channels, rate and length of a trial.

    Returns
    -------
    Recording
        One after the other: event numbers run on, and each is a session and a run of its own
        where it does not say which it is.

    Raises
    ------
    UserError
        If two of them do not fit one another, with how they differ.
    """
    first = recordings[0]
    if len(recordings) == 1:
        return first
    for other in recordings[1:]:
        for what, one, two in (
            ("format", first.format, other.format),
            ("channels", first.info["ch_names"], other.info["ch_names"]),
            ("rate", first.info["sfreq"], other.info["sfreq"]),
            ("samples of a trial", first.n_times, other.n_times),
        ):
            if one != two:
                raise UserError(
                    f"{other.path}: its {what} ({two}) differ from {first.path.name}'s ({one}): import it alone"
                )

    def read() -> Iterator[Chunk]:
        last = done = 0
        for number, recording in enumerate(recordings, start=1):
            shift: int | None = None
            for chunk in recording.read():
                if chunk.trials is not None:
                    table = chunk.trials.metadata
                    if shift is None:
                        # A file that counts from zero goes on one later, lest its first event be the last one again.
                        shift = last + max(0, 1 - int(table["event"].min())) if number > 1 else 0
                    own = {name: number for name in ("session", "run") if name not in table}
                    table = table.assign(event=table["event"] + shift, part=number, **own)
                    last = max(last, int(table["event"].max()))
                    chunk = replace(chunk, trials=replace(chunk.trials, metadata=table))
                yield replace(chunk, position=min(done + chunk.position, done + recording.size))
            done += recording.size

    return replace(
        first,
        path=path,
        seen=f"{len(recordings)} recordings ({', '.join(recording.path.name for recording in recordings)}), the first: "
        f"{first.seen}",
        size=sum(recording.size for recording in recordings),
        read=read,
        ordered=all(recording.ordered for recording in recordings),
        # By time where all have one, else file by file.
        order=first.order if "unix_time" in first.order else ("part", *first.order),
        warnings=tuple(_named_warnings(recordings)),
    )


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
