import hashlib
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mindglyph.errors import UserError
from mindglyph.fetching.fetch import fetch_set
from mindglyph.fetching.settings import Fetched, FetchSettings

MU = "MindBigData-MU-v1.0.zip"
MW = "MindBigData-MW-v1.0.zip"

Hurried = Callable[..., FetchSettings]


@pytest.fixture
def archive(make_zip: Callable[..., bytes], text: bytes) -> bytes:
    # Muse is the set whose length is not published, so an archive of any length will do.
    return make_zip({"MU.txt": text}, zipfile.ZIP_STORED)


@pytest.fixture
def fetch(hurried: Hurried, stage: Any, tmp_path: Path) -> Callable[..., Fetched]:
    def run(name: str = "mu", **settings: Any) -> Fetched:
        return fetch_set(name, tmp_path / "data", hurried(**settings), stage)

    return run


def refusal(fetch: Callable[..., Fetched], name: str = "mu", **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        fetch(name, **settings)
    return str(caught.value)


def names(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_archive_is_fetched_recorded_and_unpacked(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, text: bytes, tmp_path: Path
) -> None:
    server.serve(MU, archive)
    fetched = fetch()
    folder = tmp_path / "data"
    assert (folder / "MU.txt").read_bytes() == text
    assert fetched.recordings == (folder / "MU.txt",)
    assert (fetched.fetched, fetched.there, fetched.unpacked) == ((MU,), (), 1)
    assert names(folder) == ["MU.txt", MU, "fetched.json"]
    record = json.loads((folder / "fetched.json").read_text())[MU]
    assert record["sha256"] == hashlib.sha256(archive).hexdigest()
    assert (record["bytes"], record["etag"]) == (len(archive), '"first"')
    assert record["address"] == f"{server.url}/{MU}"
    assert record["date"].endswith("+00:00")


def test_what_is_there_and_agrees_is_not_fetched_again(
    server: Any, fetch: Callable[..., Fetched], archive: bytes
) -> None:
    server.serve(MU, archive)
    fetch()
    fetched = fetch()
    assert len(server.answers) == 1
    assert (fetched.fetched, fetched.there) == ((), (MU,))


def test_an_archive_that_changed_since_is_said_and_mended(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, tmp_path: Path
) -> None:
    server.serve(MU, archive)
    fetch()
    path = tmp_path / "data" / MU
    changed = bytearray(archive)
    changed[100] ^= 1
    for content, words in ((bytes(changed), "another SHA-256 than the file"), (archive[:-1], "bytes, not the")):
        path.write_bytes(content)
        message = refusal(fetch)
        assert words in message
        assert message.endswith("delete it, or fetch it anew with --force")
        assert path.read_bytes() == content
    fetch(force=True)
    assert path.read_bytes() == archive


def test_an_unpacked_file_that_changed_since_is_said_and_mended(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, text: bytes, tmp_path: Path
) -> None:
    server.serve(MU, archive)
    fetch()
    (tmp_path / "data" / "MU.txt").write_bytes(text[:-1])
    assert "MU.txt: is there and is not what the archive holds" in refusal(fetch)
    fetch(force=True)
    assert (tmp_path / "data" / "MU.txt").read_bytes() == text


def test_another_archive_than_the_recorded_one_is_not_taken_unasked(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, text: bytes, make_zip: Any, tmp_path: Path
) -> None:
    server.serve(MU, archive)
    fetch()
    folder = tmp_path / "data"
    (folder / MU).unlink()
    (folder / "MU.txt").unlink()
    other = make_zip({"MU.txt": text[::-1]})
    server.serve(MU, other, etag='"second"')
    assert "has another SHA-256" in refusal(fetch)
    assert names(folder) == ["fetched.json"]
    fetch(force=True)
    assert (folder / "MU.txt").read_bytes() == text[::-1]
    assert json.loads((folder / "fetched.json").read_text())[MU]["sha256"] == hashlib.sha256(other).hexdigest()


def test_the_recorded_archive_may_be_fetched_again(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, tmp_path: Path
) -> None:
    server.serve(MU, archive)
    fetch()
    (tmp_path / "data" / MU).unlink()
    assert fetch().fetched == (MU,)


def test_an_archive_that_the_user_brought_is_recorded_and_unpacked(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, text: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / MU).write_bytes(archive)
    assert fetch().there == (MU,)
    assert server.answers == []
    assert (folder / "MU.txt").read_bytes() == text
    assert json.loads((folder / "fetched.json").read_text())[MU]["address"] is None


def test_a_broken_archive_that_the_user_brought_is_not_recorded(
    fetch: Callable[..., Fetched], archive: bytes, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / MU).write_bytes(archive[:1000])
    assert "File is not a zip file" in refusal(fetch)
    assert names(folder) == [MU]


def test_the_published_length_counts(
    server: Any, fetch: Callable[..., Fetched], make_zip: Any, text: bytes, tmp_path: Path
) -> None:
    archive = make_zip({"MW.txt": text})
    server.serve(MW, archive)
    message = refusal(fetch, "mw")
    assert f"the server has {len(archive):,} bytes, but 65,663,303 are published" in message
    assert server.sent(MW) == [len(archive)]
    folder = tmp_path / "data"
    assert names(folder) == []
    fetch("mw", force=True)
    assert (folder / "MW.txt").read_bytes() == text
    (folder / "fetched.json").unlink()
    assert f"has {len(archive):,} bytes, but 65,663,303 are published" in refusal(fetch, "mw")


def test_there_must_be_room_for_the_archive_and_what_it_holds(
    server: Any, fetch: Callable[..., Fetched], text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve(MW, text, announced=65_663_303)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=300_000_000))
    assert "data: what is still to be written takes 378 MB, but 300 MB are free" in refusal(fetch, "mw")
    assert names(tmp_path / "data") == []


@pytest.mark.parametrize("cut", [0.0, 0.5, 0.99])
def test_an_archive_that_the_server_cut_is_not_kept(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, tmp_path: Path, cut: float
) -> None:
    server.serve(MU, archive, announced=int(cut * len(archive)))
    message = refusal(fetch)
    assert "File is not a zip file" in message
    assert message.startswith(f"{server.url}/{MU}: cannot be unpacked")
    assert "nothing of it is kept; try again later" in message
    assert names(tmp_path / "data") == []


def test_an_archive_that_would_write_elsewhere_is_not_kept(
    server: Any, fetch: Callable[..., Fetched], make_zip: Any, tmp_path: Path
) -> None:
    server.serve(MU, make_zip({"MU.txt": b"1", "../evil": b"2"}))
    assert "'../evil', which would be written outside its folder" in refusal(fetch)
    assert names(tmp_path) == []


def test_a_damaged_archive_leaves_no_file_and_is_mended(
    server: Any, fetch: Callable[..., Fetched], make_zip: Any, text: bytes, tmp_path: Path
) -> None:
    archive = make_zip({"MU.txt": text}, zipfile.ZIP_STORED)
    damaged = bytearray(archive)
    damaged[len(damaged) // 2] ^= 1
    server.serve(MU, bytes(damaged))
    for _ in range(2):
        assert "Bad CRC-32 for file 'MU.txt'): delete it, or fetch it anew with --force" in refusal(fetch)
        assert not (tmp_path / "data" / "MU.txt").exists()
    server.serve(MU, archive, etag='"second"')
    fetch(force=True)
    assert (tmp_path / "data" / "MU.txt").read_bytes() == text


def test_a_forced_fetch_that_broke_off_is_gone_on_with(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, tmp_path: Path
) -> None:
    server.serve(MU, archive)
    fetch()
    server.serve(MU, archive, break_after=200_000, breaks=1)
    assert "the same command goes on from there" in refusal(fetch, force=True)
    kept = (tmp_path / "data" / f"{MU}.part").stat().st_size
    fetch(force=True)
    assert server.sent(MU)[-1] == len(archive) - kept


def test_a_folder_of_recordings_is_what_is_imported(
    server: Any, fetch: Callable[..., Fetched], make_zip: Any, tmp_path: Path
) -> None:
    inner = {f"MindBigData-Imagenet/MindBigData_Imagenet_Insight_n{number}.csv": b"AF3,1" for number in range(3)}
    server.serve("MindBigData-Imagenet-IN.zip", make_zip(inner))
    fetched = fetch("imagenet", force=True)
    assert fetched.recordings == (tmp_path / "data" / "MindBigData-Imagenet",)
    assert fetched.unpacked == 3


def test_what_the_archive_holds_is_imported_where_it_is_named_otherwise(
    server: Any, fetch: Callable[..., Fetched], make_zip: Any, tmp_path: Path
) -> None:
    server.serve(MU, make_zip({"MU1.02.txt": b"1"}))
    assert fetch().recordings == (tmp_path / "data" / "MU1.02.txt",)


def test_records_of_several_sets_stand_side_by_side(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, make_zip: Any, tmp_path: Path
) -> None:
    server.serve(MU, archive)
    server.serve("MindBigData-IN-v1.06.zip", make_zip({"IN.txt": b"1"}))
    fetch("mu")
    fetch("in")
    assert set(json.loads((tmp_path / "data" / "fetched.json").read_text())) == {MU, "MindBigData-IN-v1.06.zip"}


@pytest.mark.parametrize("content", ["{", "[]", '{"file": {"bytes": "many"}}'])
def test_records_that_cannot_be_read_are_said(
    server: Any, fetch: Callable[..., Fetched], archive: bytes, tmp_path: Path, content: str
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "fetched.json").write_text(content)
    server.serve(MU, archive)
    assert "fetched.json" in refusal(fetch)


def test_a_copy_may_be_named_by_the_environment(
    server: Any, archive: bytes, stage: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.serve(f"copies/{MU}", archive)
    monkeypatch.setenv("MINDGLYPH_MIRROR", f"{server.url}/copies/")
    assert fetch_set("mu", tmp_path, FetchSettings(), stage).fetched == (MU,)
    monkeypatch.setenv("MINDGLYPH_MIRROR", "somewhere")
    with pytest.raises(UserError, match="'somewhere' is no address to fetch from"):
        fetch_set("mu", tmp_path, FetchSettings(), stage)


@pytest.mark.parametrize("address", ["", "ftp://host/", "/home", "http://", "www.mindbigdata.com"])
def test_an_address_must_be_one(address: str) -> None:
    with pytest.raises(UserError, match="is no address to fetch from: give one that begins with http://"):
        FetchSettings(mirror=address)


def test_an_unknown_set_is_said_with_the_known_ones(fetch: Callable[..., Fetched], tmp_path: Path) -> None:
    message = refusal(fetch, "eq")
    assert "there is no set 'eq': take one of ep, mw, mu, in, imagenet, hf2022-ep" in message
    assert not (tmp_path / "data").exists()


def test_a_file_in_place_of_the_folder_is_said(fetch: Callable[..., Fetched], tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    assert "data: cannot be written (File exists)" in refusal(fetch)
