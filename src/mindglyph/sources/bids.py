"""Reads a BIDS folder: the EEG of all its subjects, sessions, tasks and runs, through mne-bids."""

from __future__ import annotations

import warnings
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from mindglyph.errors import UserError
from mindglyph.sources.continuous import Continuous, cut_trials
from mindglyph.sources.events import NoEvents, some
from mindglyph.sources.joined import joined
from mindglyph.sources.raw_files import place_electrodes, read_raw
from mindglyph.sources.recording import CONTINUOUS_OPTIONS, FileFormat, ImportSettings, Recording, Start

_MARKER = "dataset_description.json"
_ENDINGS = [".vhdr", ".edf", ".bdf", ".set", ".fif"]


def open_bids(path: Path, settings: ImportSettings) -> Recording:
    """Open all EEG recordings of a BIDS folder as one.

    Parameters
    ----------
    path : Path
        The root, which holds `dataset_description.json`.
    settings : ImportSettings
        Which events are trials; the rows of `events.tsv` are the annotations.

    Returns
    -------
    Recording
        With `subject`, `session`, `task` and `run` in the metadata.

    Raises
    ------
    UserError
        If there is no EEG, none of the events, or a file cannot be read.
    """
    import mne_bids

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = mne_bids.find_matching_paths(path, datatypes="eeg", suffixes="eeg", extensions=_ENDINGS)
    if not found:
        raise UserError(f"{path}: holds no EEG recording as BIDS names them (sub-*/eeg/*_eeg.edf and the like)")
    # A file that goes on in split-02 is read with its split-01.
    places = [place for place in sorted(found, key=lambda place: str(place.fpath)) if place.split in (None, "01", "1")]
    if settings.events is not None and len(places) > 1:
        raise UserError(f"{path}: holds {len(places)} recordings, and --events is a table of one: leave it out")
    recordings: list[Recording] = []
    without: list[NoEvents] = []
    passed: list[str] = []
    for place in places:
        try:
            reopen = partial(_open_one, place.copy().update(root=path.absolute()), settings)
            recordings.append(replace(_open_one(place, settings), reopen=reopen))
        except NoEvents as error:
            without.append(error)
            passed.append(Path(place.fpath).name)
    if not recordings:
        raise without[0]
    whole = joined(path, recordings)
    if passed:
        whole = replace(whole, warnings=(*whole.warnings, f"passed over, since no such events are in: {some(passed)}"))
    return whole


def _open_one(place: Any, settings: ImportSettings) -> Recording:
    import mne_bids

    def read(_: Path, verbose: str) -> Any:
        return mne_bids.read_raw_bids(place, verbose=verbose)

    raw, remarks = read_raw(Path(place.fpath), read)
    facts = {name: value for name in ("subject", "session", "task", "run") if (value := getattr(place, name))}
    own = [remark for remark in remarks if "participants.tsv" not in remark]
    place_electrodes(raw)
    return cut_trials(Path(place.fpath), "bids", Continuous(raw, facts=facts, warnings=tuple(own)), settings)


def _recognises(start: Start) -> bool:
    return start.is_folder and (start.path / _MARKER).is_file()


FORMATS = (FileFormat("bids", "a folder after BIDS", _recognises, open_bids, CONTINUOUS_OPTIONS),)
