"""Real processes: a scheduler and two workers of Dask, some of which are killed in mid-run."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import torch
from distributed import Client
from distributed.comm.core import CommClosedError

from mindglyph.cli import main
from mindglyph.compute import check_place, cluster, run_tasks
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings, cross_validate, evaluate
from mindglyph.evaluation.benchmark import Question, run_benchmark
from mindglyph.evaluation.retraining import retrained_null
from mindglyph.files import read_json
from mindglyph.runs import Run
from mindglyph.store import Store
from tests import tasks
from tests.clusters import PLACES, Dask, place_of, wait_until
from tests.kills import Starter

NETWORK = {"filters": [4, 4], "training": {"max_epochs": 2, "patience": 2}}


def _marked(folder: Path, worker: int) -> set[int]:
    """Return the tasks that a worker has begun."""
    return {int(path.name) for path in folder.iterdir() if str(worker) in path.read_text().split()}


@pytest.mark.parametrize("name", PLACES)
def test_results_come_in_the_order_of_the_tasks(name: str, dask: Dask) -> None:
    place = place_of(name, dask)
    assert list(run_tasks(tasks.square, iter(range(40)), **place)) == [number**2 for number in range(40)]
    assert list(run_tasks(tasks.square, [], **place)) == []


def test_a_scheduler_file_names_the_cluster_too(dask: Dask) -> None:
    assert list(run_tasks(tasks.square, [3, 4], cluster=str(dask.file))) == [9, 16]


@pytest.mark.parametrize("name", PLACES)
def test_a_task_has_the_threads_that_are_asked_for_wherever_it_runs(
    name: str, dask: Dask, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = torch.get_num_threads()
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert list(run_tasks(tasks.threads, [0, 1], **place_of(name, dask))) == [({1}, 1)] * 2
    if name != "workers=2":  # whose processes would be started anew
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert list(run_tasks(tasks.threads, [0, 1], **place_of(name, dask))) == [({2}, 2)] * 2
    assert torch.get_num_threads() == before
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    with pytest.raises(UserError, match="OMP_NUM_THREADS=many: is no number of threads"):
        list(run_tasks(tasks.threads, [0], **place_of(name, dask)))


@pytest.mark.parametrize("name", PLACES)
def test_a_mistake_of_the_user_arrives_as_one(name: str, dask: Dask) -> None:
    with pytest.raises(UserError, match=r"^two.store: is damaged: import it again$"):
        list(run_tasks(tasks.mistaken, range(4), **place_of(name, dask)))


@pytest.mark.parametrize(
    "decoder",
    [("lda", {}), pytest.param(("sparse-cnn", NETWORK), marks=pytest.mark.slow)],
    ids=["lda", "network"],
)
def test_the_place_changes_no_bit_of_a_fold(
    decoder: tuple[str, dict[str, object]], none: Store, dask: Dask, tmp_path: Path
) -> None:
    settings = EvaluationSettings(decoder=decoder[0], decoder_settings=decoder[1], folds=2, retrain=2)
    found = {}
    more = ["workers=4"] if decoder[1] else []
    for name in [*PLACES, *more]:
        run = Run.start(tmp_path / name, {})
        told: list[tuple[int, int]] = []
        place = place_of(name, dask)
        predictions = cross_validate(none, settings, run, report=lambda *step, told=told: told.append(step), **place)
        assert told == [(0, 2), (1, 2), (2, 2)]
        models = [run.folds("blocked").decoder(number).read_bytes() for number in range(2)]
        anew = retrained_null(none, settings, run, **place) if decoder[0] == "lda" else None
        found[name] = predictions, models, anew
    for name in [*PLACES[1:], *more]:
        pd.testing.assert_frame_equal(found[name][0], found[PLACES[0]][0], check_exact=True)
        assert found[name][1:] == found[PLACES[0]][1:]


def test_a_killed_worker_costs_nothing_that_was_finished(dask: Dask, tmp_path: Path) -> None:
    results = run_tasks(tasks.slow, [(tmp_path, number) for number in range(20)], cluster=dask.address)
    given = [next(results) for _ in range(4)]
    finished = {number: (tmp_path / str(number)).read_text() for number, _ in given}
    victim = dask.processes["one"].pid
    assert victim in {worker for _, worker in given}
    begun = _marked(tmp_path, victim)
    wait_until(lambda: _marked(tmp_path, victim) - begun)
    at_work = _marked(tmp_path, victim) - begun
    dask.kill("one")
    given += list(results)
    dask.start_worker("one")
    assert [number for number, _ in given] == list(range(20))
    assert victim not in {worker for _, worker in given[-4:]}
    assert {number: (tmp_path / str(number)).read_text() for number in finished} == finished, "none was done again"
    for number in at_work:
        assert len((tmp_path / str(number)).read_text().split()) == 2, "what it was at, another did anew"


def test_a_lost_scheduler_is_said_with_what_to_do(starter: Starter, tmp_path: Path) -> None:
    own = Dask(tmp_path, starter)
    try:
        own.start("one")
        results = run_tasks(tasks.slow, [(tmp_path, number) for number in range(40)], cluster=own.address)
        assert next(results)[0] == 0
        own.kill("scheduler")
        with pytest.raises(UserError, match="the scheduler was lost: start it and its workers again and repeat"):
            list(results)
    finally:
        own.kill_all()


@pytest.mark.slow
def test_a_lost_scheduler_is_said_and_the_run_goes_on(none: Store, starter: Starter, tmp_path: Path) -> None:
    own = Dask(tmp_path, starter)
    settings = EvaluationSettings(decoder="lda", folds=5)
    run = Run.start(tmp_path / "run", {})
    folds = run.folds("blocked")

    def lose(done: int, _: int) -> None:
        if done == 1:
            own.kill("scheduler")

    try:
        own.start("one")
        with pytest.raises(UserError, match="the scheduler was lost: start it and its workers again and repeat"):
            cross_validate(none, settings, run, report=lose, cluster=own.address)
        assert folds.finished(0)
        assert not folds.finished(4)
        stamp = (folds.fold(0) / "fold.json").stat().st_mtime_ns
        own.kill_all()
        own.start("one")
        predictions = cross_validate(none, settings, run, cluster=own.address)
    finally:
        own.kill_all()
    assert (folds.fold(0) / "fold.json").stat().st_mtime_ns == stamp
    unbroken = cross_validate(none, settings, Run.start(tmp_path / "unbroken", {}))
    pd.testing.assert_frame_equal(predictions, unbroken, check_exact=True)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("error", [CommClosedError, OSError])
def test_a_scheduler_that_is_lost_while_a_result_is_fetched_is_said_too(
    error: type[Exception], dask: Dask, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gather(client: Client, *_: object) -> None:
        # As when it is killed: what is asked fails, and then the client notices.
        client.loop.call_later(0.1, client.scheduler_comm.comm.abort)
        raise error("it is gone")

    monkeypatch.setattr(Client, "_gather_remote", gather)
    with pytest.raises(UserError, match="the scheduler was lost: start it and its workers again and repeat"):
        list(run_tasks(tasks.square, [1], cluster=dask.address))


def test_what_a_task_raises_is_not_taken_for_a_lost_scheduler(dask: Dask) -> None:
    with pytest.raises(ConnectionRefusedError, match="the licence server is gone"):
        list(run_tasks(tasks.missing, [1], cluster=dask.address))


def test_what_no_worker_sees_is_said(dask: Dask, tmp_path: Path) -> None:
    hidden = tmp_path / "mine.store"
    with pytest.raises(UserError, match=r"mine.store: a worker on .* does not see it: put what .* all workers see"):
        list(run_tasks(tasks.square, [1], cluster=dask.address, shared=[hidden]))


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"cluster": "tcp://127.0.0.1:1"}, "cluster tcp://127.0.0.1:1: no scheduler answers there: start one with"),
        ({"cluster": "no.json"}, "cluster no.json: is neither an address such as tcp://HOST:8786 nor a file"),
        ({"cluster": "tcp://127.0.0.1:1", "workers": 2}, "brings its own workers: leave out --workers 2"),
    ],
)
def test_a_cluster_that_cannot_be_used_is_said_before_any_work(
    asked: dict[str, object], told: str, none: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.5)
    settings = EvaluationSettings(decoder="chance")
    attempts: list[Callable[[], object]] = [
        lambda: check_place(**asked),
        lambda: evaluate(none, settings, tmp_path / "run", **asked),
        lambda: run_benchmark(Question((none.path,), {"chance": {}}), tmp_path / "table", **asked),
    ]
    for attempt in attempts:
        with pytest.raises(UserError, match=told):
            attempt()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_no_scheduler_wrote_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.5)
    (tmp_path / "s.json").write_text("{}")
    with pytest.raises(UserError, match="s.json: is neither an address"):
        check_place(cluster=str(tmp_path / "s.json"))


def test_without_dask_it_is_said_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(UserError, match=r"pip install 'mindglyph\[cluster\]'"):
        check_place(cluster="tcp://127.0.0.1:1")


def test_the_commands_take_a_cluster(none: Store, dask: Dask, tmp_path: Path, capsys: object) -> None:
    def run(*words: object, status: int = 0) -> str:
        with (
            mock.patch.object(sys, "argv", ["mindglyph", *map(str, words)]),
            pytest.raises(SystemExit) as ended,
        ):
            main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0) == status, printed.err
        return printed.err

    words = ["evaluate", none.path, "--decoder", "lda", "--folds", 2]
    run(*words, "--out", tmp_path / "here")
    run(*words, "--out", tmp_path / "there", "--cluster", dask.address)
    here, there = (read_json(tmp_path / name / "metrics.json") for name in ("here", "there"))
    assert here == there
    words = ["benchmark", none.path, "--decoders", "chance,lda", "--splits", "blocked,random", "--folds", 2]
    run(*words, "--out", tmp_path / "table", "--cluster", dask.file)
    scores = pd.read_parquet(tmp_path / "table" / "scores.parquet")
    assert scores["error"].isna().all()
    np.testing.assert_array_equal(scores["seconds"] > 0, True)
    lda = scores[(scores["decoder"] == "lda") & (scores["split"] == "blocked")]
    assert list(lda["accuracy"]) == [here["decoding"]["accuracy"]]
    said = run(*words, "--out", tmp_path / "table", "--workers", 2, "--cluster", dask.file, status=2)
    assert said.strip().count("\n") == 0
    assert "leave out --workers 2" in said


def test_a_killed_process_of_this_machine_is_said() -> None:
    # The last of all: those that follow would have to start their processes anew.
    with pytest.raises(UserError, match="one of 2 processes was killed.*repeat the command with fewer --workers"):
        list(run_tasks(tasks.dying, [0, 1], workers=2))
