"""Reads the Visual MNIST of Brain Digits (2021-22): every row holds the very picture that was shown.

No header: 0 TRAIN or TEST, 1 which picture of MNIST, 2 its digit (-1 where the screen was black), 3-786
its pixels, 787 Unix time in s, then the samples channel by channel. Whether the cut versions of the
Muse 2 keep the sensors behind the EEG is not documented, so the number of columns decides.

Data: D. Vivancos, MindBigData, the Visual "MNIST" of Brain Digits.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from mindglyph.headsets import MUSE2_SENSORS, VISUAL_MNIST
from mindglyph.sources.recording import FileFormat, ImportSettings, Recording, Start
from mindglyph.sources.wide import WideFormat, in_words, wide_recording
from mindglyph.sources.wide_layout import Layout, NumberColumn, WordColumn, first_lines, label_column
from mindglyph.trials import make_info

_SETS = ("train", "test")
_PIXELS, _TIME, _FIRST_SAMPLE = 3, 787, 788
_LINES_LOOKED_AT = 20


def _layout(name: str, sensors: bool) -> Layout:
    headset = VISUAL_MNIST[name]
    extras = MUSE2_SENSORS if sensors else {}
    channels = (*headset.channels, *(channel for names in extras.values() for channel in names))
    starts = tuple(_FIRST_SAMPLE + place * headset.n_times for place in range(len(channels)))
    return Layout(
        n_columns=_FIRST_SAMPLE + len(channels) * headset.n_times,
        channels=channels,
        starts=starts,
        n_times=headset.n_times,
        extras=extras,
        pixels=_PIXELS,
        numbers=(NumberColumn(1, "mnist_index"), label_column(2), NumberColumn(_TIME, "unix_time", whole=False)),
        words=(WordColumn(0, "set", _SETS),),
    )


def _layouts(name: str) -> tuple[Layout, ...]:
    """Return the layouts that a format may have; the first is the usual one."""
    usual = name == "muse2"
    return (_layout(name, usual), *((_layout(name, not usual),) if name != "cap64" else ()))


def _begins_with_a_set(line: bytes) -> bool:
    first = line.removeprefix(b"\xef\xbb\xbf").partition(b",")[0]
    return first.strip().strip(b'"').decode("utf-8", "replace").lower() in _SETS


def _columns(path: Path) -> list[int]:
    """Return how many columns each of the first rows has, without an empty one at its end."""
    lines = islice(first_lines(path), _LINES_LOOKED_AT)
    return [line.rstrip(b"\r\n").removesuffix(b",").count(b",") + 1 for line in lines]


def _format_of(path: Path) -> str:
    """Return the format that the first row of a known number of columns has."""
    known = {layout.n_columns: name for name in VISUAL_MNIST for layout in _layouts(name)}
    return next((known[count] for count in _columns(path) if count in known), "muse2")


def _file_format(name: str) -> FileFormat:
    headset = VISUAL_MNIST[name]

    def recognises(start: Start) -> bool:
        lines = start.content.split(b"\n")[:_LINES_LOOKED_AT]
        return any(_begins_with_a_set(line) for line in lines) and _format_of(start.path) == name

    def open_recording(path: Path, settings: ImportSettings) -> Recording:
        layouts, counts = _layouts(name), _columns(path)
        layout = next((layout for count in counts for layout in layouts if layout.n_columns == count), layouts[0])
        wide = WideFormat(
            name=name,
            seen=f"MindBigData's Visual MNIST of 2021: {in_words(headset, layout)}",
            device=headset.name,
            info=make_info(headset.channels, headset.sfreq),
            layout=layout,
            order=("unix_time",),
        )
        return wide_recording(path, settings, wide)

    channels = ", ".join(headset.channels) if len(headset.channels) < 5 else f"{len(headset.channels)} channels"
    line = f"MindBigData's Visual MNIST of 2021, {headset.name} ({channels}), with the pictures shown"
    return FileFormat(name, line, recognises, open_recording)


FORMATS = tuple(_file_format(name) for name in VISUAL_MNIST)
"""The Muse 2, whole and cut, and the cap of 64 channels."""
