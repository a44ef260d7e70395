"""Reads the tables of MindBigData2022 on the Hugging Face hub: a label and all values of a trial in a line.

The header names the channels and their samples (`AF3-0`). These tables dropped the event numbers and
were shuffled into a training and a test file, so the order of recording is lost.

Data: D. Vivancos and F. Cuesta, MindBigData 2022 (https://doi.org/10.48550/arXiv.2212.14746).
"""

from __future__ import annotations

import re
from pathlib import Path

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS, VISUAL_MNIST, Headset
from mindglyph.sources.recording import FileFormat, ImportSettings, Recording, Start
from mindglyph.sources.wide import WideFormat, in_words, wide_recording
from mindglyph.sources.wide_layout import (
    N_PIXELS,
    Layout,
    channel_layout,
    column_runs,
    label_column,
    read_header,
    split_header,
)
from mindglyph.trials import make_info

NO_ORDER = (
    "these files hold no order of recording, so no split of them is free of leaks: trials that were recorded one after "
    "another may stand on both sides of it, and no score of them shows that a digit can be read"
)
"""What a user must know of such tables."""

_SEPARATOR = "-"
_KNOWN = (*HEADSETS.values(), VISUAL_MNIST["muse2"], VISUAL_MNIST["cap64"])
_SENSORS = {"PPG": r"ppg", "ACC": r"acc", "GYRO": r"gyr", "AUX": r".*aux"}


def _recognises(start: Start) -> bool:
    # The header may be longer than what is seen of it, but a channel begins early.
    names = split_header(start.content.partition(b"\n")[0])
    firsts = [name.removesuffix("-0") for name in names if name.endswith("-0")]
    return any(f"{name}-1" in names for name in firsts[:1] if name)


def _open(path: Path, settings: ImportSettings) -> Recording:
    header = read_header(path)
    layout = _layout(path, header)
    headset = _headset_of(path, layout)
    wide = WideFormat(
        name="hf2022",
        seen=f"MindBigData's table of 2022 on the Hugging Face hub: {in_words(headset, layout)}",
        device=headset.name,
        info=make_info(layout.eeg, headset.sfreq),
        layout=layout,
        ordered=False,
        warnings=(NO_ORDER,),
    )
    return wide_recording(path, settings, wide)


FORMATS = (
    FileFormat("hf2022", "MindBigData's tables of 2022 on the Hugging Face hub, in no order", _recognises, _open),
)
"""The one format that six tables have."""


def _layout(path: Path, header: tuple[str, ...]) -> Layout:
    label = next((column for column, name in enumerate(header) if name.lower() == "label"), None)
    if label is None:
        raise UserError(f"{path}: line 1 names no column 'label': is it a table of MindBigData2022?")
    runs = [run for run in column_runs(header, _SEPARATOR) if run.start != label]
    pictures = [run for run in runs if run.count == N_PIXELS]
    pixels = pictures[0] if len(pictures) == 1 and len(runs) > 1 else None
    channels = [run for run in runs if run is not pixels]
    strange = next((run for run in channels if run.first is None), None)
    if strange is not None:
        raise UserError(
            f"{path}: column {strange.start + 1} ('{strange.name[:40]}') of line 1 is neither the label nor a sample "
            "of a channel, such as AF3-0: is it a table of MindBigData2022?"
        )
    return channel_layout(path, header, channels, pixels, [label_column(label)], extra_of=_sensor)


def _sensor(channel: str) -> str | None:
    """Return what a channel is that is no EEG, or None."""
    return next((kind for kind, name in _SENSORS.items() if re.match(name, channel.lower())), None)


def _headset_of(path: Path, layout: Layout) -> Headset:
    names, muse2 = {name.upper() for name in layout.eeg}, VISUAL_MNIST["muse2"]
    for headset in _KNOWN:
        if names == {name.upper() for name in headset.channels}:
            return headset
    # The Muse 2 has a fifth channel, and how the table calls it is not published.
    if names > set(muse2.channels) and layout.n_times == muse2.n_times:
        return muse2
    first = ", ".join(layout.eeg[:5]) + ("…" if len(layout.eeg) > 5 else "")
    raise UserError(
        f"{path}: the channels {first} are of no headset that is known, and the table does not say their rate: "
        "give a table of EPOC, MindWave, Muse, Insight, Muse 2 or Cap64"
    )
