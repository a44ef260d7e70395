"""The manual says what is so: the rooms of the code, and examples that check their figures."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
EXAMPLES = sorted((ROOT / "examples" / "gallery").glob("plot_*.py"))


def _layers() -> list[set[str]]:
    """Read which module may import which, from the highest layer down."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    contract = settings["tool"]["importlinter"]["contracts"][0]
    return [{name.strip().removeprefix("mindglyph.") for name in layer.split("|")} for layer in contract["layers"]]


def _rows() -> list[list[str]]:
    """Read the rooms that each row of the first table of docs/architecture.md names."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = text.split("| room | what it is |")[1].split("\n\n")[0]
    firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    return [[name.rstrip("/").removesuffix(".py") for name in re.findall(r"`([^`]+)`", first)] for first in firsts]


def test_the_rooms_of_the_manual_are_those_of_the_contract() -> None:
    named = [room for row in _rows() for room in row]
    assert sorted(named) == sorted(set().union(*_layers()))


def test_the_rooms_stand_in_the_order_of_the_contract() -> None:
    place = {room: number for number, layer in enumerate(_layers()) for room in layer}
    highest = [min(place[room] for room in row) for row in _rows()]
    assert highest == sorted(highest)


def test_the_contract_names_every_module() -> None:
    found = {path.stem for path in (ROOT / "src" / "mindglyph").iterdir() if not path.stem.startswith(("_", "."))}
    assert found - {"py"} == set().union(*_layers())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_checks_its_figures_and_says_what_chance_looks_like(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.search(r"^assert ", text, flags=re.MULTILINE)
    # After each figure stands what it shows.
    shown = text.split("plt.show()")[1:]
    assert shown
    for part in shown:
        caption = part.split("# %%")[1].strip().replace("\n# ", " ")
        assert caption.startswith("# *")
        assert "Chance would" in caption
