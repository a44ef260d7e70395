import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mindglyph.errors import UserError
from mindglyph.fetching.fetch import fetch_set
from mindglyph.fetching.settings import Fetched, FetchSettings

REPOSITORY = "DavidVivancos/MindBigData2023_MNIST-8B"
LISTING = f"api/datasets/{REPOSITORY}"
PLACES = b"channel,x,y,z\nFz,0,0.1,0.9\n"

Hub = Callable[..., None]


@pytest.fixture
def fetch(hurried: Callable[..., FetchSettings], stage: Any, tmp_path: Path) -> Callable[..., Fetched]:
    def run(name: str = "mnist8b", **settings: Any) -> Fetched:
        return fetch_set(name, tmp_path / "data", hurried(**settings), stage)

    return run


@pytest.fixture
def files(text: bytes) -> dict[str, bytes]:
    return {
        "train.csv": text,
        "test.csv": text[:200_000],
        "3Dcoords.csv": PLACES,
        "audiolabels/0.wav": b"not asked for",
    }


def refusal(fetch: Callable[..., Fetched], **settings: Any) -> str:
    with pytest.raises(UserError) as caught:
        fetch(**settings)
    return str(caught.value)


def at(content: bytes) -> str:
    return f"cdn/{hashlib.sha256(content).hexdigest()}"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_a_dataset_comes_with_its_checksums_and_licence(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes], tmp_path: Path
) -> None:
    hub(REPOSITORY, files)
    fetched = fetch()
    folder = tmp_path / "data"
    assert names(folder) == ["3Dcoords.csv", "fetched.json", "test.csv", "train.csv"]
    assert all((folder / name).read_bytes() == files[name] for name in ("train.csv", "test.csv", "3Dcoords.csv"))
    assert fetched.fetched == ("train.csv", "test.csv", "3Dcoords.csv")
    assert fetched.licence == "odbl"
    assert fetched.recordings == (folder / "train.csv", folder / "test.csv")
    records = json.loads((folder / "fetched.json").read_text())
    for name in fetched.fetched:
        assert records[name]["sha256"] == hashlib.sha256(files[name]).hexdigest()
        assert records[name]["bytes"] == len(files[name])
        assert records[name]["address"] == f"{server.url}/datasets/{REPOSITORY}/resolve/{'a' * 40}/{name}"
    assert not any("audiolabels" in answer.path for answer in server.answers)


def test_what_is_there_and_agrees_needs_no_hub(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes]
) -> None:
    hub(REPOSITORY, files)
    fetch()
    server.answers.clear()
    fetched = fetch()
    assert server.answers == []
    assert fetched.there == ("train.csv", "test.csv", "3Dcoords.csv")
    assert fetched.licence == "odbl"


def test_a_download_that_broke_off_is_gone_on_with(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes], text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, files, break_after=500_000, breaks=1)
    assert "the same command goes on from there" in refusal(fetch)
    kept = (tmp_path / "data" / "train.csv.part").stat().st_size
    # The content lies elsewhere for a while, as a signed address does.
    server.serve(f"datasets/{REPOSITORY}/resolve/{'a' * 40}/train.csv", b"", location="/signed/anew")
    server.serve("signed/anew", text, etag='"elsewhere"')
    fetch()
    assert (tmp_path / "data" / "train.csv").read_bytes() == text
    assert server.sent("signed/anew") == [len(text) - kept]


def test_a_file_that_the_hub_replaced_is_fetched_from_its_start(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes], text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, files, break_after=500_000, breaks=1)
    refusal(fetch)
    other = text[::-1]
    hub(REPOSITORY, files | {"train.csv": other}, revision="b" * 40)
    fetch()
    assert (tmp_path / "data" / "train.csv").read_bytes() == other
    assert server.sent(at(other)) == [len(other)]


@pytest.mark.parametrize("name", ["train.csv", "3Dcoords.csv"])
def test_content_that_has_not_its_checksum_is_not_kept(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes], tmp_path: Path, name: str
) -> None:
    hub(REPOSITORY, files)
    content = files[name]
    path = at(content) if name == "train.csv" else f"datasets/{REPOSITORY}/resolve/{'a' * 40}/{name}"
    server.serve(path, content[::-1])
    assert f"{name}: what came has not the checksum that the hub names: nothing of it is kept" in refusal(fetch)
    assert name not in names(tmp_path / "data")
    assert f"{name}.part" not in names(tmp_path / "data")
    server.serve(path, content)
    fetch()
    assert (tmp_path / "data" / name).read_bytes() == content


def test_content_that_has_not_its_length_is_not_kept(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes], text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, files)
    server.serve(at(text), text + b"1")
    assert "are published: nothing of it is kept; try again later" in refusal(fetch)
    assert names(tmp_path / "data") == []


def test_files_that_the_user_brought_are_held_against_the_hub(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes], text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, files)
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train.csv", "3Dcoords.csv"):
        (folder / name).write_bytes(files[name])
    fetched = fetch()
    assert fetched.fetched == ("test.csv",)
    assert server.sent(at(text)) == []
    (folder / "fetched.json").unlink()
    (folder / "train.csv").write_bytes(text[::-1])
    message = refusal(fetch)
    assert "train.csv: is there and is not the file that the hub names: delete it, or fetch it anew" in message
    fetch(force=True)
    assert (folder / "train.csv").read_bytes() == text


def test_a_file_that_changed_since_is_said(
    hub: Hub, fetch: Callable[..., Fetched], files: dict[str, bytes], text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, files)
    fetch()
    (tmp_path / "data" / "train.csv").write_bytes(text[::-1])
    assert "train.csv: has another SHA-256 than the file recorded on" in refusal(fetch)


def test_another_file_than_the_recorded_one_is_not_taken_unasked(
    hub: Hub, fetch: Callable[..., Fetched], files: dict[str, bytes], text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, files)
    fetch()
    (tmp_path / "data" / "train.csv").unlink()
    other = text[::-1]
    hub(REPOSITORY, files | {"train.csv": other}, revision="b" * 40)
    assert "is another file than the one recorded on" in refusal(fetch)
    fetch(force=True)
    assert (tmp_path / "data" / "train.csv").read_bytes() == other


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (401, "has no dataset DavidVivancos/MindBigData2023_MNIST-8B that everybody may read"),
        (404, "has no dataset DavidVivancos/MindBigData2023_MNIST-8B that everybody may read"),
        (403, "refuses to list DavidVivancos/MindBigData2023_MNIST-8B (403)"),
        (503, "cannot be asked for DavidVivancos/MindBigData2023_MNIST-8B (it answers 503): try again later"),
    ],
)
def test_a_hub_that_does_not_list_it_is_said(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes], status: int, words: str
) -> None:
    hub(REPOSITORY, files)
    server.files[LISTING].statuses = [status] * 9
    assert words in refusal(fetch, retries=1)


def test_a_hub_in_trouble_is_asked_again(
    hub: Hub, server: Any, fetch: Callable[..., Fetched], files: dict[str, bytes]
) -> None:
    hub(REPOSITORY, files)
    server.files[LISTING].statuses = [503, 429]
    assert len(fetch(retries=2).fetched) == 3


def test_a_hub_that_cannot_be_reached_is_said(hub: Hub, server: Any, fetch: Callable[..., Fetched]) -> None:
    server.close()
    assert "cannot be asked for DavidVivancos/MindBigData2023_MNIST-8B (no connection)" in refusal(fetch)


@pytest.mark.parametrize("answer", [b"<html>Please log in</html>", b"{}", b"[1, 2]"])
def test_something_else_than_a_hub_is_said(hub: Hub, server: Any, fetch: Callable[..., Fetched], answer: bytes) -> None:
    server.serve(LISTING, answer)
    assert "does not answer as a hub does: name another address" in refusal(fetch)


def test_the_user_may_have_switched_the_hub_off(
    hub: Hub, fetch: Callable[..., Fetched], monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE forbids asking the hub: unset it" in refusal(fetch)


def test_a_file_that_is_listed_no_longer_is_said(
    hub: Hub, fetch: Callable[..., Fetched], files: dict[str, bytes], tmp_path: Path
) -> None:
    del files["3Dcoords.csv"]
    hub(REPOSITORY, files)
    assert "lists no 3Dcoords.csv with its size" in refusal(fetch)
    assert names(tmp_path / "data") == []


def test_a_card_without_a_licence_is_given_none(
    hub: Hub, fetch: Callable[..., Fetched], files: dict[str, bytes]
) -> None:
    hub(REPOSITORY, files, licence=None)
    assert fetch().licence is None


def test_too_little_space_for_all_files_is_said_before_the_first(
    hub: Hub,
    server: Any,
    fetch: Callable[..., Fetched],
    files: dict[str, bytes],
    text: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hub(REPOSITORY, files)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=len(text) + 1000))
    assert "mnist8b takes 1.21 MB, but 1.01 MB are free" in refusal(fetch)
    assert server.sent(at(text)) == []
    assert names(tmp_path / "data") == []
