"""Reads XDF, the files of Lab Streaming Layer's recorder, through pyxdf.

The clocks of the streams are brought together and their jitter is removed by pyxdf; markers
then belong to the nearest sample.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mne
import numpy as np

from mindglyph.errors import UserError
from mindglyph.sources.continuous import GAP, Continuous, cut_trials
from mindglyph.sources.recording import CONTINUOUS_OPTIONS, FileFormat, ImportSettings, Recording, Start
from mindglyph.trials import MICROVOLTS, MONTAGE

_LONGEST_STEP = 0.25  # s: beyond it samples are missing, and the jitter on both sides is removed apart
# Clocks are measured in other stretches than samples are sent in any short recording; the rate is said here.
_KNOWN = re.compile("clock-segments|effective sampling rate")
_UNITS = {"": MICROVOLTS, "uv": MICROVOLTS, "µv": MICROVOLTS, "μv": MICROVOLTS, "mv": 1e-3, "v": 1.0}


def read_xdf(path: Path, stream: str | None = None, accept_cut: bool = False) -> Continuous:
    """Read an XDF file: its EEG stream, and the marker streams as annotations.

    Parameters
    ----------
    path : Path
        The file.
    stream : str, optional
        Name of the EEG stream, where there are several.
    accept_cut : bool
        Whether to take what is there of a file that is damaged or breaks off.

    Returns
    -------
    Continuous
        At the nominal rate where the effective one agrees, and at the effective one otherwise.

    Raises
    ------
    UserError
        If the file is damaged or there is no EEG stream, or more than one and none is named.
    """
    streams, remarks = _streams(path, accept_cut)
    eeg = _eeg_stream(path, streams, stream)
    times = np.asarray(eeg["time_stamps"], dtype=float)
    if len(times) < 2:
        raise UserError(f"{path}: its EEG stream holds no samples: record it again")
    sfreq, warnings = _rate(eeg, times)
    info, scales = _channels(eeg, sfreq)
    signals = np.asarray(eeg["time_series"], dtype=float).T * scales[:, None]
    raw = mne.io.RawArray(signals, info, verbose="error")
    gaps = np.flatnonzero(np.diff(times) > _LONGEST_STEP) + 1
    if len(gaps):
        warnings += (f"samples are missing at {len(gaps)} moments; trials there are refused",)
    onsets, texts = _markers(streams, times)
    places = np.concatenate([onsets, gaps]) / sfreq
    raw.set_annotations(mne.Annotations(places, np.zeros(len(places)), [*texts, *[GAP] * len(gaps)]), verbose="error")
    return Continuous(raw, _text(eeg, "name"), times=times, warnings=(*remarks, *warnings))


def _streams(path: Path, accept_cut: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what pyxdf reads, and what a user must know of it."""
    import pyxdf

    with _log("pyxdf") as said:
        try:
            streams, _ = pyxdf.load_xdf(
                str(path),
                jitter_break_threshold_seconds=_LONGEST_STEP,
                jitter_break_threshold_samples=1,
                verbose=False,
            )
        except Exception as error:  # pyxdf raises whatever a damaged chunk leads it to
            why = " ".join(str(error).split()) or type(error).__name__
            raise UserError(f"{path}: cannot be read ({why}): it is damaged or no XDF file") from error
    damage = next((text for text in said if "corrupt" in text), None)
    if damage is not None and not accept_cut:
        raise UserError(
            f"{path}: is damaged or breaks off (pyxdf: {damage}): fetch it again, or take what is there with "
            "--accept-cut"
        )
    remarks = [f"pyxdf: {text}" for text in dict.fromkeys(said) if not _KNOWN.search(text)]
    unended = [_text(one, "name") for one in streams if "footer" not in one]
    if unended:
        remarks.append(f"the recorder did not come to end the streams {', '.join(unended)}; their last part may lack")
    return streams, remarks


@contextmanager
def _log(name: str) -> Iterator[list[str]]:
    """Collect what a library logs as a warning or worse, which would stand on stderr."""
    said: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            said.append(" ".join(record.getMessage().split()))

    logger, collector = logging.getLogger(name), Collector(logging.WARNING)
    propagate = logger.propagate
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield said
    finally:
        logger.propagate = propagate
        logger.removeHandler(collector)


def _text(stream: dict[str, Any], name: str) -> str:
    return str((stream["info"].get(name) or [""])[0] or "")


def _eeg_stream(path: Path, streams: list[dict[str, Any]], wanted: str | None) -> dict[str, Any]:
    eeg = [stream for stream in streams if _text(stream, "type").upper() == "EEG"]
    names = ", ".join(_text(stream, "name") for stream in eeg)
    if wanted is not None:
        eeg = [stream for stream in eeg if _text(stream, "name") == wanted]
    if not eeg:
        have = names or ", ".join(f"{_text(one, 'name')} ({_text(one, 'type')})" for one in streams) or "none"
        raise UserError(f"{path}: has no EEG stream{f' {wanted!r}' if wanted else ''} (streams: {have}): give another")
    if len(eeg) > 1:
        raise UserError(f"{path}: has several EEG streams ({names}): name one with --stream")
    return eeg[0]


def _rate(stream: dict[str, Any], times: np.ndarray) -> tuple[float, tuple[str, ...]]:
    nominal = float(_text(stream, "nominal_srate") or 0)
    steps = np.diff(times)
    effective = float(1 / np.median(steps[steps > 0]))
    if nominal and abs(effective / nominal - 1) < 0.01:
        return nominal, ()
    said = f"{nominal:g} Hz" if nominal else "no rate"
    return round(effective, 3), (
        f"the stream says {said}; by its timestamps it has {effective:.2f} Hz, which is taken",
    )


def _channels(stream: dict[str, Any], sfreq: float) -> tuple[mne.Info, np.ndarray]:
    count = int(_text(stream, "channel_count"))
    description = (stream["info"].get("desc") or [None])[0] or {}
    listed = ((description.get("channels") or [None])[0] or {}).get("channel") or []
    entries = [{key: str((value or [""])[0] or "") for key, value in entry.items()} for entry in listed]
    if len(entries) != count:
        entries = [{} for _ in range(count)]
    names = [entry.get("label") or f"EEG{place + 1}" for place, entry in enumerate(entries)]
    names = [name if names.count(name) == 1 else f"{name}-{place + 1}" for place, name in enumerate(names)]
    kinds = ["eeg" if entry.get("type", "EEG").upper() in ("EEG", "") else "misc" for entry in entries]
    units = [re.sub("microvolts?", "uv", entry.get("unit", "").lower()) for entry in entries]
    info = mne.create_info(names, sfreq, kinds, verbose="error")
    montage: Any = mne.channels.make_standard_montage(MONTAGE)
    info.set_montage(montage, match_case=False, on_missing="ignore", verbose="error")
    scales = [_UNITS.get(unit, MICROVOLTS) if kind == "eeg" else 1.0 for unit, kind in zip(units, kinds, strict=True)]
    return info, np.array(scales)


def _markers(streams: list[dict[str, Any]], times: np.ndarray) -> tuple[np.ndarray, list[str]]:
    onsets: list[float] = []
    texts: list[str] = []
    for stream in streams:
        if _text(stream, "type").lower() in ("markers", "marker", "stim", "events"):
            for time, value in zip(stream["time_stamps"], stream["time_series"], strict=True):
                text = str(value[0]) if np.ndim(value) or isinstance(value, list) else str(value)
                if text and text != "0":
                    onsets.append(time)
                    texts.append(text)
    places = np.searchsorted(times, onsets).clip(1, len(times) - 1)
    nearer = np.abs(times[places - 1] - onsets) < np.abs(times[places] - onsets)
    inside = (np.array(onsets) >= times[0] - 1) & (np.array(onsets) <= times[-1] + 1)
    return (places - nearer)[inside], [text for text, kept in zip(texts, inside, strict=True) if kept]


def _open(path: Path, settings: ImportSettings) -> Recording:
    return cut_trials(path, "xdf", read_xdf(path, settings.stream, settings.accept_cut), settings)


def _recognises(start: Start) -> bool:
    return start.content.startswith(b"XDF:")


FORMATS = (
    FileFormat("xdf", "Lab Streaming Layer's XDF", _recognises, _open, CONTINUOUS_OPTIONS | {"stream", "accept_cut"}),
)
