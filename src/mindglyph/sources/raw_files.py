"""Reads continuous recordings in the formats of laboratories: EDF, BDF, FIF, BrainVision, through MNE.

EDF, BDF and BrainVision do not say for sure which signals are EEG. A channel is one whose name
says `EEG`, or, once cleaned (`EEG Fp1-Ref`, `EEG.AF3`, `Fc5.`), is a place of the 10-05 system.
Caps and nets that number their electrodes (A1 … B32, E1 … E128) are known by most names being of
that kind; then these are EEG, and have no places: their A1 is no ear.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import mne

from mindglyph.errors import UserError
from mindglyph.sources.continuous import Continuous, cut_trials
from mindglyph.sources.edf_header import read_header
from mindglyph.sources.events import some
from mindglyph.sources.recording import CONTINUOUS_OPTIONS, FileFormat, ImportSettings, Recording, Start
from mindglyph.trials import MONTAGE

_EMOTIV = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")
_EMOTIV_SIGNS = {"COUNTER", "INTERPOLATED", "BATTERY", "RAWCQ", "TIMESTAMPS", "ORTIMESTAMPS"}
_MARKERS = {"MARKERHARDWARE", "MARKER", "MARKERS", "MARKERVALUEINT", "MARKERVALUE", "STATUS", "TRIGGER", "STI014"}
_NUMBERED = re.compile(r"(?:[A-H]|E|EEG|Ch|Chan|Channel)?[ _-]?\d{1,3}$", re.IGNORECASE)
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


def _word(name: str) -> str:
    """Return what a channel that is no EEG is known by: `EEG.Marker_Hardware` is MARKERHARDWARE."""
    return re.sub("[ ._-]", "", clean_name(name)).upper()


@cache
def _known_places() -> frozenset[str]:
    montage: Any = mne.channels.make_standard_montage(MONTAGE)
    return frozenset(name.upper() for name in montage.ch_names)


def eeg_names(names: Sequence[str]) -> dict[str, str]:
    """Find out which channels are EEG by their names.

    Parameters
    ----------
    names : sequence of str
        Names of all channels as the file has them.

    Returns
    -------
    dict of str to str
        Name of each EEG channel, and what it is called once cleaned.
    """
    numbered = {name: name for name in names if _NUMBERED.match(name.strip())}
    cleaned = {name: clean_name(name) for name in names if name not in numbered}
    places = {name: clean for name, clean in cleaned.items() if clean.upper() in _known_places()}
    if len(numbered) > len(places):
        return {name: name for name in names if name in numbered or name in places}
    places |= {name: clean for name in numbered if (clean := clean_name(name)).upper() in _known_places()}
    # Two that would be called alike, as an electrode against either ear, keep the names that they have.
    times = Counter(clean.upper() for clean in places.values())
    return {
        name: places[name] if name in places and times[places[name].upper()] == 1 else name
        for name in names
        # Emotiv puts `EEG.` before all of its signals, counters among them.
        if name in places or re.match(r"EEG(?!\.)", name, re.IGNORECASE)
    }


def place_electrodes(raw: mne.io.BaseRaw) -> None:
    """Give electrodes of the 10-05 system their standard places, where the file has none."""
    names = [raw.ch_names[pick] for pick in mne.pick_types(raw.info, eeg=True, exclude=[])]
    numbered = sum(bool(_NUMBERED.match(name)) for name in names) > len(names) / 2
    if names and not numbered and raw.get_montage() is None:
        montage: Any = mne.channels.make_standard_montage(MONTAGE)
        raw.set_montage(montage, match_case=False, on_missing="ignore", verbose="error")


def _told_apart(path: Path, raw: mne.io.BaseRaw, kinds_known: bool = False) -> tuple[str, list[str]]:
    """Set names, kinds and places of the channels; return the device and what a user must know."""
    kinds = dict(zip(raw.ch_names, raw.get_channel_types(), strict=True))
    eeg = eeg_names([name for name, kind in kinds.items() if kind != "stim"])
    if not eeg and kinds_known:
        eeg = {name: name for name, kind in kinds.items() if kind == "eeg"}
    if not eeg:
        raise UserError(
            f"{path}: none of its channels is EEG by its name ({some(raw.ch_names, 40)}): "
            "name them after the 10-05 system, or 'EEG …'"
        )
    others = [name for name, kind in kinds.items() if kind == "eeg" and name not in eeg]
    raw.set_channel_types(dict.fromkeys(others, "misc"), on_unit_change="ignore", verbose="error")
    raw.set_channel_types(dict.fromkeys(eeg, "eeg"), on_unit_change="ignore", verbose="error")
    renamed = {name: clean for name, clean in eeg.items() if name != clean}
    raw.rename_channels(renamed, verbose="error")
    remarks: list[str] = []
    if renamed:
        remarks.append("channels renamed: " + ", ".join(f"{old} is {new}" for old, new in renamed.items()))
    if others:
        remarks.append(f"kept beside the EEG, since their names are no places on the head: {', '.join(others)}")
    place_electrodes(raw)
    emotiv = set(_EMOTIV) <= set(eeg.values()) and not _EMOTIV_SIGNS.isdisjoint(map(_word, kinds))
    return ("Emotiv EPOC" if emotiv else ""), remarks


def _of_the_eegs_rate(path: Path, name: str, accept_cut: bool) -> tuple[list[str], list[str]]:
    """Return the signals that are to be left out of an EDF or BDF, and what a user must know.

    MNE would bring all signals to the highest rate of any, and so the EEG to that of an ECG.
    """
    header = read_header(path, 2 if name == "edf" else 3)
    if header.missing and not accept_cut:
        raise UserError(
            f"{path}: ends {header.missing} of {header.n_records} records early (a copy that broke off?): "
            "fetch it again, or take what is there with --accept-cut"
        )
    remarks = [f"{header.missing} of {header.n_records} records are missing at its end"] if header.missing else []
    eeg = eeg_names([label for label in header.signals if _word(label) not in _MARKERS])
    if not eeg:
        return [], remarks
    rate = Counter(header.rate(label) for label in eeg).most_common(1)[0][0]
    left = [label for label in header.signals if header.rate(label) != rate]
    if left:
        remarks.append(f"left out, since their rate is not the EEG's {rate:g} Hz: {', '.join(left)}")
    return left, remarks


def open_edf(path: Path, name: str, settings: ImportSettings) -> Recording:
    """Open an EDF or BDF file.

    Parameters
    ----------
    path : Path
        The file.
    name : {"edf", "bdf"}
        Which of the two.
    settings : ImportSettings
        Where the events are, and whether a file that breaks off is taken.

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
    left, known = _of_the_eegs_rate(path, name, settings.accept_cut)
    # In EDF, MNE would cut a marker that is kept as 6.9997 to 6; BDF's status has flags that MNE knows to leave out.
    raw, remarks = read_raw(path, reader, exclude=left, **({"stim_channel": None} if name == "edf" else {}))
    # What MNE says of the number of records is said already.
    remarks = [remark for remark in remarks if "Number of records" not in remark]
    markers = [channel for channel in raw.ch_names if _word(channel) in _MARKERS]
    raw.set_channel_types(dict.fromkeys(markers, "stim"), on_unit_change="ignore", verbose="error")
    device, told = _told_apart(path, raw)
    return cut_trials(path, name, Continuous(raw, device, warnings=(*known, *remarks, *told)), settings)


def open_brainvision(path: Path, settings: ImportSettings) -> Recording:
    """Open a BrainVision header with its signals and markers beside it.

    Parameters
    ----------
    path : Path
        The header, `NAME.vhdr`.
    settings : ImportSettings
        How it is read.

    Returns
    -------
    Recording
        Ready to be read.

    Raises
    ------
    UserError
        If one of the two is missing, or the file cannot be read, or has no EEG or no events.
    """
    elsewhere = settings.events is not None or settings.stimulus is not None
    for entry, wanted in ((b"DataFile", True), (b"MarkerFile", not elsewhere)):
        found = re.search(entry + rb"=([^\r\n]+)", path.read_bytes())
        name = found[1].decode("utf-8", "replace").strip().replace("$b", path.stem) if found else ""
        if wanted and name and not path.with_name(name).is_file():
            raise UserError(f"{path}: names {name}, which is not beside it: put it there")
    raw, remarks = read_raw(path, mne.io.read_raw_brainvision)
    device, told = _told_apart(path, raw, kinds_known=True)
    return cut_trials(path, "brainvision", Continuous(raw, device, warnings=(*remarks, *told)), settings)


def open_fif(path: Path, settings: ImportSettings) -> Recording:
    """Open a FIF file, which says itself what its channels are."""
    raw, remarks = read_raw(path, mne.io.read_raw_fif, on_split_missing="raise")
    place_electrodes(raw)
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
        CONTINUOUS_OPTIONS | {"accept_cut"},
    ),
    FileFormat(
        "bdf",
        "BioSemi Data Format",
        _begins(b"\xffBIOSEMI"),
        lambda path, settings: open_edf(path, "bdf", settings),
        CONTINUOUS_OPTIONS | {"accept_cut"},
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
