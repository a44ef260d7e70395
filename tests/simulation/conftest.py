"""Small recordings of every format, written once and read once for all tests of this folder."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from mindglyph.images.sets import PACKAGED, load_digits, shown_pictures
from mindglyph.simulation import Pictures, SimulatedRecording, SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store

N_EVENTS = 24


@dataclass(frozen=True)
class Written:
    """A recording that was written, and what it was written from."""

    path: Path
    truth: dict[str, Any]
    recording: SimulatedRecording

    @cached_property
    def store(self) -> Store:
        """The same, recognised by its content and imported."""
        found = recognise(self.path)
        assert found.format == self.recording.settings.format
        folder = self.path.with_name("store")
        result = write_store(folder, found, self.truth, shown_pictures(self.truth))
        assert result["rows_rejected"] == 0
        return Store(folder)


Write = Callable[..., Written]


@pytest.fixture(scope="session")
def pictures() -> Pictures:
    digits = load_digits("train")
    return Pictures(digits.images, digits.labels, digits.index)


@pytest.fixture(scope="session")
def write(tmp_path_factory: pytest.TempPathFactory, pictures: Pictures) -> Write:
    """Write a recording without a signal, unless another ceiling is given; the same settings once."""
    made: dict[SimulationSettings, Written] = {}

    def write(**values: Any) -> Written:
        defaults = {"events": N_EVENTS, "ceiling": 0.1, "sessions": 2, "artifacts": True}
        settings = SimulationSettings(**(defaults | values))
        if settings not in made:
            path = tmp_path_factory.mktemp("written") / "recording"
            truth = simulate(path, settings, pictures.images, pictures.labels, PACKAGED, index=pictures.index)
            made[settings] = Written(path, truth, SimulatedRecording.draw(settings, pictures))
        return made[settings]

    return write
