import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.files import (
    content_hash,
    read_arrays,
    read_json,
    replaced_file,
    write_arrays,
    write_json,
)


class _CrashError(Exception):
    pass


def test_a_file_keeps_its_old_content_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(_CrashError), replaced_file(path) as temporary:
        temporary.write_text("half")
        raise _CrashError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_below_a_file_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="name another place"):
        write_json(tmp_path / "file" / "below.json", {})


def test_a_full_disk_is_explained_and_leaves_nothing() -> None:
    # /dev/full is a disk that is always full.
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    folder = Path("/dev/shm") if Path("/dev/shm").is_dir() else Path("/tmp")
    path = folder / "mindglyph-full.txt"
    with pytest.raises(UserError, match="No space left"), replaced_file(path), open("/dev/full", "w") as full:
        full.write("x" * 100_000)
    assert not list(folder.glob("*mindglyph-full*"))


def test_arrays_come_back_as_they_were(tmp_path: Path) -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3).T, "b": np.array([True, False])}
    write_arrays(tmp_path / "x.safetensors", arrays, {"kind": "test", "settings": {"n": 3}})
    back, about = read_arrays(tmp_path / "x.safetensors")
    assert about == {"kind": "test", "settings": {"n": 3}}
    for name, array in arrays.items():
        np.testing.assert_array_equal(back[name], array)


@pytest.mark.parametrize("content", [b"", b"\x80\x04not a model", b"\xff" * 100])
def test_a_foreign_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="x.safetensors: is no model"):
        read_arrays(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent.json: no such file"):
        read_json(tmp_path / "absent.json")


def test_what_is_no_part_of_mindglyph_is_refused_although_it_is_json(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[1, 2]")
    assert read_json(tmp_path / "list.json", list) == [1, 2]
    with pytest.raises(UserError, match=r"list.json: holds something else than mindglyph wrote there: remove it"):
        read_json(tmp_path / "list.json")


def test_the_hash_follows_the_content(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.write_text("x")
    second.write_text("x")
    assert content_hash(first) == content_hash(second)
    second.write_text("y")
    assert content_hash(first) != content_hash(second)


def test_what_a_killed_process_left_is_swept_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    code = (
        "import os, signal, sys; from pathlib import Path; from mindglyph.files import replaced_file\n"
        "with replaced_file(Path(sys.argv[1])): os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code, path], check=False)
    (leftover,) = tmp_path.iterdir()
    with replaced_file(path) as mine:
        assert not leftover.exists()
        write_json(path, {})
        assert mine.exists()
    assert list(tmp_path.iterdir()) == [path]
