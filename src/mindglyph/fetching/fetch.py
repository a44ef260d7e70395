"""Fetches a published set by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mindglyph.errors import UserError
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
    with _made(folder):
        if isinstance(published, ArchiveSet):
            return fetch_archive(published, folder, settings, stage)
        assert isinstance(published, HubSet)
        return fetch_from_hub(published, folder, settings, stage)


@contextmanager
def _made(folder: Path) -> Iterator[None]:
    """Make the folder where it is missing; where nothing comes, it is as before."""
    there = folder.exists()
    with explained(folder):
        folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    except BaseException as error:
        if not there:
            # One that holds something stays.
            with suppress(OSError):
                folder.rmdir()
        if isinstance(error, UserError) and "no connection" in str(error):
            raise UserError(f"{error}; 'mindglyph simulate' makes a recording to try the rest with") from error
        raise
