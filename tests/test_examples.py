"""The examples that a reader would copy run as they stand."""

import re
from pathlib import Path

import pytest

from mindglyph.evaluation.audit import audit_store, plans_of
from mindglyph.store import Store

ROOT = Path(__file__).parents[1]


def _blocks(text: str) -> str:
    found = re.findall(r"^```python\n(.*?)^```$", text, flags=re.DOTALL | re.MULTILINE)
    assert found, "the examples are gone"
    return "\n".join(found)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Examples write where they stand, MNE and MOABB to the home folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("_MNE_FAKE_HOME_DIR", "MNE_DATA", "MOABB_RESULTS"):
        monkeypatch.setenv(name, str(tmp_path))


def test_the_example_of_the_readme_runs_and_its_store_is_found_out() -> None:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## With your own arrays")[1].split("\n## ")[0]
    names: dict[str, object] = {}
    exec(_blocks(section), names)
    store = Store(Path("mine.store"))
    assert store.about["trials"] == 200
    audit = audit_store(store, plans_of(store, ["blocked"], 5, seed=0))
    assert list(audit.fails) == ["label goes round with the rows"]


def test_the_pages_that_the_readme_names_are_there() -> None:
    named = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert "docs/images/demo.png" in named
    assert [name for name in named if not (ROOT / name).exists()] == []


# What braindecode, and MOABB with h5py, use of libraries that are about to give it up.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Montage name 'standard_1020' is deprecated:FutureWarning")
@pytest.mark.filterwarnings("ignore:Creating a dataset without passing data or dtype")
def test_the_examples_of_the_bridges_run(signal: Store, tmp_path: Path) -> None:
    (tmp_path / "mw.store").symlink_to(signal.path, target_is_directory=True)
    names: dict[str, object] = {}
    exec(_blocks((ROOT / "docs" / "bridges.md").read_text(encoding="utf-8")), names)
    assert len(names["windows"]) == 60
    assert names["scores"]["session"].tolist() == ["0", "1", "2", "3", "4"]
    assert names["scores"]["score"].mean() > 0.2
