import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import pytest

from mindglyph import folders
from mindglyph.errors import PlaceError, UserError
from mindglyph.files import replaced_file
from mindglyph.folders import recover_folder, remove_folder, replaced_folder


class _CrashError(Exception):
    pass


def _write(path: Path, content: str) -> None:
    with replaced_folder(path, "marker") as temporary:
        (temporary / "marker").write_text(content)


def test_a_folder_keeps_its_old_content_when_writing_fails(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    with replaced_folder(path, "marker") as temporary:
        (temporary / "marker").write_text("old")
    with pytest.raises(_CrashError), replaced_folder(path, "marker") as temporary:
        (temporary / "marker").write_text("new")
        raise _CrashError
    assert (path / "marker").read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    for content in ("old", "new"):
        with replaced_folder(path, "marker") as temporary:
            (temporary / "marker").write_text(content)
            (temporary / content).touch()
    assert sorted(file.name for file in path.iterdir()) == ["marker", "new"]


def test_somebody_elses_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    with pytest.raises(UserError, match="holds no marker"), replaced_folder(tmp_path, "marker"):
        pass
    assert (tmp_path / "thesis.doc").exists()


def test_without_an_exchange_in_one_step_the_old_folder_steps_aside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folders, "_exchanged", lambda new, path: False)
    path = tmp_path / "folder"
    for content in ("old", "new"):
        _write(path, content)
        assert (path / "marker").read_text() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_kill_between_two_renames_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    _write(path, "old")
    path.rename(tmp_path / ".folder.abcdefgh.old")
    recover_folder(path)
    assert (path / "marker").read_text() == "old"


def test_what_a_killed_process_left_is_swept_away(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    code = (
        "import os, signal, sys; from pathlib import Path; from mindglyph.folders import replaced_folder\n"
        "with replaced_folder(Path(sys.argv[1]), 'marker') as new:\n"
        "    (new / 'half').touch(); os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    with replaced_folder(path, "marker") as mine:
        (mine / "marker").touch()
        # A living process keeps what it is writing, whoever else writes there.
        _write(path, "another")
        assert (mine / "marker").exists()
    assert os.listdir(tmp_path) == ["folder"]


def test_a_folder_is_removed_under_whoever_still_writes_into_it(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    (path / "part").mkdir(parents=True)
    (tmp_path / ".folder.12345678.tmp").mkdir()
    file = path / "part" / "state"
    with pytest.raises(PlaceError, match="state: cannot be written"), replaced_file(file, parents=False) as temporary:
        temporary.write_text("half")
        remove_folder(path)
    with pytest.raises(PlaceError, match="state: cannot be written"), replaced_file(file, parents=False):
        pass
    remove_folder(path)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_moved_is_removed_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder" / "part").mkdir(parents=True)
    monkeypatch.setattr(Path, "replace", mock.Mock(side_effect=PermissionError))
    remove_folder(tmp_path / "folder")
    assert list(tmp_path.iterdir()) == []
