"""Fetches a published set by name."""

from __future__ import annotations

from pathlib import Path

from mindglyph.fetching.archives import fetch_archive
from mindglyph.fetching.hub import fetch_from_hub
from mindglyph.fetching.published import ArchiveSet, HubSet, named
from mindglyph.fetching.settings import Fetched, FetchSettings, Stage
from mindglyph.files import explained


def fetch_set(name: str, folder: Path, settings: FetchSettings, stage: Stage) -> Fetched:
    """Fetch a published set into a folder.

    What is there already and agrees with what was recorded is not fetched again; what broke
    off is gone on with.

    Parameters
    ----------
    name : str
        A name of `mindglyph.fetching.published.SETS`.
    folder : Path
        Where the files go; made where it is missing.
    settings : FetchSettings
        Where from, and how.
    stage : callable
        Shows the progress of a stage by name.

    Returns
    -------
    Fetched
        What lies in the folder now.

    Raises
    ------
    UserError
        If there is no such set, it cannot be had, or is not what was expected.
    """
    published = named(name)
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    if isinstance(published, ArchiveSet):
        return fetch_archive(published, folder, settings, stage)
    assert isinstance(published, HubSet)
    return fetch_from_hub(published, folder, settings, stage)
