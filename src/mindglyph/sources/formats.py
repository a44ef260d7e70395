"""All formats that can be read, and how a recording's own is found out by its content."""

from __future__ import annotations

from pathlib import Path

from mindglyph.errors import UserError
from mindglyph.sources import hf2022, imagenet, mindbigdata, mnist8b, visual_mnist
from mindglyph.sources.recording import FileFormat, ImportSettings, Recording, Start, look_at

FORMATS: tuple[FileFormat, ...] = (
    *mindbigdata.FORMATS,
    *visual_mnist.FORMATS,
    *hf2022.FORMATS,
    *mnist8b.FORMATS,
    *imagenet.FORMATS,
)
"""In the order in which they are tried; the first that recognises a file has it."""


def recognise(path: Path, settings: ImportSettings | None = None) -> Recording:
    """Find out what a recording is and make it ready to be read.

    Parameters
    ----------
    path : Path
        File or folder.
    settings : ImportSettings, optional
        `format` overrules what the content says.

    Returns
    -------
    Recording
        Ready to be read.

    Raises
    ------
    UserError
        If the file is missing, empty, or of no format that is known.
    """
    settings = settings or ImportSettings()
    start = look_at(path)
    if settings.format is not None:
        return _named(settings.format).open(path, settings)
    for candidate in FORMATS:
        if candidate.recognises(start):
            return candidate.open(path, settings)
    raise _unknown(start)


def _named(name: str) -> FileFormat:
    for candidate in FORMATS:
        if candidate.name == name:
            return candidate
    known = ", ".join(candidate.name for candidate in FORMATS)
    raise UserError(f"there is no format '{name}': take one of {known}")


def _unknown(start: Start) -> UserError:
    if start.is_folder:
        return UserError(f"{start.path}: is a folder that holds no recording of a known kind: give the file in it")
    if start.content.startswith(b"PK"):
        return UserError(f"{start.path}: is a zip archive: unpack it and give the file in it")
    if b"\0" in start.content:
        return UserError(f"{start.path}: is a binary file of no known kind: give a recording, such as MW.txt")
    return UserError(
        f"{start.path}: line 1 is no row of any known format (MindBigData's text of 2014-15 has 7 fields between "
        "tabs): give a recording, or say what it is with --format"
    )
