"""Downloads a file over HTTP, going on where an earlier attempt broke off.

Neither pooch 1.9 nor huggingface_hub 2.4 goes on with what another process has fetched, which a
file of 45 GB needs, so the bytes of all sets come this way.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

from mindglyph.errors import UserError
from mindglyph.fetching.disk import Report, require_room
from mindglyph.fetching.part import Origin, Part, open_part
from mindglyph.fetching.patience import BrokenOffError, Patience, patiently

if TYPE_CHECKING:
    import requests

# What has come of a block when the connection breaks is lost, so blocks are small.
_BLOCK = 1 << 16
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_NOTHING_KEPT = "nothing of it is kept; try again later, or name a copy with --mirror"


class Downloader:
    """Fetches one file; pooch can call it in place of its own downloaders.

    Parameters
    ----------
    part : Path
        Where the file lies while it is coming, `NAME.part`.
    patience : Patience
        What is done about a connection that breaks.
    report : callable
        Takes bytes that have come and in all.
    size : int or None
        Length in bytes that the file must have, where it is published.
    content : str or None
        Checksum that the file will have, where it is known beforehand; then a part is gone
        on with whatever the server calls its version.
    room : int
        Bytes that will be needed beside the file.
    check : callable or None
        Takes the complete file, and raises UserError if it cannot be used.
    """

    def __init__(
        self,
        part: Path,
        patience: Patience,
        report: Report,
        *,
        size: int | None = None,
        content: str | None = None,
        room: int = 0,
        check: Callable[[Path], None] | None = None,
    ) -> None:
        self._part_path, self._patience, self._report = part, patience, report
        self._size, self._content, self._room, self._check = size, content, room, check
        self._ends: list[int] = []
        self.origin = Origin()

    def __call__(self, url: str, output_file: str | Path, pooch: object = None) -> None:
        """Fetch a file.

        Parameters
        ----------
        url : str
            Its address.
        output_file : str or Path
            The name it gets when it is complete.
        pooch : object
            Who asks; of no use here.

        Raises
        ------
        UserError
            If it cannot be had, or is not what was expected.
        """
        with open_part(self._part_path) as part:
            self._fill(url, part)
            if self._check is not None:
                try:
                    self._check(part.path)
                except UserError:
                    part.discard()
                    raise
            self.origin = part.origin or Origin()
            part.finish(Path(output_file))

    def _fill(self, url: str, part: Part) -> None:
        if part.origin is not None and part.origin.content != self._content:
            part.discard()

        def attempt() -> None:
            # The second time there is no part that the server could refuse to go on with.
            if not (part.is_complete or self._receive(url, part) or self._receive(url, part)):
                raise BrokenOffError("the server sends parts that were not asked for")

        try:
            patiently(attempt, self._patience, lambda: part.size)
        except BrokenOffError as why:
            raise self._given_up(url, part, why) from why

    def _receive(self, url: str, part: Part) -> bool:
        """Receive what is missing; say whether the server still has the file that the part is of."""
        import requests

        whole = False
        try:
            with requests.get(
                url, headers=self._headers(part), stream=True, timeout=self._patience.timeout
            ) as response:
                if response.status_code in (HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE):
                    if not self._goes_on(url, response, part):
                        part.discard()
                        return False
                else:
                    self._begin(url, response, part)
                    whole = True
                self._require_room(part)
                self._report(part.size, self._total(part) or 0)
                for block in response.iter_content(_BLOCK):
                    self._append(url, part, block)
            self._end(url, part)
        except requests.exceptions.RequestException as error:
            if whole:
                self._ends.append(part.size)
            raise _explained(url, error) from error
        return True

    def _headers(self, part: Part) -> dict[str, str]:
        from mindglyph import __version__

        headers = {"User-Agent": f"mindglyph/{__version__}", "Accept-Encoding": "identity"}
        validator = part.origin.validator if part.origin is not None else None
        if part.size and self._content is not None:
            # The content is known by its checksum, and its address is signed anew each time.
            headers["Range"] = f"bytes={part.size}-"
        elif part.size and validator is not None:
            headers |= {"Range": f"bytes={part.size}-", "If-Range": validator}
        return headers

    def _goes_on(self, url: str, response: requests.Response, part: Part) -> bool:
        """Say whether the answer goes on where the part ends."""
        start, total = _content_range(response)
        if response.status_code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            if part.size and total == part.size:
                announced = self._total(part) or 0
                part.discard()
                raise UserError(f"{url}: {announced:,} bytes were announced, but the server has fewer: {_NOTHING_KEPT}")
            return False
        offered = _origin(response, total, self._content)
        return part.origin is not None and start == part.size and part.origin.is_same_as(offered)

    def _begin(self, url: str, response: requests.Response, part: Part) -> None:
        if response.status_code != HTTPStatus.OK:
            raise _refused(url, response)
        length = response.headers.get("Content-Length", "")
        # Length and version are those of the file only where it was not packed for the way.
        plain = response.headers.get("Content-Encoding", "identity") == "identity"
        total = int(length) if plain and length.isdecimal() else None
        if total is not None and self._size not in (None, total):
            part.discard()
            raise self._of_other_size(url, total)
        part.begin(_origin(response, total, self._content) if plain else Origin(content=self._content))

    def _append(self, url: str, part: Part, block: bytes) -> None:
        part.append(block)
        total = self._total(part)
        if total is not None and part.size > total:
            part.discard()
            raise UserError(f"{url}: more comes than the {total:,} bytes that it should have: {_NOTHING_KEPT}")
        self._report(part.size, total or 0)

    def _end(self, url: str, part: Part) -> None:
        if part.origin is not None and part.origin.total is None:
            if self._size not in (None, part.size):
                size = part.size
                part.discard()
                raise self._of_other_size(url, size)
            part.settle()
        elif not part.is_complete:
            raise BrokenOffError("the connection broke off")

    def _total(self, part: Part) -> int | None:
        announced = part.origin.total if part.origin is not None else None
        return announced if announced is not None else self._size

    def _require_room(self, part: Part) -> None:
        needed = (self._total(part) or 0) - part.size + self._room
        require_room(part.path.parent, needed, "what is still to be written")

    def _of_other_size(self, url: str, size: int) -> UserError:
        mend = "--force takes what the server has now" if self._content is None else "try again later"
        return UserError(
            f"{url}: the server has {size:,} bytes, but {self._size:,} are published: nothing of it is kept; {mend}"
        )

    def _given_up(self, url: str, part: Part, why: BrokenOffError) -> UserError:
        total = self._total(part)
        if not part.size:
            return UserError(f"{url}: cannot be had ({why}): try again later, or name a copy with --mirror")
        if total and len(self._ends) > 1 and set(self._ends) == {part.size}:
            size, times = part.size, len(self._ends)
            part.discard()
            return UserError(
                f"{url}: {total:,} bytes were announced, but they ended after about {size:,} all {times} times: "
                f"{_NOTHING_KEPT}"
            )
        of = f" of {total:,}" if total else ""
        return UserError(f"{url}: {why} after {part.size:,}{of} bytes: the same command goes on from there")


def _origin(response: requests.Response, total: int | None, content: str | None) -> Origin:
    if content is not None:
        return Origin(total=total, content=content)
    etag = response.headers.get("ETag")
    return Origin(
        total=total,
        etag=etag if etag and not etag.startswith("W/") else None,
        modified=response.headers.get("Last-Modified"),
        content=content,
    )


def _content_range(response: requests.Response) -> tuple[int | None, int | None]:
    """Return where a part of a file begins and how long the file is, as far as the server says."""
    found = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    if found is None:
        return None, None
    start, total = found.groups()
    return (int(start) if start else None), (int(total) if total != "*" else None)


def _refused(url: str, response: requests.Response) -> Exception:
    status = response.status_code
    answer = f"{status} {response.reason or ''}".strip()
    if status in _PASSING or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        wait = response.headers.get("Retry-After", "")
        return BrokenOffError(f"the server answers {answer}", float(wait) if wait.isdecimal() else 0.0)
    if status in (HTTPStatus.NOT_FOUND, HTTPStatus.GONE):
        return UserError(f"{url}: is not there ({answer}): try again later, or name a copy with --mirror")
    return UserError(f"{url}: the server refuses it ({answer}): try again later, or name a copy with --mirror")


def _explained(url: str, error: requests.exceptions.RequestException) -> Exception:
    from requests import exceptions

    if isinstance(error, exceptions.SSLError):
        return UserError(f"{url}: the server's certificate is not accepted: try again later, or name another --mirror")
    if isinstance(error, exceptions.Timeout) or "timed out" in str(error):
        return BrokenOffError("the connection fell silent")
    if isinstance(error, exceptions.ChunkedEncodingError):
        return BrokenOffError("the connection broke off")
    if isinstance(error, exceptions.ConnectionError):
        return BrokenOffError("no connection to the server")
    return UserError(f"{url}: cannot be asked for ({error}): give the address of the copy as http://…")
