"""What may be said of a fetch, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, field_validator

from mindglyph.errors import UserError
from mindglyph.fetching.disk import Report
from mindglyph.fetching.patience import Patience
from mindglyph.fetching.published import PublishedSet
from mindglyph.settings import Settings

MIRROR_VARIABLE = "MINDGLYPH_MIRROR"
"""Environment variable that names a copy of the folder with the archives."""

Stage = Callable[[str], AbstractContextManager[Report]]
"""Shows the progress of a stage by name."""


class FetchSettings(Settings):
    """Where a set is fetched from, and how.

    Attributes
    ----------
    mirror : str or None
        Address of a copy: of the folder with the archives, or of a hub; None takes what
        MINDGLYPH_MIRROR or HF_ENDPOINT name, and else the original.
    force : bool
        Whether to fetch what is there already, and to take what the server has now although
        its length or checksum is another than published or recorded.
    patience : Patience
        What is done about a connection that breaks.
    """

    mirror: str | None = None
    force: bool = False
    patience: Patience = Field(default_factory=Patience)

    @field_validator("mirror")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        return None if value is None else http_address(value)


@dataclass(frozen=True)
class Fetched:
    """What lies in the folder now.

    Attributes
    ----------
    published : PublishedSet
        Which set it is.
    folder : Path
        Where.
    fetched : tuple of str
        Files that came.
    there : tuple of str
        Files that were there already and agree with what was recorded.
    recordings : tuple of Path
        What is to be imported, all into one store.
    unpacked : int or None
        Files that the archive held.
    licence : str or None
        What the dataset card named as licence.
    """

    published: PublishedSet
    folder: Path
    fetched: tuple[str, ...]
    there: tuple[str, ...]
    recordings: tuple[Path, ...]
    unpacked: int | None = None
    licence: str | None = None


def http_address(text: str) -> str:
    """Return an address without its last slash.

    Parameters
    ----------
    text : str
        As the user gave it.

    Returns
    -------
    str
        An http or https address.

    Raises
    ------
    UserError
        If it is none that can be fetched from.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UserError(f"'{text}' is no address to fetch from: give one that begins with http:// or https://")
    return text.rstrip("/")
