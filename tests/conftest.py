"""The simulator's worlds and the real rows, as the tests share them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from mindglyph.headsets import HEADSETS
from mindglyph.images.sets import PACKAGED, load_digits, shown_pictures
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store

# One folder serves all examples of a test: each overwrites the file of the one before.
_QUIET = [HealthCheck.function_scoped_fixture]
settings.register_profile("default", max_examples=100, deadline=None, suppress_health_check=_QUIET)
settings.register_profile("long", max_examples=5000, deadline=None, suppress_health_check=_QUIET)
settings.load_profile("default")


@pytest.fixture(scope="session")
def real_rows() -> Path:
    """Folder with real MindBigData rows, kept beside the project."""
    base = os.environ.get("MINDGLYPH_DATA", Path(__file__).parents[2] / "shared" / "data")
    folder = Path(base) / "mindbigdata"
    if not folder.is_dir():
        pytest.skip(f"no real recordings at {folder}; MINDGLYPH_DATA says where they are")
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
