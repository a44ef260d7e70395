"""All formats that can be read, and how a recording's own is found out by its content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from mindglyph.errors import UserError
from mindglyph.sources import bids, hf2022, imagenet, mindbigdata, mnist8b, muse_csv, raw_files, visual_mnist, xdf
from mindglyph.sources.joined import in_natural_order, joined
from mindglyph.sources.recording import FileFormat, ImportSettings, Recording, Start, look_at

FORMATS: tuple[FileFormat, ...] = (
    *raw_files.FORMATS,
    *xdf.FORMATS,
    *bids.FORMATS,
    *muse_csv.FORMATS,
    *mindbigdata.FORMATS,
    *visual_mnist.FORMATS,
    *hf2022.FORMATS,
    *mnist8b.FORMATS,
    *imagenet.FORMATS,
)
"""In the order in which they are tried; the first that recognises a file has it."""

_ALWAYS = frozenset({"format"})


def recognise(paths: Path | Sequence[Path], settings: ImportSettings | None = None) -> Recording:
    """Find out what a recording is and make it ready to be read.

    Parameters
    ----------
    paths : Path or sequence of Path
        File or folder, or several that belong together. A folder of files is a recording of
        so many runs.
    settings : ImportSettings, optional
        `format` overrules what the content says.

    Returns
    -------
    Recording
        Ready to be read.

    Raises
    ------
    UserError
        If a file is missing, empty, or of no format that is known, or if files do not belong
        together, or a setting has no meaning for the format.
    """
    settings = settings or ImportSettings()
    if isinstance(paths, Path):
        return _recognise_one(paths, settings)
    if len(paths) > 1:
        _check_no_table(paths[0], settings)
    recordings = [_recognise_one(path, settings) for path in paths]
    return joined(paths[0], recordings)


def _recognise_one(path: Path, settings: ImportSettings) -> Recording:
    start = look_at(path)
    found = _named(settings.format) if settings.format is not None else _format_of(start)
    if start.is_folder and (found is None or settings.format is not None):
        inside = _recordings_in(path, settings)
        if inside:
            return replace(joined(path, inside), reopen=partial(_recognise_one, path.absolute(), settings))
    if found is None:
        raise _unknown(start)
    asked = {name for name, value in settings.model_dump(exclude_defaults=True).items() if value is not None}
    for name in sorted(asked - found.options - _ALWAYS):
        raise UserError(f"{path}: --{name.replace('_', '-')} means nothing for the format '{found.name}': leave it out")
    return replace(found.open(path, settings), reopen=partial(_recognise_one, path.absolute(), settings))


def _check_no_table(path: Path, settings: ImportSettings) -> None:
    if settings.events is not None:
        raise UserError(f"{path}: is not the only recording, and --events is a table of one: import them one by one")


def _format_of(start: Start) -> FileFormat | None:
    return next((candidate for candidate in FORMATS if candidate.recognises(start)), None)


def _recordings_in(folder: Path, settings: ImportSettings) -> list[Recording]:
    """Open the recordings that lie in a folder, in natural order of their names; say what was passed over."""
    files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    known: list[Path] = []
    passed: list[Path] = []
    for path in in_natural_order(files):
        if _is_part_of_another(path):
            continue
        recognised = path.stat().st_size > 0 and _format_of(look_at(path)) is not None
        (known if recognised else passed).append(path)
    if len(known) > 1:
        _check_no_table(folder, settings)
    recordings = [_recognise_one(path, settings) for path in known]
    if recordings and passed:
        names = ", ".join(path.name for path in passed[:5]) + (" …" if len(passed) > 5 else "")
        warning = f"passed over, since they are no recordings: {names}"
        recordings[0] = replace(recordings[0], warnings=(*recordings[0].warnings, warning))
    return recordings


def _is_part_of_another(path: Path) -> bool:
    """Say whether a file belongs to a recording that another file names, and is read with it."""
    if path.suffix in (".eeg", ".vmrk", ".dat"):
        return path.with_suffix(".vhdr").is_file()
    # FIF goes on in x-1.fif, x-2.fif where x.fif becomes too large.
    split = re.fullmatch(r"(.+)-\d+\.fif", path.name)
    return split is not None and path.with_name(f"{split[1]}.fif").is_file()


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
