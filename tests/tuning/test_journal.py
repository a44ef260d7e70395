import os
import signal
from pathlib import Path

import pytest

from mindglyph.tuning.journal import journal_file


@pytest.mark.parametrize("half", [b"", b'{"op', b"x" * 9000])
@pytest.mark.parametrize("lines", [0, 3])
def test_half_a_line_at_the_end_is_cut_off_before_the_next(tmp_path: Path, half: bytes, lines: int) -> None:
    path = tmp_path / "new" / "journal.log"
    backend = journal_file(path)
    written = [{"line": number} for number in range(lines)]
    if written:
        backend.append_logs(written)
    with path.open("ab") as file:
        file.write(half)
    assert list(journal_file(path).read_logs(0)) == written
    backend.append_logs([{"line": "last"}])
    assert list(journal_file(path).read_logs(0)) == [*written, {"line": "last"}]


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no flock")
def test_a_process_that_was_killed_while_it_wrote_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "journal.log"
    backend = journal_file(path)
    has_it, says = os.pipe()
    child = os.fork()
    if not child:
        backend._lock.acquire()
        os.write(says, b"1")
        while True:
            signal.pause()
    assert os.read(has_it, 1) == b"1"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(has_it)
    os.close(says)
    assert [one.name for one in tmp_path.iterdir()] == ["journal.log"], "nothing is left to be waited for"
    backend.append_logs([{"line": 0}])
