"""Fetches files of a dataset on the Hugging Face hub.

The hub says of each file how long it is and what its checksum is (the SHA-256 of a large
file, git's SHA-1 of a small one), and both are held against what comes.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from mindglyph.errors import UserError
from mindglyph.fetching.disk import Report, blocks_of, checksum, require_room
from mindglyph.fetching.download import Downloader
from mindglyph.fetching.patience import BrokenOffError, patiently
from mindglyph.fetching.published import HUB, HubSet
from mindglyph.fetching.records import MEND, Record, now, records, require_unchanged, write_record
from mindglyph.fetching.settings import Fetched, FetchSettings, Stage

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import DatasetInfo


@dataclass(frozen=True)
class _HubFile:
    """What the hub says of a file."""

    name: str
    address: str
    size: int
    sha256: str | None
    blob: str | None
    licence: str | None

    @property
    def content(self) -> str:
        return self.sha256 or self.blob or ""

    def record(self, path: Path, address: str | None) -> Record:
        """Return the record of a file that agrees."""
        sha256 = self.sha256 or checksum(path, lambda done, total: None)
        return Record(
            address=address, bytes=self.size, sha256=sha256, date=now(), etag=self.content, licence=self.licence
        )

    def agrees(self, path: Path, report: Report) -> bool:
        """Say whether a file has the length and the checksum that the hub names."""
        if path.stat().st_size != self.size:
            return False
        if self.sha256 is not None:
            return checksum(path, report) == self.sha256
        # A small file lies in git itself, which knows it by this checksum and no other.
        header = f"blob {self.size}\0".encode()
        digest = hashlib.sha1(header, usedforsecurity=False)
        for block in blocks_of(path):
            digest.update(block)
        return digest.hexdigest() == self.blob


def fetch_from_hub(published: HubSet, folder: Path, settings: FetchSettings, stage: Stage) -> Fetched:
    """Fetch a dataset's files into a folder that exists.

    Parameters
    ----------
    published : HubSet
        What is fetched.
    folder : Path
        Where the files go.
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
        If the hub cannot be reached, has no such dataset or file, or what came or lies there
        is not what the hub or the records name.
    """
    known = records(folder)
    missing = []
    for name in published.files:
        if name in known and (folder / name).exists() and not settings.force:
            with stage("check") as report:
                require_unchanged(folder / name, known[name], report)
        else:
            missing.append(name)
    came = tuple(_fetch(published, missing, folder, settings, stage)) if missing else ()
    recorded = records(folder)
    return Fetched(
        published=published,
        folder=folder,
        fetched=came,
        there=tuple(name for name in published.files if name not in came),
        recordings=tuple(folder / name for name in published.recordings),
        licence=next((recorded[name].licence for name in published.files if recorded[name].licence), None),
    )


def _fetch(published: HubSet, names: Sequence[str], folder: Path, settings: FetchSettings, stage: Stage) -> list[str]:
    """Fetch what is missing or not recorded; return the names of the files that came."""
    files = _listing(published, names, settings)
    waiting = [file for file in files if not _adopted(file, folder, settings, stage)]
    require_room(folder, sum(file.size - _come(folder, file) for file in waiting), published.name)
    for file in waiting:
        _download(file, folder, settings, stage)
    return [file.name for file in waiting]


def _listing(published: HubSet, names: Sequence[str], settings: FetchSettings) -> list[_HubFile]:
    """Ask the hub what it knows of the files."""
    # The client would ask the hub, and no mirror, what program calls it, and tell what is installed here.
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi, hf_hub_url

    api = HfApi(endpoint=settings.mirror, token=False)
    try:
        info = patiently(lambda: _ask(api, published.repository, settings.patience.timeout), settings.patience)
    except BrokenOffError as why:
        raise UserError(
            f"{api.endpoint}: cannot be asked for {published.repository} ({why}): "
            "try again later, or name a copy with --mirror"
        ) from why
    listed = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    files = []
    for name in names:
        size = listed[name].size if name in listed else None
        if size is None:
            raise UserError(f"{published.page}: lists no {name} with its size: see there what became of it")
        lfs = listed[name].lfs
        files.append(
            _HubFile(
                name=name,
                # The revision is named, so that a file cannot change while it is fetched.
                address=hf_hub_url(
                    published.repository, name, repo_type="dataset", revision=info.sha, endpoint=settings.mirror
                ),
                size=size,
                sha256=lfs.sha256 if lfs else None,
                blob=listed[name].blob_id,
                licence=_licence(info),
            )
        )
    return files


def _ask(api: HfApi, repository: str, timeout: float) -> DatasetInfo:
    from huggingface_hub import errors

    # Of httpx or its successor, whichever the client is built on.
    connection_error: type[Exception] = getattr(errors, "HTTPError", OSError)
    try:
        return api.dataset_info(repository, files_metadata=True, timeout=timeout)
    except errors.OfflineModeIsEnabled as error:
        raise UserError("HF_HUB_OFFLINE forbids asking the hub: unset it, and try again") from error
    except errors.HfHubHTTPError as error:
        status = error.response.status_code
        # The hub does not tell apart what is missing and what is not for everybody.
        if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.NOT_FOUND):
            raise UserError(
                f"{api.endpoint}: has no dataset {repository} that everybody may read: see {HUB}"
            ) from error
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise BrokenOffError(f"it answers {status}") from error
        raise UserError(f"{api.endpoint}: refuses to list {repository} ({status}): try again later") from error
    except connection_error as error:
        raise BrokenOffError("no connection") from error
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"{api.endpoint}: does not answer as a hub does: name another address with --mirror") from error


def _licence(info: DatasetInfo) -> str | None:
    named = getattr(info.card_data, "license", None)
    return ", ".join(map(str, named)) if isinstance(named, list) else named


def _come(folder: Path, file: _HubFile) -> int:
    part = folder / f"{file.name}.part"
    return min(part.stat().st_size, file.size) if part.exists() else 0


def _adopted(file: _HubFile, folder: Path, settings: FetchSettings, stage: Stage) -> bool:
    """Record a file that is there already, where it is the one that the hub names."""
    path = folder / file.name
    if not path.exists():
        return False
    with stage("check") as report:
        agrees = file.agrees(path, report)
    if not agrees:
        if settings.force:
            return False
        raise UserError(f"{path}: is there and is not the file that the hub names: {MEND}")
    write_record(folder, file.name, file.record(path, None))
    return True


def _download(file: _HubFile, folder: Path, settings: FetchSettings, stage: Stage) -> None:
    before = records(folder).get(file.name)
    if before is not None and (before.bytes, before.etag) != (file.size, file.content) and not settings.force:
        raise UserError(
            f"{file.address}: is another file than the one recorded on {before.date}: "
            "--force takes what the hub has now"
        )
    path = folder / file.name
    with stage("fetch") as report:

        def check(part: Path) -> None:
            if not file.agrees(part, report):
                raise UserError(
                    f"{file.address}: what came has not the checksum that the hub names: "
                    "nothing of it is kept; try again"
                )

        downloader = Downloader(
            path.with_name(f"{path.name}.part"),
            settings.patience,
            report,
            size=file.size,
            content=file.content,
            check=check,
        )
        downloader(file.address, path)
    write_record(folder, file.name, file.record(path, file.address))
