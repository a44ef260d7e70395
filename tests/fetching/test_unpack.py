import io
import random
import shutil
import stat
import struct
import zipfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import pytest

from mindglyph.errors import UserError
from mindglyph.fetching.unpack import contents, unpack

MakeZip = Callable[..., bytes]


def silent(done: int, total: int) -> None:
    pass


def put(folder: Path, content: bytes) -> Path:
    archive = folder / "archive.zip"
    archive.write_bytes(content)
    return archive


def refused(archive: Path, **options: object) -> str:
    """Unpack what must not be unpacked; nothing may have been written."""
    before = sorted(archive.parent.rglob("*"))
    with pytest.raises(UserError) as caught:
        unpack(archive, archive.parent, silent, **options)
    assert sorted(archive.parent.rglob("*")) == before
    return str(caught.value)


def entry(name: str, *, mode: int = stat.S_IFREG | 0o644, content: bytes = b"evil") -> bytes:
    """Return an archive with one entry that zipfile would not write of itself."""
    held = io.BytesIO()
    info = zipfile.ZipInfo("placeholder")
    info.filename = name
    info.external_attr = mode << 16
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("good.txt", b"good")
        archive.writestr(info, content)
    return held.getvalue()


def test_files_and_folders_come_out_as_they_went_in(make_zip: MakeZip, text: bytes, tmp_path: Path) -> None:
    archive = put(tmp_path, make_zip({"EP1.01.txt": text, "folder/": b"", "folder/in/it.csv": b"1,2", "empty": b""}))
    seen: list[tuple[int, int]] = []
    files = unpack(archive, tmp_path, lambda *step: seen.append(step))
    assert files == [tmp_path / "EP1.01.txt", tmp_path / "folder/in/it.csv", tmp_path / "empty"]
    assert (tmp_path / "EP1.01.txt").read_bytes() == text
    assert (tmp_path / "folder" / "in" / "it.csv").read_bytes() == b"1,2"
    assert (tmp_path / "empty").read_bytes() == b""
    assert seen[-1] == (len(text) + 3, len(text) + 3)
    assert not list(tmp_path.rglob("*.tmp"))


def test_folders_of_windows_programs_come_out_as_folders(tmp_path: Path) -> None:
    archive = put(tmp_path, entry("folder\\file.csv", content=b"1,2"))
    unpack(archive, tmp_path, silent)
    assert (tmp_path / "folder" / "file.csv").read_bytes() == b"1,2"


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "folder/../../evil",
        "..\\evil",
        "/etc/evil",
        "\\evil",
        "C:/evil",
        "C:evil",
        "//host/share/evil",
        "file.txt:stream",
        "new\nline",
        "..",
    ],
)
def test_no_name_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "which would be written outside its folder" in refused(put(folder, entry(name)))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFIFO, stat.S_IFCHR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    message = refused(put(tmp_path, entry("link", mode=kind | 0o777, content=b"/etc/passwd")))
    assert "'link', which is no file but a link or device" in message


def test_a_link_that_was_in_the_folder_leads_nowhere(make_zip: MakeZip, tmp_path: Path) -> None:
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    outside.mkdir()
    folder.mkdir()
    (folder / "sub").symlink_to(outside)
    assert "must not be written there" in refused(put(folder, make_zip({"sub/file": b"evil"})))
    assert not list(outside.iterdir())


@pytest.mark.parametrize("name", ["archive.zip", "Archive.ZIP", "fetched.json"])
def test_an_archive_cannot_replace_itself_or_the_records(make_zip: MakeZip, tmp_path: Path, name: str) -> None:
    archive = put(tmp_path, make_zip({name: b"evil"}))
    assert "must not be written there" in refused(archive, keep=("fetched.json",), force=True)


def test_names_that_are_the_same_on_some_systems_are_refused(make_zip: MakeZip, tmp_path: Path) -> None:
    assert "'B.txt' twice" in refused(put(tmp_path, make_zip({"b.txt": b"1", "B.txt": b"2"})))


def test_an_archive_that_grows_beyond_measure_is_refused(make_zip: MakeZip, tmp_path: Path) -> None:
    archive = put(tmp_path, make_zip({"bomb": bytes(20_000_000)}))
    assert "unpack to 20 MB" in refused(archive)


def test_an_archive_that_uses_the_same_bytes_many_times_is_refused(make_zip: MakeZip, tmp_path: Path) -> None:
    plain = make_zip({"file": bytes(1_000_000)})
    directory = plain.index(b"PK\x01\x02")
    end = plain.index(b"PK\x05\x06")
    central = plain[directory:end]
    copies = [central.replace(b"file", b"%04d" % number) for number in range(200)]
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 200, 200, sum(map(len, copies)), directory, 0)
    archive = put(tmp_path, plain[:directory] + b"".join(copies) + tail)
    assert "unpack to 200 MB" in refused(archive)


def test_no_more_comes_out_than_was_stated(make_zip: MakeZip, tmp_path: Path) -> None:
    plain = make_zip({"file": bytes(1_000_000)})
    lying = plain.replace(struct.pack("<L", 1_000_000), struct.pack("<L", 1000))
    assert lying != plain
    assert "cannot be unpacked (Bad CRC-32 for file 'file')" in refused(put(tmp_path, lying))


def test_fewer_bytes_than_were_stated_are_caught(make_zip: MakeZip, tmp_path: Path) -> None:
    plain = make_zip({"file": b"0123456789" * 100})
    lying = plain.replace(struct.pack("<L", 1000), struct.pack("<L", 2000))
    assert "cannot be unpacked" in refused(put(tmp_path, lying))


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("place", [0.02, 0.5, 0.9])
def test_a_damaged_archive_leaves_nothing(
    make_zip: MakeZip, text: bytes, tmp_path: Path, method: int, place: float
) -> None:
    content = bytearray(make_zip({"EP1.01.txt": text}, method))
    content[int(place * len(content))] ^= 0xFF
    message = refused(put(tmp_path, bytes(content)))
    assert "archive.zip: cannot be unpacked (" in message
    assert message.endswith("delete it, or fetch it anew with --force")


def test_files_before_the_damaged_one_are_kept_whole(make_zip: MakeZip, text: bytes, tmp_path: Path) -> None:
    content = bytearray(make_zip({"first": b"1", "second": text}, zipfile.ZIP_STORED))
    content[len(content) // 2] ^= 0xFF
    with pytest.raises(UserError, match="Bad CRC-32 for file 'second'"):
        unpack(put(tmp_path, bytes(content)), tmp_path, silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["archive.zip", "first"]


@pytest.mark.parametrize("share", [0.0, 0.3, 0.999])
def test_a_cut_archive_is_caught(make_zip: MakeZip, text: bytes, tmp_path: Path, share: float) -> None:
    content = make_zip({"EP1.01.txt": text})
    assert "File is not a zip file" in refused(put(tmp_path, content[: int(share * len(content))]))


def test_a_page_in_place_of_an_archive_is_caught(tmp_path: Path) -> None:
    assert "File is not a zip file" in refused(put(tmp_path, b"<html>Please log in</html>"))


def test_an_archive_with_a_password_is_refused(tmp_path: Path) -> None:
    content = bytearray(entry("secret"))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 8] |= 1
    assert "'secret', which asks for a password" in refused(put(tmp_path, bytes(content)))


def test_a_method_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    content = bytearray(entry("strange"))
    directory = content.rindex(b"PK\x01\x02")
    content[directory + 10] = 99
    archive = put(tmp_path, bytes(content))
    with pytest.raises(UserError, match="cannot be unpacked"):
        unpack(archive, tmp_path, silent)
    assert not (tmp_path / "strange").exists()


def test_what_is_there_and_agrees_is_left_alone(make_zip: MakeZip, tmp_path: Path) -> None:
    archive = put(tmp_path, make_zip({"first": b"1", "second": b"2"}))
    unpack(archive, tmp_path, silent)
    (tmp_path / "second").unlink()
    written = (tmp_path / "first").stat()
    unpack(archive, tmp_path, silent)
    assert (tmp_path / "second").read_bytes() == b"2"
    assert (tmp_path / "first").stat().st_ino == written.st_ino


@pytest.mark.parametrize("mine", [b"mine", b"x"])
def test_a_file_of_ones_own_is_not_replaced(make_zip: MakeZip, tmp_path: Path, mine: bytes) -> None:
    archive = put(tmp_path, make_zip({"new": b"1", "file": b"2"}))
    (tmp_path / "file").write_bytes(mine)
    assert "file: is there and is not what the archive holds: move it away, or replace it with" in refused(archive)
    assert (tmp_path / "file").read_bytes() == mine
    unpack(archive, tmp_path, silent, force=True)
    assert (tmp_path / "file").read_bytes() == b"2"


def test_a_folder_of_ones_own_is_not_replaced(make_zip: MakeZip, tmp_path: Path) -> None:
    archive = put(tmp_path, make_zip({"file": b"2"}))
    (tmp_path / "file").mkdir()
    assert "is there and is not what the archive holds" in refused(archive, force=True)


def test_too_little_space_is_said_before_anything_is_written(
    make_zip: MakeZip, text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = put(tmp_path, make_zip({"EP1.01.txt": text}))
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=1000))
    assert "unpacking archive.zip takes 1.01 MB, but 1 kB are free" in refused(archive)


def test_a_disk_that_fills_on_the_way_leaves_nothing(make_zip: MakeZip, text: bytes, tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    import signal

    archive = put(tmp_path, make_zip({"EP1.01.txt": text}))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    try:
        message = refused(archive)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, ignored)
    assert "EP1.01.txt: cannot be written (File too large)" in message


def test_an_error_can_name_where_an_archive_came_from(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="^http://somewhere/a.zip: cannot be unpacked .*: ask again$"):
        contents(put(tmp_path, b"nothing"), "http://somewhere/a.zip", "ask again")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_whatever_is_changed_in_an_archive_files_are_whole_or_absent(
    make_zip: MakeZip, text: bytes, tmp_path: Path, method: int
) -> None:
    rng = random.Random(method)
    files = {"a.txt": text[:2000], "d/b.csv": text[:300], "empty": b""}
    whole = make_zip(files, method)
    for trial in range(60):
        folder = tmp_path / str(trial) / "in"
        folder.mkdir(parents=True)
        content = bytearray(whole)
        start = rng.choice([0, whole.index(b"PK\x01\x02")])
        for _ in range(rng.randrange(1, 4)):
            content[rng.randrange(start, len(content))] = rng.randrange(256)
        if rng.random() < 0.3:
            del content[(place := rng.randrange(len(content))) : place + rng.randrange(1, 20)]
        with suppress(UserError):
            unpack(put(folder, bytes(content)), folder, silent)
        assert all((folder / name).read_bytes() == held for name, held in files.items() if (folder / name).is_file())
        assert [path.name for path in folder.parent.iterdir()] == ["in"]
        assert not list(folder.rglob("*.tmp"))
