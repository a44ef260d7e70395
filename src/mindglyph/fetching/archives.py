"""Fetches the zip archives on the author's server, and unpacks them."""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mindglyph.errors import UserError
from mindglyph.fetching.download import Downloader
from mindglyph.fetching.published import BASE, ArchiveSet
from mindglyph.fetching.records import LEDGER, MEND, records, require_unchanged, take_stock, write_record
from mindglyph.fetching.settings import MIRROR_VARIABLE, Fetched, FetchSettings, Stage, http_address
from mindglyph.fetching.unpack import contents, unpack
from mindglyph.files import explained, lock, sweep


def fetch_archive(published: ArchiveSet, folder: Path, settings: FetchSettings, stage: Stage) -> Fetched:
    """Fetch an archive into a folder that exists, and unpack it there.

    Parameters
    ----------
    published : ArchiveSet
        What is fetched.
    folder : Path
        Where the archive and its files go.
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
        If it cannot be had, is not what was expected, or a file that differs is in the way.
    """
    path = folder / published.archive
    base = settings.mirror or http_address(os.environ.get(MIRROR_VARIABLE) or BASE)
    new = settings.force or not path.exists()
    if new:
        _download(published, path, base, settings, stage)
    else:
        _check(published, path, stage)
    with stage("unpack") as report:
        kept = (LEDGER, f"{path.name}.part", f"{path.name}.part.json")
        files = unpack(path, folder, report, force=settings.force, keep=kept)
    return Fetched(
        published=published,
        folder=folder,
        fetched=(path.name,) if new else (),
        there=() if new else (path.name,),
        recordings=_recordings(published, folder, files),
        unpacked=len(files),
    )


def _download(published: ArchiveSet, path: Path, base: str, settings: FetchSettings, stage: Stage) -> None:
    import pooch  # type: ignore[import-untyped]

    known = None if settings.force else records(path.parent).get(path.name)
    address = f"{base}/{path.name}"

    def check(part: Path) -> None:
        contents(part, called=address, mend="nothing of it is kept; try again later, or name a copy with --mirror")

    with stage("fetch") as report, _aside(path) as folder, _quiet(pooch.get_logger()):
        downloader = Downloader(
            path.with_name(f"{path.name}.part"),
            settings.patience,
            report,
            size=None if settings.force else published.size,
            room=published.unpacked or 0,
            check=check,
        )
        store = pooch.create(folder, f"{base}/", registry={path.name: known.sha256 if known else None})
        try:
            store.fetch(path.name, downloader=downloader)
        except ValueError as error:
            raise UserError(
                f"{address}: has another SHA-256 than {path} had ({LEDGER}): nothing of it is kept; "
                "--force takes what the server has now"
            ) from error
        with explained(path):
            (folder / path.name).replace(path)
    if known is None:
        with stage("check") as report:
            write_record(path.parent, path.name, take_stock(path, report, address, downloader.origin.etag))


@contextmanager
def _aside(path: Path) -> Iterator[Path]:
    """Give pooch a folder of its own beside a file, which the next process removes where this one is killed.

    In it pooch makes a file of random name, and takes what lies there under the right one for
    what was asked for.
    """
    sweep(path)
    with explained(path):
        folder = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp"))
    handle = None if sys.platform == "win32" else os.open(folder, os.O_RDONLY)
    try:
        if handle is not None:
            lock(handle)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if handle is not None:
            os.close(handle)


def _check(published: ArchiveSet, path: Path, stage: Stage) -> None:
    """Make sure that an archive that is there is the recorded one, or record it."""
    known, size = records(path.parent).get(path.name), path.stat().st_size
    with stage("check") as report:
        if known is not None:
            require_unchanged(path, known, report)
        elif published.size not in (None, size):
            raise UserError(f"{path}: has {size:,} bytes, but {published.size:,} are published: {MEND}")
        else:
            contents(path)
            write_record(path.parent, path.name, take_stock(path, report, address=None))


def _recordings(published: ArchiveSet, folder: Path, files: list[Path]) -> tuple[Path, ...]:
    """Return what is to be imported: what the author names so, or what the archive turned out to hold."""
    expected = tuple(folder / name for name in published.recordings)
    if not files or all(path.exists() for path in expected):
        return expected
    return (files[0] if len(files) == 1 else Path(os.path.commonpath(files)),)


@contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """Keep pooch's lines out of the progress."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
