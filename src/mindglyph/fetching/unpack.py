"""Unpacks a zip archive that came from the network, and trusts nothing that it says.

pooch.Unzip and zipfile.extractall write what an archive holds in place, over whatever is
there and however large it grows; here each file appears complete, checked and inside the
folder, or not at all.
"""

from __future__ import annotations

import lzma
import re
import stat
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from mindglyph.errors import UserError
from mindglyph.fetching.disk import Report, blocks_of, readable, require_room
from mindglyph.fetching.records import MEND
from mindglyph.files import replaced_file

_BLOCK = 1 << 20
_MOST_ENTRIES = 100_000
# Recordings as text shrink to a fifth or a seventh; deflate itself ends at a thousandth.
_LARGEST_RATIO = 100
_SLACK = 1 << 20
_ENCRYPTED = 1
_UNUSABLE = (BadZipFile, EOFError, OSError, RuntimeError, ValueError, lzma.LZMAError, struct.error, zlib.error)


@dataclass(frozen=True)
class Entry:
    """A file in an archive.

    Attributes
    ----------
    info : ZipInfo
        What the archive says of it.
    path : PurePosixPath
        Where it belongs, inside the folder.
    """

    info: ZipInfo
    path: PurePosixPath


def contents(archive: Path, called: str | None = None, mend: str = MEND) -> list[Entry]:
    """Read what an archive holds, and make sure that all of it can be unpacked safely.

    Parameters
    ----------
    archive : Path
        A zip archive.
    called : str, optional
        What the error calls it; without it by its path.
    mend : str
        What the error says is to be done.

    Returns
    -------
    list of Entry
        Its files, in the order of the archive.

    Raises
    ------
    UserError
        If it is no zip archive or is cut, would write outside its folder, holds anything but
        files and folders, or says that it grows beyond measure.
    """
    name = called or str(archive)
    with _explained(name, mend), ZipFile(archive) as opened:
        infos = opened.infolist()
        if len(infos) > _MOST_ENTRIES:
            raise BadZipFile(f"holds {len(infos):,} entries")
        entries = [Entry(info, _place(info)) for info in infos]
        _refuse_twins(entries)
        files = [entry for entry in entries if not entry.info.filename.endswith(("/", "\\"))]
        grown, packed = sum(entry.info.file_size for entry in files), archive.stat().st_size
        if grown > _LARGEST_RATIO * packed + _SLACK:
            raise BadZipFile(f"says that its {readable(packed)} unpack to {readable(grown)}")
    return files


def unpack(archive: Path, folder: Path, report: Report, *, force: bool = False, keep: Sequence[str] = ()) -> list[Path]:
    """Unpack an archive into a folder; what is there already and agrees is left alone.

    Parameters
    ----------
    archive : Path
        A zip archive.
    folder : Path
        Where its files go. They appear one by one, each complete.
    report : callable
        Takes bytes done and in all.
    force : bool
        Whether to replace files that are there and differ.
    keep : sequence of str
        Names in the folder that no file of an archive may take.

    Returns
    -------
    list of Path
        The files, in the order of the archive.

    Raises
    ------
    UserError
        If the archive cannot be used or is damaged, a file that differs is in the way, or
        the disk is full.
    """
    entries = contents(archive)
    targets = [_target(folder, entry, {*keep, archive.name}, archive) for entry in entries]
    size = sum(entry.info.file_size for entry in entries)
    done, missing = 0, []
    for entry, target in zip(entries, targets, strict=True):
        if _is_there(entry, target, force):
            done += entry.info.file_size
            report(done, size)
        else:
            missing.append((entry, target))
    require_room(folder, size - done, f"unpacking {archive.name}")
    with _explained(str(archive), MEND), ZipFile(archive) as opened:
        for entry, target in missing:
            _write(opened, entry, target, partial(_shift, report, done, size))
            done += entry.info.file_size
    return targets


def _place(info: ZipInfo) -> PurePosixPath:
    # Some Windows programs write backslashes between folders.
    name = info.filename.replace("\\", "/")
    path = PurePosixPath(name)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if name.startswith("/") or ":" in name or ".." in path.parts or not path.parts or re.search(r"[\0-\x1f]", name):
        raise BadZipFile(f"holds {info.filename!r}, which would be written outside its folder")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadZipFile(f"holds {info.filename!r}, which is no file but a link or device")
    if info.flag_bits & _ENCRYPTED:
        raise BadZipFile(f"holds {info.filename!r}, which asks for a password")
    return path


def _refuse_twins(entries: Sequence[Entry]) -> None:
    # On Windows and macOS names that differ only in case are the same.
    seen: set[str] = set()
    for entry in entries:
        name = str(entry.path).casefold()
        if name in seen:
            raise BadZipFile(f"holds {entry.info.filename!r} twice")
        seen.add(name)


def _target(folder: Path, entry: Entry, kept: set[str], archive: Path) -> Path:
    target = folder / entry.path
    # A link that was in the folder before may lead out of it too.
    inside = target.parent.resolve().is_relative_to(folder.resolve())
    if not inside or str(entry.path).casefold() in {name.casefold() for name in kept}:
        raise UserError(
            f"{archive}: holds {entry.info.filename!r}, which must not be written there: name another folder"
        )
    return target


def _is_there(entry: Entry, target: Path, force: bool) -> bool:
    """Say whether a file is there as the archive has it; refuse to replace one that differs."""
    if not target.exists():
        return False
    if target.is_file() and target.stat().st_size == entry.info.file_size and _crc(target) == entry.info.CRC:
        return True
    if force and target.is_file():
        return False
    raise UserError(f"{target}: is there and is not what the archive holds: move it away, or replace it with --force")


def _crc(path: Path) -> int:
    value = 0
    for block in blocks_of(path):
        value = zlib.crc32(block, value)
    return value


def _shift(report: Report, before: int, size: int, written: int) -> None:
    report(before + written, size)


def _write(opened: ZipFile, entry: Entry, target: Path, report: Callable[[int], None]) -> None:
    """Write one file under a temporary name, and rename it when its checksum agrees."""
    with replaced_file(target) as temporary:
        written = 0
        with temporary.open("wb") as file:
            for block in _blocks(opened, entry.info):
                file.write(block)
                written += len(block)
                report(written)
        if written != entry.info.file_size:
            raise BadZipFile(f"{entry.info.filename!r} ends early")


def _blocks(opened: ZipFile, info: ZipInfo) -> Iterator[bytes]:
    """Give what a file holds: no more than the length stated, and the CRC is compared at the end."""
    try:
        with opened.open(info) as source:
            while block := source.read(_BLOCK):
                yield block
    except OSError as error:  # is not to be taken for one of writing
        raise BadZipFile(error.strerror or str(error)) from error


@contextmanager
def _explained(name: str, mend: str) -> Iterator[None]:
    try:
        yield
    except _UNUSABLE as error:
        why = str(error) or "it ends early"
        raise UserError(f"{name}: cannot be unpacked ({why}): {mend}") from error
