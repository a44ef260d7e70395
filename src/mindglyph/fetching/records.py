"""What was fetched into a folder, and whether it is still what came.

No checksums are published for the archives, so the one found at the first fetch is written
down, and everything that is fetched or used later is held against it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mindglyph.errors import UserError
from mindglyph.fetching.disk import Report, checksum
from mindglyph.files import read_json, write_json
from mindglyph.settings import Settings

LEDGER = "fetched.json"
"""Name of the file in which a folder's records stand."""

MEND = "delete it, or fetch it anew with --force"
"""What is to be done about a file that lies there and is not what it should be."""


class Record(Settings):
    """What is known of a file since it came.

    Attributes
    ----------
    address : str or None
        Where it came from; None for a file that was there already.
    bytes : int
        Its length.
    sha256 : str
        Its checksum, hexadecimal.
    date : str
        When that was found, in ISO 8601, UTC.
    etag : str or None
        What the server called that version of the file.
    licence : str or None
        What the dataset card named as licence.
    """

    address: str | None
    bytes: int
    sha256: str
    date: str
    etag: str | None = None
    licence: str | None = None


_LEDGER = TypeAdapter(dict[str, Record])


def records(folder: Path) -> dict[str, Record]:
    """Return a folder's records by the name of the file.

    Parameters
    ----------
    folder : Path
        Where a set was fetched to.

    Returns
    -------
    dict of str to Record
        Empty where nothing was.

    Raises
    ------
    UserError
        If they cannot be read.
    """
    path = folder / LEDGER
    if not path.exists():
        return {}
    try:
        return _LEDGER.validate_python(read_json(path))
    except ValidationError as error:
        raise UserError(f"{path}: holds no records of fetched files: move it away, and fetch again") from error


def write_record(folder: Path, name: str, record: Record) -> None:
    """Write down what a file is, beside the other records of its folder.

    Parameters
    ----------
    folder : Path
        Where the file lies.
    name : str
        Of the file.
    record : Record
        What it is.
    """
    known = records(folder) | {name: record}
    write_json(folder / LEDGER, _LEDGER.dump_python(known))


def take_stock(path: Path, report: Report, address: str | None, etag: str | None = None) -> Record:
    """Return the record of a file as it lies there now.

    Parameters
    ----------
    path : Path
        The file, which is read.
    report : callable
        Called with the bytes read so far and in all.
    address : str or None
        Where it came from.
    etag : str, optional
        What the server called this state of it.

    Returns
    -------
    Record
        Its length and SHA-256.
    """
    return Record(
        address=address,
        bytes=path.stat().st_size,
        sha256=checksum(path, report),
        date=now(),
        etag=etag,
    )


def now() -> str:
    """Return the time, as records have it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def require_unchanged(path: Path, record: Record, report: Report) -> None:
    """Make sure that a file is still the one that was recorded.

    Parameters
    ----------
    path : Path
        The file.
    record : Record
        What it was when it was fetched.
    report : callable
        Called with the bytes read so far and in all.

    Raises
    ------
    UserError
        If its length or its checksum is another.
    """
    size = path.stat().st_size
    if size != record.bytes:
        why = f"has {size:,} bytes, not the {record.bytes:,}"
    elif checksum(path, report) != record.sha256:
        why = "has another SHA-256 than the file"
    else:
        return
    raise UserError(f"{path}: {why} recorded on {record.date}: {MEND}")
