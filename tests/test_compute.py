"""Real processes: a scheduler and two workers of Dask, some of which are killed in mid-run."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from unittest import mock

import mne
import numpy as np
import pandas as pd
import pytest
import torch
from distributed import Client
from distributed.comm.core import CommClosedError
from safetensors.numpy import load_file

from mindglyph.cli import main
from mindglyph.compute import Place, check_place, cluster, run_tasks
from mindglyph.decoders.monitor import Progress
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings, cross_validate, evaluate
from mindglyph.evaluation.benchmark import Question, run_benchmark
from mindglyph.evaluation.retraining import retrained_null
from mindglyph.files import read_json
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.runs import MODEL, Run
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, layout, parts, write_store
from mindglyph.training import train, trained_pipeline
from mindglyph.trials import make_info
from tests import tasks
from tests.conftest import file_row
from tests.kills import Process, Starter

NETWORK = {"filters": [4, 4], "training": {"max_epochs": 2, "patience": 2}}


class Dask:
    """A scheduler and its workers, as a user starts them."""

    def __init__(self, folder: Path, starter: Starter) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.address = f"tcp://127.0.0.1:{self.port}"
        self.file = folder / "scheduler.json"
        self.processes: dict[str, Process] = {}
        self._starter = starter

    def start(self, *workers: str) -> None:
        self.file.unlink(missing_ok=True)
        place = ["--host", "127.0.0.1", "--port", str(self.port), "--scheduler-file", str(self.file)]
        self._run("scheduler", "scheduler", *place)
        # It writes its file once it listens; a busy machine may take longer for that than one waits for an answer.
        wait_until(self.file.exists)
        for worker in workers:
            self.start_worker(worker)

    def start_worker(self, name: str) -> None:
        # Without a nanny, which would start a worker again that was killed.
        self._run(name, "worker", self.address, "--name", name, "--nthreads", "1", "--no-nanny")

    def _run(self, name: str, *words: str) -> None:
        self.processes[name] = self._starter.start([*words, "--no-dashboard"], program="dask")

    def kill(self, name: str) -> None:
        self.processes.pop(name).kill()

    def kill_all(self) -> None:
        for name in list(self.processes):
            self.kill(name)


def wait_until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory, starter: Starter) -> Iterator[Dask]:
    started = Dask(tmp_path_factory.mktemp("dask"), starter)
    try:
        started.start("one", "two")
        # Both workers are there and have loaded what they need before anything is timed or killed.
        wait_until(lambda: len(set(run_tasks(tasks.process, range(8), cluster=started.address))) == 2)
        yield started
    finally:
        started.kill_all()


def _marked(folder: Path, worker: int) -> set[int]:
    """Return the tasks that a worker has begun."""
    return {int(path.name) for path in folder.iterdir() if str(worker) in path.read_text().split()}


PLACES = ["workers=1", "workers=2", "cluster"]


def _place(name: str, dask: Dask) -> dict[str, object]:
    return {"cluster": dask.address} if name == "cluster" else {"workers": int(name.removeprefix("workers="))}


@pytest.mark.parametrize("name", PLACES)
def test_results_come_in_the_order_of_the_tasks(name: str, dask: Dask) -> None:
    place = _place(name, dask)
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
    assert list(run_tasks(tasks.threads, [0, 1], **_place(name, dask))) == [({1}, 1)] * 2
    if name != "workers=2":  # whose processes would be started anew
        monkeypatch.setenv("OMP_NUM_THREADS", "2")
        assert list(run_tasks(tasks.threads, [0, 1], **_place(name, dask))) == [({2}, 2)] * 2
    assert torch.get_num_threads() == before
    monkeypatch.setenv("OMP_NUM_THREADS", "many")
    with pytest.raises(UserError, match="OMP_NUM_THREADS=many: is no number of threads"):
        list(run_tasks(tasks.threads, [0], **_place(name, dask)))


@pytest.mark.parametrize("name", PLACES)
def test_a_mistake_of_the_user_arrives_as_one(name: str, dask: Dask) -> None:
    with pytest.raises(UserError, match=r"^two.store: is damaged: import it again$"):
        list(run_tasks(tasks.mistaken, range(4), **_place(name, dask)))


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
        place = _place(name, dask)
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


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Path]]:
    """Make recordings of several files: of text, one of which holds no trial; with pictures and PPG; of words."""
    folder = tmp_path_factory.mktemp("recordings")
    digits = load_digits("train")
    found: dict[str, list[Path]] = {"text": [folder / f"run-{number}.txt" for number in range(4)]}
    for number, path in enumerate(found["text"]):
        rows = [file_row(event, "FP1", code=event % 10, values=np.arange(950) + number) for event in range(30)]
        rows += [] if number == 2 else ["what is this?", file_row(29, "FP1"), file_row(40, "FP2")]
        path.write_text("\n".join([file_row(1, "FP2")] if number == 1 else rows) + "\n")
    found["pictures"] = [folder / f"visual-{number}.csv" for number in range(2)]
    for seed, path in enumerate(found["pictures"]):
        settings = SimulationSettings(format="muse2", events=20 + seed, seed=seed)
        simulate(path, settings, digits.images, digits.labels, PACKAGED)
    found["words"] = [folder / f"{name}_raw.fif" for name in ("one", "two")]
    for number, path in enumerate(found["words"]):
        signals = 1e-4 * np.random.default_rng(number).normal(size=(2, 800))
        raw = mne.io.RawArray(signals, make_info(("O1", "O2"), 128.0), verbose="error")
        raw.set_annotations(mne.Annotations([0.0, 1.0, 2.0, 3.5], 0.0, ["six", "one", "two", "six"]))
        raw.save(path, verbose="error")
    return found


@pytest.mark.parametrize("kind", ["text", "pictures", "words"])
def test_the_place_changes_no_bit_of_a_store(
    kind: str, recordings: dict[str, list[Path]], dask: Dask, tmp_path: Path
) -> None:
    _check_imports(recordings[kind], [*PLACES[1:]], dask, tmp_path)


@pytest.mark.slow
def test_four_processes_change_no_bit_of_a_store(recordings: dict[str, list[Path]], dask: Dask, tmp_path: Path) -> None:
    _check_imports(recordings["text"], ["workers=4"], dask, tmp_path)


def _check_imports(files: list[Path], places: list[str], dask: Dask, folder: Path) -> None:
    whole = _imported(files, folder / "here")
    told: list[int] = []
    for name in places:
        told.clear()
        there = _imported(files, folder / name, told.append, **_place(name, dask))
        for one, other in zip(whole[:2], there[:2], strict=True):
            assert one == other
        pd.testing.assert_frame_equal(there[2], whole[2], check_exact=True)
        assert told == sorted(told)
        assert told[-1] == sum(path.stat().st_size for path in files)
    assert sorted(path.name for path in folder.iterdir()) == sorted(["here", *places]), "no part is left"


def _imported(
    files: list[Path], path: Path, report: Callable[[int], None] | None = None, **place: object
) -> tuple[dict[str, object], dict[str, object], pd.DataFrame]:
    """Return what a store says of itself, what the import counted, and the rows that were refused."""
    counted = write_store(path, recognise(files), report=report, **place)
    store = Store(path)
    store.verify()
    assert sorted(file.name for file in path.iterdir() if not layout.is_part(file)) == []
    return store.about, {name: value for name, value in counted.items() if name != "seconds"}, store.rejected()


@pytest.mark.parametrize("name", PLACES)
def test_a_file_that_is_cut_is_named_with_its_line_and_nothing_is_left(
    name: str, recordings: dict[str, list[Path]], dask: Dask, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.txt"
    cut.write_text(recordings["text"][0].read_text()[:-700])
    before = set(tmp_path.iterdir())
    with pytest.raises(UserError, match=r"cut.txt: ends in the middle of line 33"):
        write_store(tmp_path / "store", recognise([*recordings["text"], cut]), **_place(name, dask))
    assert set(tmp_path.iterdir()) == before


def test_a_killed_import_by_tasks_leaves_nothing_that_the_next_does_not_remove(
    recordings: dict[str, list[Path]], starter: Starter, tmp_path: Path
) -> None:
    process = starter.start(["import", *map(str, recordings["text"]), str(tmp_path / "store"), "--workers", "2"])
    deadline = time.monotonic() + 60
    while not list(tmp_path.glob(".store.*.tmp/parts/*")):
        assert not process.ended(), process.said
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.kill(group=False)
    assert [path.suffix for path in tmp_path.iterdir()] == [".tmp"]
    _imported(recordings["text"], tmp_path / "store", workers=2)
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_a_single_file_is_read_here_whatever_the_place(
    recordings: dict[str, list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "run_tasks", mock.Mock(side_effect=AssertionError))
    _imported(recordings["text"][:1], tmp_path / "store", workers=2)


FOREST = {
    "expert": {"filters": (2, 2), "training": {"max_epochs": 2}},
    "trunks": 2,
    "inner_folds": 2,
    "trees": 10,
}


@pytest.mark.parametrize("name", [*PLACES[1:], pytest.param("workers=4", marks=pytest.mark.slow)])
def test_the_place_changes_no_bit_of_a_forest(name: str, none: Store, dask: Dask, tmp_path: Path) -> None:
    settings = DecodingSettings(decoder="sparse-forest", decoder_settings=FOREST)
    told: list[Progress] = []
    whole = train(none, settings, tmp_path / "here")
    there = train(none, settings, tmp_path / "there", report=told.append, place=Place(**_place(name, dask)))
    assert there["held_out"] == whole["held_out"]
    _check_same_forest(tmp_path / "there", tmp_path / "here", none)
    assert [(progress.epoch, progress.max_epochs, progress.unit) for progress in told] == [
        (done, 4, "network") for done in (1, 2, 3, 4)
    ]
    assert sorted(path.name for path in (tmp_path / "there").iterdir()) == sorted(
        path.name for path in (tmp_path / "here").iterdir()
    )


def _check_same_forest(run: Path, other: Path, store: Store) -> None:
    """Compare what was learned bit by bit; a file of a forest is another each time that it is written."""
    trials = store.trials()
    one, two = (
        [*load_file(folder / MODEL).values(), *trained_pipeline(folder).outputs(trials)] for folder in (run, other)
    )
    assert len(one) == len(two) > 2
    assert all(np.array_equal(mine, its) for mine, its in zip(one, two, strict=True))


def test_experts_that_were_stopped_elsewhere_go_on_here(none: Store, tmp_path: Path) -> None:
    settings = DecodingSettings(decoder="sparse-forest", decoder_settings=FOREST)
    train(none, settings, tmp_path / "here")

    def stop(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(none, settings, tmp_path / "run", report=stop, place=Place(workers=2))
    assert not list((tmp_path / "run").rglob("signals.npy"))
    told: list[Progress] = []
    train(none, settings, tmp_path / "run", resume=True, report=told.append)
    _check_same_forest(tmp_path / "run", tmp_path / "here", none)
    assert "fold-1/trunk-1" not in {progress.part for progress in told}, "the first was over"


def test_a_network_that_diverges_elsewhere_is_said(none: Store, dask: Dask, tmp_path: Path) -> None:
    wild = {"filters": (2, 2), "training": {"max_epochs": 2, "learning_rate": 1e30}}
    settings = DecodingSettings(decoder="sparse-forest", decoder_settings={**FOREST, "expert": wild})
    with pytest.raises(UserError, match="the network diverged: take a smaller learning rate"):
        train(none, settings, tmp_path / "run", place=Place(cluster=dask.address))
    assert not (tmp_path / "run").exists()


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
