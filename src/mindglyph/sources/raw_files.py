"""Reads continuous recordings in the formats of laboratories: EDF, BDF, FIF, BrainVision, through MNE.

EDF, BDF and BrainVision do not say for sure which signals are EEG. A channel whose name, once
cleaned (`EEG Fp1-Ref`, `EEG.AF3`, `Fc5.`), is a place of the 10-05 system is one; where no name is,
as with nets that number their electrodes, all that MNE takes for EEG are.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import mne

from mindglyph.errors import UserError
from mindglyph.sources.continuous import Continuous, cut_trials
from mindglyph.sources.recording import CONTINUOUS_OPTIONS, FileFormat, ImportSettings, Recording, Start
from mindglyph.trials import MONTAGE

_EMOTIV = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
_EMOTIV_SIGNS = {"COUNTER", "INTERPOLATED", "BATTERY", "RAW_CQ", "TIME_STAMP_S", "OR_TIME_STAMP_S"}
_MARKERS = ("MARKER_HARDWARE", "MARKER", "MARKERS", "MARKERVALUEINT", "MARKERVALUE", "STATUS", "TRIGGER", "STI 014")
_DRESSING = re.compile(r"^(?:EEG[ ._-]*)?(.*?)(?:-(?:Ref|REF|LE|AR|A1|A2|AVG|M1|M2))?\.*$")


def read_raw(path: Path, read: Callable[..., mne.io.BaseRaw], **options: Any) -> tuple[mne.io.BaseRaw, list[str]]:
    """Read a file with one of MNE's readers, quietly.

    Parameters
    ----------
    path : Path
        The file.
    read : callable
        For example `mne.io.read_raw_edf`.
    **options
        What the reader takes.

    Returns
    -------
    raw : mne.io.BaseRaw
        Not loaded yet.
    remarks : list of str
        What MNE warned of.

    Raises
    ------
    UserError
        If MNE cannot read it.
    """
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            raw = read(path, verbose="error", **options)
    except UserError:
        raise
    except Exception as error:  # MNE's readers raise whatever a damaged header leads them to
        why = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{path}: cannot be read ({why}): it is damaged or not what its name says") from error
    return raw, list(dict.fromkeys(" ".join(str(warning.message).split()) for warning in caught))


def clean_name(name: str) -> str:
    """Return a channel's name without what recorders dress it in."""
    match = _DRESSING.match(name.strip())
    return match.group(1).strip() if match else name


@cache
def _known_places() -> frozenset[str]:
    montage: Any = mne.channels.make_standard_montage(MONTAGE)
    return frozenset(name.upper() for name in montage.ch_names)


def _told_apart(raw: mne.io.BaseRaw) -> tuple[str, list[str]]:
    """Set names, kinds and places of the channels; return the device and what a user must know."""
    cleaned = {name: clean_name(name) for name in raw.ch_names}
    places = {name: clean for name, clean in cleaned.items() if clean.upper() in _known_places()}
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    remarks: list[str] = []
    if places:
        others = [name for name, kind in kinds.items() if kind == "eeg" and name not in places]
        raw.set_channel_types(dict.fromkeys(others, "misc"), on_unit_change="ignore", verbose="error")
        wrong = {name: "eeg" for name in places if kinds[name] not in ("eeg", "stim")}
        raw.set_channel_types(wrong, on_unit_change="ignore", verbose="error")
        renamed = {name: clean for name, clean in places.items() if name != clean and clean not in raw.ch_names}
        raw.rename_channels(renamed, verbose="error")
        if renamed:
            remarks.append("channels renamed: " + ", ".join(f"{old} is {new}" for old, new in renamed.items()))
        if others:
            remarks.append(f"kept beside the EEG, since their names are no places on the head: {', '.join(others)}")
    montage: Any = mne.channels.make_standard_montage(MONTAGE)
    if raw.get_montage() is None:
        raw.set_montage(montage, match_case=False, on_missing="ignore", verbose="error")
    emotiv = set(_EMOTIV) <= set(places.values()) and bool(_EMOTIV_SIGNS & {name.upper() for name in cleaned})
    return ("Emotiv EPOC" if emotiv else ""), remarks


def open_edf(path: Path, name: str, settings: ImportSettings) -> Recording:
    """Open an EDF or BDF file.

    Parameters
    ----------
    path : Path
        The file.
    name : {"edf", "bdf"}
        Which of the two.
    settings : ImportSettings
        Where the events are.

    Returns
    -------
    Recording
        Of EmotivPRO's 39 signals the 14 that are EEG, on their offset of about 4,200 microvolts.

    Raises
    ------
    UserError
        If it cannot be read, or has no EEG or no events.
    """
    reader: Any = mne.io.read_raw_edf if name == "edf" else mne.io.read_raw_bdf
    if path.suffix.lower() != f".{name}":
        raise UserError(f"{path}: holds {name.upper()} data: give it a name that ends in .{name}")
    # In EDF, MNE would cut a marker that is kept as 6.9997 to 6; BDF's status has flags that MNE knows to leave out.
    raw, remarks = read_raw(path, reader, **({"stim_channel": None} if name == "edf" else {}))
    markers = [channel for channel in raw.ch_names if channel.strip().upper() in _MARKERS]
    raw.set_channel_types(dict.fromkeys(markers, "stim"), on_unit_change="ignore", verbose="error")
    device, told = _told_apart(raw)
    return cut_trials(path, name, Continuous(raw, device, warnings=(*remarks, *told)), settings)


def open_brainvision(path: Path, settings: ImportSettings) -> Recording:
    """Open a BrainVision header with its signals and markers beside it."""
    raw, remarks = read_raw(path, mne.io.read_raw_brainvision)
    device, told = _told_apart(raw)
    return cut_trials(path, "brainvision", Continuous(raw, device, warnings=(*remarks, *told)), settings)


def open_fif(path: Path, settings: ImportSettings) -> Recording:
    """Open a FIF file, which says itself what its channels are."""
    raw, remarks = read_raw(path, mne.io.read_raw_fif, on_split_missing="raise")
    remarks = [remark for remark in remarks if "naming conventions" not in remark]
    return cut_trials(path, "fif", Continuous(raw, warnings=tuple(remarks)), settings)


def _begins(*signs: bytes) -> Callable[[Start], bool]:
    return lambda start: start.content.startswith(signs)


FORMATS = (
    FileFormat(
        "edf",
        "European Data Format, EmotivPRO's among them",
        _begins(b"0       "),
        lambda path, settings: open_edf(path, "edf", settings),
        CONTINUOUS_OPTIONS,
    ),
    FileFormat(
        "bdf",
        "BioSemi Data Format",
        _begins(b"\xffBIOSEMI"),
        lambda path, settings: open_edf(path, "bdf", settings),
        CONTINUOUS_OPTIONS,
    ),
    FileFormat("fif", "MNE's FIF", _begins(b"\0\0\0\x64\0\0\0\x1f"), open_fif, CONTINUOUS_OPTIONS),
    FileFormat(
        "brainvision",
        "BrainVision: the .vhdr file, with the others beside it",
        _begins(b"Brain Vision Data Exchange Header", b"BrainVision Data Exchange Header"),
        open_brainvision,
        CONTINUOUS_OPTIONS,
    ),
)
