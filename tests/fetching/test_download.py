import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mindglyph.errors import UserError
from mindglyph.fetching.download import Downloader
from mindglyph.fetching.part import open_part
from mindglyph.fetching.patience import Patience

NAME = "file.bin"
HALF = 500_000


def download(server: Any, folder: Path, retries: int = 0, **options: Any) -> Path:
    patience = Patience(retries=retries, pause=0.01, timeout=5)
    Downloader(folder / f"{NAME}.part", patience, lambda done, total: None, **options)(
        f"{server.url}/{NAME}", folder / NAME
    )
    return folder / NAME


def refused(server: Any, folder: Path, retries: int = 0, **options: Any) -> str:
    with pytest.raises(UserError) as caught:
        download(server, folder, retries, **options)
    assert not (folder / NAME).exists()
    return str(caught.value)


def nothing_kept(folder: Path) -> bool:
    return not list(folder.iterdir())


def test_a_file_comes_whole_and_leaves_nothing_beside_it(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text)
    seen: list[tuple[int, int]] = []
    Downloader(tmp_path / f"{NAME}.part", Patience(), lambda *step: seen.append(step), size=len(text))(
        f"{server.url}/{NAME}", tmp_path / NAME
    )
    assert (tmp_path / NAME).read_bytes() == text
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    assert seen[0] == (0, len(text))
    assert seen[-1] == (len(text), len(text))
    assert server.answers[0].range is None


def test_a_connection_that_broke_off_is_gone_on_with_by_the_next_run(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, break_after=HALF, breaks=1)
    message = refused(server, tmp_path)
    assert message.endswith("bytes: the same command goes on from there")
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    assert 0 < kept <= HALF
    assert f"after {kept:,} of {len(text):,} bytes" in message
    assert download(server, tmp_path).read_bytes() == text
    assert server.sent(NAME) == [HALF, len(text) - kept]
    assert server.answers[1].range == f"bytes={kept}-"


def test_a_connection_that_breaks_now_and_then_is_tried_again_at_once(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, break_after=200_000, breaks=3)
    assert download(server, tmp_path, retries=3).read_bytes() == text
    # What had come of a block is asked for again, and nothing else.
    assert sum(server.sent(NAME)) <= len(text) + 3 * (1 << 16)


def test_attempts_end_although_a_little_comes_each_time(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, break_after=100_000, breaks=9)
    assert "goes on from there" in refused(server, tmp_path, retries=2)
    assert len(server.answers) == 3


def test_another_file_after_the_break_is_fetched_from_its_start(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    other = text[::-1]
    server.serve(NAME, other, etag='"second"')
    assert download(server, tmp_path).read_bytes() == other
    assert server.sent(NAME)[-1] == len(other)


def test_another_file_is_noticed_where_the_server_ignores_the_condition(
    server: Any, text: bytes, tmp_path: Path
) -> None:
    server.serve(NAME, text, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    other = text[::-1]
    server.serve(NAME, other, etag='"second"', honest=False)
    assert download(server, tmp_path).read_bytes() == other
    assert [answer.status for answer in server.answers] == [200, 206, 200]


def test_a_shorter_file_after_the_break_is_fetched_from_its_start(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    server.serve(NAME, text[:1000], etag='"second"', honest=False)
    assert download(server, tmp_path).read_bytes() == text[:1000]


def test_the_date_of_the_last_change_serves_where_there_is_no_tag(server: Any, text: bytes, tmp_path: Path) -> None:
    date = "Wed, 16 Sep 2015 10:00:00 GMT"
    server.serve(NAME, text, etag=None, modified=date, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    assert download(server, tmp_path).read_bytes() == text
    assert server.sent(NAME)[-1] == len(text) - kept


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_a_file_that_cannot_be_known_again_is_fetched_from_its_start(
    server: Any, text: bytes, tmp_path: Path, etag: str | None
) -> None:
    server.serve(NAME, text, etag=etag, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    assert download(server, tmp_path).read_bytes() == text
    assert server.answers[-1].range is None
    assert server.sent(NAME)[-1] == len(text)


def test_a_file_known_by_its_checksum_is_gone_on_with_whatever_it_is_called(
    server: Any, text: bytes, tmp_path: Path
) -> None:
    server.serve(NAME, text, etag='"one"', break_after=HALF, breaks=1)
    refused(server, tmp_path, content="sum")
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    server.serve(NAME, text, etag='"two"')
    assert download(server, tmp_path, content="sum").read_bytes() == text
    assert server.sent(NAME)[-1] == len(text) - kept


def test_a_part_of_another_checksum_is_thrown_away(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, break_after=HALF, breaks=1)
    refused(server, tmp_path, content="one")
    assert download(server, tmp_path, content="two").read_bytes() == text
    assert server.answers[-1].range is None


def test_a_server_that_ignores_ranges_starts_anew(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, ranges=False, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    assert download(server, tmp_path).read_bytes() == text
    assert server.answers[-1].range is not None
    assert server.sent(NAME)[-1] == len(text)


def test_a_length_larger_than_what_comes_is_caught(server: Any, text: bytes, tmp_path: Path) -> None:
    content = text[: 3 << 16]
    server.serve(NAME, content, announced=len(content) + 10)
    message = refused(server, tmp_path, retries=3)
    assert "196,618 bytes were announced, but the server has fewer: nothing of it is kept" in message
    assert len(server.answers) == 2
    assert nothing_kept(tmp_path)


def test_a_length_larger_than_what_comes_is_caught_without_ranges(server: Any, text: bytes, tmp_path: Path) -> None:
    content = text[: 3 << 16]
    server.serve(NAME, content, announced=len(content) + 10, ranges=False)
    message = refused(server, tmp_path, retries=2)
    assert "196,618 bytes were announced, but they ended after about 196,608 all 3 times: nothing" in message
    assert nothing_kept(tmp_path)


def test_a_length_smaller_than_what_is_published_is_caught(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, announced=1000)
    message = refused(server, tmp_path, size=len(text))
    assert f"the server has 1,000 bytes, but {len(text):,} are published: nothing of it is kept" in message
    assert nothing_kept(tmp_path)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_file_that_is_not_as_long_as_published_is_caught(
    server: Any, text: bytes, tmp_path: Path, chunked: bool
) -> None:
    server.serve(NAME, text, chunked=chunked)
    assert "are published" in refused(server, tmp_path, size=len(text) + 1)
    assert nothing_kept(tmp_path)
    refused(server, tmp_path, size=len(text) - 1)
    assert nothing_kept(tmp_path)


def test_a_stream_without_end_is_left_where_it_exceeds_what_is_published(
    server: Any, text: bytes, tmp_path: Path
) -> None:
    server.serve(NAME, text, chunked=True)
    assert "more comes than the 1,000 bytes that it should have" in refused(server, tmp_path, size=1000)
    assert nothing_kept(tmp_path)


def test_a_file_of_unsaid_length_comes_whole(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, chunked=True)
    assert download(server, tmp_path).read_bytes() == text


def test_a_length_that_changes_on_the_way_is_caught(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    server.serve(NAME, text + b"more", honest=False)
    assert download(server, tmp_path).read_bytes() == text + b"more"
    assert server.answers[-1].status == 200


@pytest.mark.parametrize(
    ("status", "words"), [(404, "is not there (404"), (410, "is not there"), (403, "refuses it (403")]
)
def test_a_refusal_is_said_and_not_tried_again(
    server: Any, text: bytes, tmp_path: Path, status: int, words: str
) -> None:
    server.serve(NAME, text, statuses=[status] * 9)
    assert words in refused(server, tmp_path, retries=5)
    assert len(server.answers) == 1
    assert nothing_kept(tmp_path)


def test_a_server_in_trouble_is_asked_again(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, statuses=[500, 503])
    assert download(server, tmp_path, retries=2).read_bytes() == text


def test_a_server_that_stays_in_trouble_is_given_up(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, statuses=[503] * 9)
    message = refused(server, tmp_path, retries=2)
    assert "cannot be had (the server answers 503" in message
    assert len(server.answers) == 3
    assert nothing_kept(tmp_path)


def test_pauses_grow_and_are_as_long_as_the_server_asks(
    server: Any, text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("mindglyph.fetching.patience.time.sleep", slept.append)
    served = server.serve(NAME, text, statuses=[503] * 9)
    refused(server, tmp_path, retries=3)
    assert slept == [0.01, 0.02, 0.04]
    slept.clear()
    served.statuses, served.headers = [429, 503], {"Retry-After": "7"}
    download(server, tmp_path, retries=2)
    assert slept == [7, 7]


def test_trouble_on_the_way_keeps_the_part(server: Any, text: bytes, tmp_path: Path) -> None:
    served = server.serve(NAME, text, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    kept = (tmp_path / f"{NAME}.part").read_bytes()
    served.statuses = [503]
    assert "goes on from there" in refused(server, tmp_path)
    assert (tmp_path / f"{NAME}.part").read_bytes() == kept == text[: len(kept)]


def test_no_server_at_all_is_said(server: Any, text: bytes, tmp_path: Path) -> None:
    server.close()
    assert "cannot be had (no connection to the server): try again later" in refused(server, tmp_path, retries=1)


def test_a_silent_server_is_given_up(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text, hold_after=HALF)
    patience = Patience(retries=0, timeout=0.3)
    with pytest.raises(UserError, match="the connection fell silent after .* goes on from there"):
        Downloader(tmp_path / f"{NAME}.part", patience, lambda done, total: None)(
            f"{server.url}/{NAME}", tmp_path / NAME
        )


def test_too_little_space_is_said_before_anything_comes(
    server: Any, text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve(NAME, text)
    usage = SimpleNamespace(free=len(text) + 10)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage)
    message = refused(server, tmp_path, room=1_000_000)
    assert "takes 2.01 MB, but 1.01 MB are free: free space, or name another folder" in message
    assert nothing_kept(tmp_path)
    usage.free += 1_000_000
    assert download(server, tmp_path, room=1_000_000).read_bytes() == text


def test_a_full_disk_is_said_and_keeps_the_part(server: Any, text: bytes, tmp_path: Path) -> None:
    # A limit on the length of files stands in for a full disk; both end a write in its middle.
    resource = pytest.importorskip("resource")
    import signal

    server.serve(NAME, text)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, before[1]))
    try:
        message = refused(server, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "file.bin.part: cannot be written (File too large): free space or name another place" in message
    assert (tmp_path / f"{NAME}.part").stat().st_size == 300_000
    assert download(server, tmp_path).read_bytes() == text
    assert server.sent(NAME)[-1] == len(text) - 300_000


def test_what_cannot_be_used_is_not_kept(server: Any, text: bytes, tmp_path: Path) -> None:
    def check(part: Path) -> None:
        assert part.read_bytes() == text
        raise UserError("of no use")

    server.serve(NAME, text)
    assert refused(server, tmp_path, check=check) == "of no use"
    assert nothing_kept(tmp_path)


def test_two_processes_do_not_write_the_same_part(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, text)
    with open_part(tmp_path / f"{NAME}.part"):
        assert "another process is fetching this file" in refused(server, tmp_path)
    assert download(server, tmp_path).read_bytes() == text


@pytest.mark.parametrize("state", [None, "{", json.dumps({"total": "many"})])
def test_a_part_of_unknown_origin_is_thrown_away(server: Any, text: bytes, tmp_path: Path, state: str | None) -> None:
    server.serve(NAME, text)
    (tmp_path / f"{NAME}.part").write_bytes(b"something")
    if state is not None:
        (tmp_path / f"{NAME}.part.json").write_text(state)
    server.files[NAME].statuses = [503]
    assert "cannot be had" in refused(server, tmp_path)
    assert nothing_kept(tmp_path)
    (tmp_path / f"{NAME}.part").write_bytes(b"something")
    assert download(server, tmp_path).read_bytes() == text
    assert server.answers[0].range is None


def test_an_empty_file_comes_too(server: Any, tmp_path: Path) -> None:
    server.serve(NAME, b"")
    assert download(server, tmp_path).read_bytes() == b""


def test_redirections_are_followed(server: Any, text: bytes, tmp_path: Path) -> None:
    server.serve(NAME, b"", location="/elsewhere")
    server.serve("elsewhere", text, break_after=HALF, breaks=1)
    refused(server, tmp_path)
    kept = (tmp_path / f"{NAME}.part").stat().st_size
    assert download(server, tmp_path).read_bytes() == text
    assert server.sent("elsewhere") == [HALF, len(text) - kept]
