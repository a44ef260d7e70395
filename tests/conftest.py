"""The simulator's worlds, the real rows, and stores made of arrays, as the tests share them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, settings

from mindglyph.headsets import HEADSETS
from mindglyph.images.sets import PACKAGED, load_digits, shown_pictures
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.sources.recording import Chunk, Recording, Refusal
from mindglyph.store import Store, write_store
from mindglyph.trials import Trials, make_info
from tests.clusters import Dask
from tests.kills import Starter

# One folder serves all examples of a test: each overwrites the file of the one before.
_QUIET = [HealthCheck.function_scoped_fixture]
settings.register_profile("default", max_examples=100, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("long", max_examples=5000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile("default")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder with real recordings, kept beside the project."""
    folder = Path(os.environ.get("MINDGLYPH_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}; MINDGLYPH_DATA says where they are")
    return folder


@pytest.fixture(scope="session")
def real_rows(real_data: Path) -> Path:
    """Folder with real MindBigData rows."""
    folder = real_data / "mindbigdata"
    if not folder.is_dir():
        pytest.skip(f"no real rows at {folder}")
    return folder


def write_world(folder: Path, **settings: object) -> Store:
    """Simulate a recording in `folder` and import it."""
    digits = load_digits("train")
    recording = folder / "recording.txt"
    truth = simulate(recording, SimulationSettings(**settings), digits.images, digits.labels, PACKAGED)
    write_store(folder / "store", recognise(recording), truth, shown_pictures(truth))
    return Store(folder / "store")


World = Callable[..., Store]


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """Make a world of the simulator; the same settings are simulated once."""
    made: dict[str, Store] = {}

    def make(**settings: object) -> Store:
        key = repr(sorted(settings.items()))
        if key not in made:
            made[key] = write_world(tmp_path_factory.mktemp("world"), **settings)
        return made[key]

    return make


@pytest.fixture(scope="session")
def signal(world: World) -> Store:
    """A MindWave recording from which digits can be read well."""
    return world(format="mw", events=800, ceiling=0.9, seed=1)


@pytest.fixture(scope="session")
def none(world: World) -> Store:
    """A MindWave recording from which nothing can be read."""
    return world(format="mw", events=400, ceiling=0.1, seed=2)


@pytest.fixture(scope="session")
def pictured(world: World) -> Store:
    """An EPOC recording that holds digit and picture."""
    return world(format="ep", events=1200, ceiling=0.95, picture_signal=0.6, seed=3)


@pytest.fixture(scope="session")
def starter() -> Iterator[Starter]:
    """Start commands without loading their libraries each time."""
    if os.name == "nt":
        pytest.skip("Windows knows neither fork nor SIGKILL")
    one = Starter()
    yield one
    one.close()


@pytest.fixture(scope="module")
def dask(tmp_path_factory: pytest.TempPathFactory, starter: Starter) -> Iterator[Dask]:
    """A scheduler with two workers; a module has its own, since some lose one."""
    started = Dask(tmp_path_factory.mktemp("dask"), starter)
    try:
        started.start("one", "two")
        yield started
    finally:
        started.kill_all()


@pytest.fixture(scope="session")
def data(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the commands of `tests/kills.py` read: a store of 200 trials, a recording of 3,000."""
    store = world(format="mw", events=200, ceiling=0.9, seed=5)
    folder = tmp_path_factory.mktemp("data")
    (folder / "store").symlink_to(store.path)
    (folder / "MW.txt").write_text("".join(file_row(event, "FP1", code=event % 10) + "\n" for event in range(3000)))
    return folder


def file_row(
    event: int, channel: str, /, *, code: int = 3, headset: str = "MW", values: object = None, **fields: object
) -> str:
    """Return a row as the 2014-15 files have it; `fields` replace what it would hold."""
    if values is None:
        values = np.arange(HEADSETS[headset].n_times) % 50
    data = ",".join(str(value) for value in values)
    row = {
        "id": event,
        "event": event,
        "device": headset,
        "channel": channel,
        "code": code,
        "size": data.count(",") + 1,
    }
    row.update(data=data)
    row.update(fields)
    return "\t".join(str(value) for value in row.values())


@pytest.fixture(scope="session")
def row() -> Callable[..., str]:
    """Make a row of a 2014-15 file."""
    return file_row


ARRAY_CHANNELS = ("TP9", "AF7", "AF8", "TP10", "PZ")
ARRAY_SFREQ = 200.0

StoreOf = Callable[..., Store]


def clean_signals(n_trials: int = 300, n_channels: int = 5, n_times: int = 200, seed: int = 0) -> np.ndarray:
    """Return signals of an electrode's kind: drift under noise, on an offset that changes from trial to trial."""
    rng = np.random.default_rng(seed)
    drift = np.cumsum(rng.normal(size=(n_trials, n_channels, n_times)), axis=-1)
    offset = rng.normal(500, 30, size=(n_trials, n_channels, 1))
    return offset + drift + 10 * rng.normal(size=drift.shape)


@pytest.fixture(scope="session")
def clean() -> Callable[..., np.ndarray]:
    """Make signals with nothing wrong in them."""
    return clean_signals


@pytest.fixture
def store_of(tmp_path: Path) -> StoreOf:
    """Write a store of arrays: `store_of(signals, labels, metadata=…, refusals=…)`."""
    return lambda signals, labels=None, **parts: write_arrays(tmp_path / "store", signals, labels, **parts)


def write_arrays(
    path: Path,
    signals: np.ndarray,
    labels: np.ndarray | None = None,
    *,
    metadata: pd.DataFrame | None = None,
    ch_names: Sequence[str] = ARRAY_CHANNELS,
    refusals: Sequence[Refusal] = (),
    sfreq: float = ARRAY_SFREQ,
    tmin: float = 0.0,
    images: np.ndarray | None = None,
    extras: dict[str, Any] | None = None,
    **about: Any,
) -> Store:
    n_trials, n_channels, n_times = signals.shape
    table = pd.DataFrame({"event": np.arange(n_trials)}) if metadata is None else metadata
    if "event" not in table:
        table = table.assign(event=np.arange(n_trials))
    y = np.arange(n_trials) % 5 if labels is None else labels
    info = make_info(ch_names[:n_channels], sfreq)
    trials = Trials(signals.astype(np.float32), np.asarray(y), info, table, images, extras or {}, tmin)
    first = trials.select(np.arange(n_trials // 2))
    second = trials.select(np.arange(n_trials // 2, n_trials))

    def read() -> Iterator[Chunk]:
        yield Chunk(first, list(refusals), n_trials // 2 + len(refusals), 1)
        yield Chunk(second, [], n_trials - n_trials // 2, 2)

    recording = Recording(
        path=Path("arrays.csv"), format="arrays", seen="arrays", info=info, n_times=n_times, size=2, read=read, **about
    )
    write_store(path, recording)
    return Store(path)
