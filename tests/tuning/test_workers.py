import os
from pathlib import Path
from typing import Any

import pytest

from mindglyph.tuning import workers
from mindglyph.tuning.workers import Workers, at_work, workers_of

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows knows no flock")


def test_a_process_is_known_for_as_long_as_it_is_at_work(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    assert workers_of(journal) == Workers(frozenset(), frozenset())
    with at_work(journal) as one, at_work(journal) as other:
        assert workers_of(journal).alive == {one, other}
        assert one in workers_of(journal)
    assert not workers_of(journal).alive


def test_what_a_killed_one_left_is_swept_away(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    with at_work(journal) as name:
        left = tmp_path / "journal.log.running" / "killed"
        left.touch()
        assert workers_of(journal).alive == {name}
        assert [path.name for path in left.parent.iterdir()] == [name]


def test_one_that_was_swept_away_before_it_had_its_lock_takes_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal, lock, calls = tmp_path / "journal.log", workers.lock, []

    def late(handle: int) -> Any:
        calls.append(handle)
        if len(calls) == 1:
            workers_of(journal)
        return lock(handle)

    monkeypatch.setattr(workers, "lock", late)
    with at_work(journal) as name:
        assert len(calls) > 1
        assert workers_of(journal).alive == {name}


def test_without_locks_nothing_is_known_of_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "lock", lambda _: False)
    monkeypatch.setattr(workers, "is_locked", lambda _: False)
    with at_work(tmp_path / "journal.log") as name:
        found = workers_of(tmp_path / "journal.log")
    assert found == Workers(frozenset(), frozenset({name}))
    assert name in found
