"""Who does which trial when processes are killed, or begin at once."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from mindglyph.errors import PlaceError
from mindglyph.tuning import trying, tune
from mindglyph.tuning.result import trials_table
from mindglyph.tuning.study import AGAIN_OF, DEFAULT, WORKER, counted, open_study, place_of, trials_of
from mindglyph.tuning.trying import Search, suggested, try_once
from mindglyph.tuning.workers import at_work
from tests.tuning.conftest import QUICK, Quick, Tested

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows knows no flock")


@pytest.fixture
def search(quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Search:
    """A search of five trials, each of which takes no time."""
    monkeypatch.setattr(trying, "_tested", _quickly)
    return Search(quick().path, QUICK, str(tmp_path / "journal.log"), "search", 5)


def _quickly(settings: Any, *_: Any) -> Tested:
    return float(settings.decoder_settings["rate"]), 0.5


def begun(search: Search) -> tuple[optuna.Study, optuna.Trial]:
    """Do the first trial and begin the second, as a process that is then killed."""
    try_once(search)
    study = search.study()
    return study, study.ask()


def drawn(search: Search) -> list[dict[str, Any]]:
    """Do what is left and return what was tried."""
    while search.progress().left:
        try_once(search)
    return [trial.params for trial in counted(search.study())]


@pytest.fixture
def unbroken(search: Search, tmp_path: Path) -> list[dict[str, Any]]:
    return drawn(Search(search.store, QUICK, str(tmp_path / "unbroken.log"), "search", 5))


@pytest.mark.parametrize("n_drawn", [0, 1, 3])
def test_a_trial_that_was_killed_as_it_was_drawn_is_drawn_to_the_same(
    n_drawn: int, search: Search, unbroken: list[dict[str, Any]]
) -> None:
    _, trial = begun(search)
    for path, where in list(QUICK.space().items())[:n_drawn]:
        suggested(trial, path, where)
    assert drawn(search) == unbroken
    trials = trials_of(search.study())
    assert [trial.state for trial in trials].count(TrialState.FAIL) == 1
    assert [place_of(trial, trials) for trial in trials] == [0, 1, 1, 2, 3, 4]


def test_a_trial_that_says_of_nobody_may_be_that_of_a_process_that_lives(search: Search) -> None:
    study, trial = begun(search)
    with at_work(Path(search.storage)) as worker:
        assert search.progress().left == 3
        trial.set_user_attr(WORKER, worker)
        assert search.progress().elsewhere == 1
        with at_work(Path(search.storage)):
            assert search.progress().left == 3, "nor does it matter who else lives"
    assert search.progress().left == 4
    assert study.trials[1].state == TrialState.FAIL
    assert [one.user_attrs.get(AGAIN_OF) for one in study.trials] == [None, None, 1]


def test_what_two_processes_put_in_line_at_once_is_done_once(search: Search, unbroken: list[dict[str, Any]]) -> None:
    study = open_study(search.storage, search.name, QUICK.seed)
    for _ in range(2):
        study.enqueue_trial(QUICK.start(), user_attrs={DEFAULT: True})
    study.ask()
    search.study()  # sees the first trial as killed
    study.enqueue_trial(QUICK.start(), user_attrs={DEFAULT: True, AGAIN_OF: 0})
    assert drawn(search) == unbroken
    table = trials_table(search.study(), QUICK.space())
    assert table["state"].tolist() == ["interrupted", *["complete"] * 5]
    assert table["default"].tolist() == [True, True, *[False] * 4]


def test_a_search_waits_for_trials_of_other_processes(
    search: Search, quick: Quick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    class Watch:
        def step(self, done: int, total: int) -> None:
            pass

        def remark(self, text: str) -> None:
            told.append(text)

    @contextmanager
    def watcher(_: str) -> Iterator[Any]:
        yield Watch()

    joined = tmp_path / "shared.log"
    first = tune(quick(), QUICK, tmp_path / "one", 2, str(joined))
    study = open_study(str(joined), first["study"]["name"], QUICK.seed)
    trial = study.ask()
    params = {path: suggested(trial, path, where) for path, where in QUICK.space().items()}

    def finish(_: float) -> None:
        trial.set_user_attr("losses", [0.0])
        trial.set_user_attr("accuracies", [1.0])
        study.tell(trial, 0.0)

    monkeypatch.setattr("time.sleep", finish)
    with at_work(joined) as worker:
        trial.set_user_attr(WORKER, worker)
        found = tune(quick(), QUICK, tmp_path / "other", 4, str(joined), watcher=watcher)
    assert told == ["mindglyph: waiting for trials that other processes are at (1)"]
    assert found["trials"]["complete"] + found["trials"].get("pruned", 0) == 4
    assert found["best"]["params"] == params


def test_a_full_disk_is_no_fault_of_what_is_tried(
    search: Search, unbroken: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    try_once(search)

    def full(*_: Any) -> Tested:
        raise PlaceError("scratch: cannot be written")

    with monkeypatch.context() as patch, pytest.raises(PlaceError, match="scratch"):
        patch.setattr(trying, "_tested", full)
        try_once(search)
    assert drawn(search) == unbroken


def test_a_journal_on_a_full_disk_is_named(search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
    from optuna.storages.journal import JournalFileBackend

    try_once(search)
    appended = JournalFileBackend.append_logs
    calls: list[int] = []

    def append(backend: JournalFileBackend, logs: Any) -> None:
        calls.append(1)
        if len(calls) > 4:
            raise OSError(28, "No space left on device")
        appended(backend, logs)

    with (
        monkeypatch.context() as patch,
        pytest.raises(PlaceError, match=r"journal.log: cannot be written \(No space left on device, .* MB free\)"),
    ):
        patch.setattr(JournalFileBackend, "append_logs", append)
        try_once(search)
    assert search.progress().left == 4


def test_all_who_open_a_new_database_at_once_get_in(tmp_path: Path) -> None:
    with ThreadPoolExecutor(6) as pool:
        for number in range(3):
            url = f"sqlite:///{tmp_path / f'{number}.db'}"
            together = Barrier(6)

            def opened(_: int, url: str = url, together: Barrier = together) -> str:
                together.wait()
                return open_study(url, "search", 0).study_name

            assert list(pool.map(opened, range(6))) == ["search"] * 6
