"""Reads MNIST-8B and MNIST-2B (2023): raw values of 128 channels, with the picture and the clock of each trial.

The header names the channels and their samples (`FP1_0`), `label`, `label_source`, `label_pos`,
`label_imgpix_0…783`, `timestamp`, `sessionnum`, `blocknum` and `blockpos`. Half the rows are of a blank
screen. The digit was spoken aloud while it was shown.

Data: D. Vivancos, MindBigData 2023 MNIST-8B (https://doi.org/10.48550/arXiv.2306.00455).
"""

from __future__ import annotations

from pathlib import Path

import mne

from mindglyph.errors import UserError
from mindglyph.headsets import ADC_STEP, MNIST_8B
from mindglyph.sources.electrodes import read_places
from mindglyph.sources.recording import FileFormat, ImportSettings, Recording, Start
from mindglyph.sources.wide import WideFormat, in_words, wide_recording
from mindglyph.sources.wide_layout import (
    N_PIXELS,
    ColumnRun,
    Layout,
    NumberColumn,
    WordColumn,
    channel_layout,
    column_runs,
    label_column,
    read_header,
    split_header,
)
from mindglyph.trials import make_info

HEARING = "the digit was also spoken aloud while it was shown, so what is decoded may be hearing and not seeing"
"""What a user must know of these recordings."""

PLACES = "3Dcoords.csv"
"""The table of electrode places that is published beside the files."""

_SEPARATOR = "_"
_PIXELS = "label_imgpix"
_LABEL, _SOURCE, _TIME = "label", "label_source", "timestamp"
_WHOLE = {"label_pos": "mnist_index", "sessionnum": "session", "blocknum": "block", "blockpos": "block_position"}


def _samples(start: Start) -> int:
    """Return how many columns the first channel has; 0 where the file is none of these."""
    names = split_header(start.content.partition(b"\n")[0])
    first, separator, number = names[0].rpartition(_SEPARATOR)
    if not first or not separator or number != "0" or first == _PIXELS or len(names) < 2:
        return 0
    run = column_runs(names[:-1], _SEPARATOR)[0]
    return run.count if run.count > 1 else 0


def _file_format(name: str) -> FileFormat:
    headset = MNIST_8B[name]
    title = name.upper().replace("MNIST", "MNIST-")
    reduced = MNIST_8B["mnist2b"].n_times

    def recognises(start: Start) -> bool:
        count = _samples(start)
        return count > 0 and (count == reduced) == (headset.n_times == reduced)

    def open_recording(path: Path, settings: ImportSettings) -> Recording:
        header = read_header(path)
        layout = _layout(path, header)
        info, warnings = _info(path.with_name(PLACES), layout, headset.sfreq)
        wide = WideFormat(
            name=name,
            seen=f"MindBigData's {title} of 2023: {in_words(headset, layout)}",
            device=headset.name,
            info=info,
            layout=layout,
            microvolts=ADC_STEP,
            order=("unix_time",),
            constants=_set_of(path),
            warnings=(HEARING, *warnings),
        )
        return wide_recording(path, settings, wide)

    return FileFormat(
        name,
        f"MindBigData's {title} of 2023, 128 channels, {headset.n_times} samples, with the pictures shown",
        recognises,
        open_recording,
    )


FORMATS = tuple(_file_format(name) for name in MNIST_8B)
"""The whole set, and the one with the first half of each trial."""


def _layout(path: Path, header: tuple[str, ...]) -> Layout:
    places = {name: column for column, name in enumerate(header)}
    for needed, why in ((_LABEL, "is it a file of MNIST-8B?"), (_TIME, "without it the order of recording is lost")):
        if needed not in places:
            raise UserError(f"{path}: line 1 names no column '{needed}': {why}")
    numbers = [label_column(places[_LABEL]), NumberColumn(places[_TIME], "unix_time", whole=False)]
    numbers += [NumberColumn(places[name], known) for name, known in _WHOLE.items() if name in places]
    words = [WordColumn(places[_SOURCE], _SOURCE)] if _SOURCE in places else []
    taken = {known.column for known in numbers} | {known.column for known in words}
    runs = [run for run in column_runs(header, _SEPARATOR) if run.start not in taken]
    for run in runs:
        if run.first is None:
            raise UserError(
                f"{path}: column {run.start + 1} ('{run.name[:40]}') of line 1 is unknown: is it a file of MNIST-8B?"
            )
    pixels = _pixels(path, [run for run in runs if run.name == _PIXELS])
    channels = [run for run in runs if run.name != _PIXELS]
    return channel_layout(path, header, channels, pixels, numbers, words)


def _pixels(path: Path, runs: list[ColumnRun]) -> ColumnRun | None:
    if not runs:
        return None
    if len(runs) > 1 or (runs[0].first, runs[0].count) != (0, N_PIXELS):
        raise UserError(
            f"{path}: the columns {_PIXELS}_0 to {_PIXELS}_{N_PIXELS - 1} of line 1 are incomplete or stand in pieces, "
            f"from column {runs[0].start + 1} on: fetch the file again"
        )
    return runs[0]


def _info(places: Path, layout: Layout, sfreq: float) -> tuple[mne.Info, tuple[str, ...]]:
    """Return MNE's description of the channels, and what went wrong with the table of their places."""
    if not places.exists():
        return make_info(layout.eeg, sfreq), ()
    try:
        return make_info(layout.eeg, sfreq, read_places(places, layout.eeg)), ()
    except UserError as error:
        return make_info(layout.eeg, sfreq), (
            f"{error}; the electrodes are taken to be where the 10-05 system has them",
        )


def _set_of(path: Path) -> dict[str, str]:
    """Return which of MNIST's sets the name of the file says it is of."""
    name = path.name.lower()
    found = [known for known in ("train", "test") if known in name]
    return {"set": found[0]} if len(found) == 1 else {}
