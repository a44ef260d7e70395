import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from skops.io import dump

from mindglyph.decoders.forests import read_forest, write_forest
from mindglyph.errors import UserError

X = np.random.default_rng(0).normal(size=(200, 6)).astype(np.float32)
Y = np.arange(200) % 3
KINDS = {
    "extra-trees": ExtraTreesClassifier(5, random_state=0),
    "random-forest": RandomForestClassifier(5, random_state=0),
    "boosting": HistGradientBoostingClassifier(max_iter=3, random_state=0),
}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    write_forest(tmp_path / "forest.skops", ExtraTreesClassifier(5, random_state=0).fit(X, Y))
    return tmp_path / "forest.skops"


def changed(path: Path, change: Any) -> Path:
    """Return a copy of a file whose members went through `change(name, content)`."""
    copy = path.with_name("changed.skops")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as other:
        for name in archive.namelist():
            other.writestr(name, change(name, archive.read(name)))
    return copy


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_forest_comes_back_as_it_was(tmp_path: Path, kind: str, n_classes: int) -> None:
    forest = KINDS[kind].fit(X, Y % n_classes)
    write_forest(tmp_path / "forest.skops", forest)
    back = read_forest(tmp_path / "forest.skops")
    assert type(back) is type(forest)
    np.testing.assert_array_equal(back.predict_proba(X), forest.predict_proba(X))
    assert [path.name for path in tmp_path.iterdir()] == ["forest.skops"]


def test_what_could_not_be_read_again_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="LogisticRegression is no forest"):
        write_forest(tmp_path / "forest.skops", LogisticRegression())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("foreign", [LogisticRegression().fit(X, Y), np.sum, {"a": print}, np.zeros(3), "text"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, foreign: Any) -> None:
    dump(foreign, tmp_path / "forest.skops")
    with pytest.raises(UserError, match="forest.skops: holds '.*', which no forest does"):
        read_forest(tmp_path / "forest.skops")


@pytest.mark.parametrize("place", ["content", "args"])
def test_a_foreign_type_within_a_forest_is_refused(written: Path, place: str) -> None:
    call = {"__class__": "system", "__module__": "os", "__loader__": "FunctionNode", "__id__": 1}

    def plant(name: str, content: bytes) -> bytes:
        if name != "schema.json":
            return content
        schema = json.loads(content)
        schema["content"]["content"]["n_estimators"] = call if place == "content" else {"x": [call]}
        return json.dumps(schema).encode()

    with pytest.raises(UserError, match=r"holds 'os.system', which no forest does"):
        read_forest(changed(written, plant))


def test_a_trusted_name_made_in_another_way_is_refused(written: Path) -> None:
    def rename(name: str, content: bytes) -> bytes:
        return content.replace(b'"TreeNode"', b'"ConstructorFromReduceNode"') if name == "schema.json" else content

    with pytest.raises(UserError, match=r"holds 'sklearn.tree._tree.Tree', which no forest does"):
        read_forest(changed(written, rename))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        *(("left_child", value) for value in (0, -7, 10**6)),
        *(("right_child", value) for value in (0, -7, 10**6)),
        *(("feature", value) for value in (-7, 6, 10**6)),
    ],
)
def test_a_tree_that_points_outside_itself_or_in_a_ring_is_refused(written: Path, field: str, value: int) -> None:
    def tamper(name: str, content: bytes) -> bytes:
        if not name.endswith(".npy"):
            return content
        array = np.load(io.BytesIO(content))
        if array.dtype.names is None:
            return content
        array[field][0] = value
        buffer = io.BytesIO()
        np.save(buffer, array)
        return buffer.getvalue()

    with pytest.raises(UserError, match="is no forest that mindglyph wrote, or is damaged"):
        read_forest(changed(written, tamper))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_truncated_file_is_refused(written: Path, share: float) -> None:
    content = written.read_bytes()
    written.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match="is no forest that mindglyph wrote, or is damaged"):
        read_forest(written)


def test_a_changed_bit_is_found(written: Path) -> None:
    content = bytearray(written.read_bytes())
    with zipfile.ZipFile(written) as archive:
        first = archive.infolist()[0]
    content[first.header_offset + 30 + len(first.filename) + first.file_size - 1] ^= 1
    written.write_bytes(content)
    with pytest.raises(UserError, match="damaged"):
        read_forest(written)


@pytest.mark.parametrize(
    "members", [{"a.txt": "hello"}, {"schema.json": "[]"}, {"schema.json": "{"}, {"schema.json": '{"__class__": 1}'}]
)
def test_another_zip_is_refused(tmp_path: Path, members: dict[str, str]) -> None:
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    with pytest.raises(UserError, match="other.zip: is no forest that mindglyph wrote"):
        read_forest(tmp_path / "other.zip")


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        read_forest(tmp_path / "forest.skops")
