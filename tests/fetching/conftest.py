"""A server on this machine that behaves as servers do, well and badly, and one that imitates the hub."""

from __future__ import annotations

import hashlib
import io
import json
import shlex
import subprocess
import sys
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, chdir, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

from mindglyph.cli import main
from mindglyph.fetching.settings import FetchSettings


@dataclass
class Served:
    """A file, and how the server behaves when it is asked for it.

    `statuses` are answered first, one a request. `break_after` cuts the connection after so
    many bytes of a body, at the next `breaks` answers. `announced` is told as length in place
    of the truth. `hold_after` waits for `go_on` after so many bytes.
    """

    content: bytes
    etag: str | None = '"first"'
    modified: str | None = None
    ranges: bool = True
    honest: bool = True
    chunked: bool = False
    announced: int | None = None
    statuses: list[int] = field(default_factory=list)
    break_after: int = 0
    breaks: int = 0
    hold_after: int | None = None
    go_on: threading.Event = field(default_factory=threading.Event)
    location: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """What was asked for, and what went out."""

    path: str
    range: str | None
    status: int
    sent: int = 0


class Server:
    """Serves what it is given, and keeps a list of its answers."""

    def __init__(self) -> None:
        self.files: dict[str, Served] = {}
        self.answers: list[Answer] = []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"server_side": self}))
        self._http.daemon_threads = True
        self._http.handle_error = lambda request, address: None  # clients that are killed are no errors here
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"

    def serve(self, path: str, content: bytes, **behaviour: Any) -> Served:
        self.files[path] = Served(content, **behaviour)
        return self.files[path]

    def sent(self, path: str) -> list[int]:
        """Return the bytes of each body that went out for a path."""
        return [answer.sent for answer in self.answers if answer.path == path and answer.status in (200, 206)]

    def close(self) -> None:
        for served in self.files.values():
            served.go_on.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join(10)


class _Handler(BaseHTTPRequestHandler):
    server_side: Server
    protocol_version = "HTTP/1.1"
    timeout = 20

    def log_message(self, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.split("?")[0].removeprefix("/")
        asked = self.headers.get("Range")
        answer = Answer(path, asked, 404)
        self.server_side.answers.append(answer)
        served = self.server_side.files.get(path)
        if served is None:
            self._plain(404)
        elif served.statuses:
            answer.status = served.statuses.pop(0)
            self._plain(answer.status, **served.headers)
        elif served.location is not None:
            answer.status = 302
            self._plain(302, Location=served.location)
        else:
            self._send(served, answer, asked)

    def _plain(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, served: Served, answer: Answer, asked: str | None) -> None:
        start = 0
        condition = self.headers.get("If-Range")
        if asked and served.ranges and (condition in (None, served.etag, served.modified) or not served.honest):
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
        length = len(served.content)
        if start and start >= length:
            answer.status = 416
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{length}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = served.content[start:]
        answer.status = 206 if start else 200
        self.send_response(answer.status)
        for name, value in (("ETag", served.etag), ("Last-Modified", served.modified), *served.headers.items()):
            if value is not None:
                self.send_header(name, value)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{length - 1}/{length}")
        if served.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Content-Length", str(len(body) if served.announced is None else served.announced))
        self.end_headers()
        self._body(served, answer, body)

    def _body(self, served: Served, answer: Answer, body: bytes) -> None:
        if served.breaks > 0:
            served.breaks -= 1
            body = body[: served.break_after]
            self.close_connection = True
        pieces = [body] if served.hold_after is None else [body[: served.hold_after], body[served.hold_after :]]
        for number, piece in enumerate(pieces):
            if number:
                served.go_on.wait(20)
            # Counted before it goes out: who has read the last piece may ask at once how much was sent.
            answer.sent += len(piece)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if served.chunked else piece)
            self.wfile.flush()
        if served.chunked:
            self.wfile.write(b"0\r\n\r\n")
        if served.announced is not None:
            self.close_connection = True


@pytest.fixture
def server() -> Iterator[Server]:
    """A server on this machine, which stops with the test."""
    running = Server()
    try:
        yield running
    finally:
        running.close()


@pytest.fixture
def hub(server: Server, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Publish a dataset as the hub does: its listing, addresses that lead to where the content lies, and that."""
    from huggingface_hub import constants

    # Else the client asks the real hub what program calls it.
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_TELEMETRY", True)

    def publish(
        repository: str,
        files: dict[str, bytes],
        licence: str | None = "odbl",
        revision: str = "a" * 40,
        **behaviour: Any,
    ) -> None:
        siblings = []
        for name, content in files.items():
            blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            entry: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": blob}
            address = f"datasets/{repository}/resolve/{revision}/{name}"
            if len(content) > 1000:
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 135}
                server.serve(address, b"", location=f"/cdn/{sha256}")
                server.serve(f"cdn/{sha256}", content, **behaviour)
            else:
                server.serve(address, content)
            siblings.append(entry)
        listing = {"id": repository, "sha": revision, "siblings": siblings, "cardData": {"license": licence}}
        server.serve(
            f"api/datasets/{repository}", json.dumps(listing).encode(), headers={"Content-Type": "application/json"}
        )

    return publish


@pytest.fixture(scope="session")
def text() -> bytes:
    """A megabyte of numbers as text."""
    values = np.random.default_rng(0).integers(0, 1000, 260_000)
    return ",".join(map(str, values)).encode()


def zipped(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip archive of files."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return held.getvalue()


@pytest.fixture(scope="session")
def make_zip() -> Callable[..., bytes]:
    """Make a zip archive of files."""
    return zipped


@contextmanager
def silent(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show no progress."""
    yield lambda done, total: None


@pytest.fixture(scope="session")
def stage() -> Callable[[str], AbstractContextManager[Callable[[int, int], None]]]:
    """Show no progress."""
    return silent


@pytest.fixture
def hurried(server: Server) -> Callable[..., FetchSettings]:
    """Make settings that fetch from the server and do not wait long between attempts."""

    def make(retries: int = 0, **settings: Any) -> FetchSettings:
        patience = {"retries": retries, "pause": 0.01, "timeout": 5}
        return FetchSettings(mirror=server.url, patience=patience, **settings)

    return make


@pytest.fixture
def command(server: Server) -> Callable[..., list[str]]:
    """Make the command line that fetches from the server."""

    def make(*arguments: object) -> list[str]:
        return [
            sys.executable,
            "-m",
            "mindglyph",
            "fetch",
            "--mirror",
            server.url,
            "--retries",
            "0",
            *map(str, arguments),
        ]

    return make


@pytest.fixture
def run(command: Callable[..., list[str]], tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the command against the server, in this process or as users do."""

    def finish(*arguments: object, status: int = 0, apart: bool = False) -> subprocess.CompletedProcess[str]:
        words = command(*arguments)
        if apart:
            done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
        else:
            done = _in_this_process(words[3:], tmp_path)
        assert done.returncode == status, done.stderr
        return done

    return finish


@pytest.fixture
def printed(tmp_path: Path) -> Callable[[str], subprocess.CompletedProcess[str]]:
    """Run a command as it was printed."""
    return lambda line: _in_this_process(shlex.split(line)[1:], tmp_path)


def _in_this_process(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    out, errors = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", ["mindglyph", *words]))
        stack.enter_context(mock.patch.dict("os.environ", {"COLUMNS": "200"}))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(errors))
        stack.enter_context(chdir(folder))
        ended = stack.enter_context(pytest.raises(SystemExit))
        main()
    return subprocess.CompletedProcess(words, int(ended.value.code or 0), out.getvalue(), errors.getvalue())
