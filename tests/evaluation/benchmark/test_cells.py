import shutil
from pathlib import Path

import pytest

from mindglyph.errors import UserError
from mindglyph.evaluation import EvaluationSettings
from mindglyph.evaluation.benchmark import Question, cells, cells_of
from mindglyph.evaluation.benchmark.cells import resolved, told_apart
from mindglyph.evaluation.benchmark.provenance import provenance, source_fingerprint
from mindglyph.store import Store

SETTINGS = EvaluationSettings(splits=("blocked", "session", "random"), folds=3)


def _keys(store: Store, decoders: dict[str, dict[str, object]] | None = None, **settings: object) -> list[str]:
    question = Question((store.path,), decoders or {"lda": {}}, SETTINGS.model_copy(update=settings))
    return [cell.key for cell in cells_of(question)]


def test_cells_stand_in_the_order_asked_and_a_leaky_one_is_beside_the_first_honest(none: Store) -> None:
    found = cells_of(Question((none.path, none.path), {"lda": {}, "chance": {}}, SETTINGS))
    assert [(cell.decoder, cell.split) for cell in found] == [
        (decoder, split) for decoder in ("lda", "chance") for split in ("blocked", "session", "random")
    ]
    blocked, session, random = found[:3]
    assert random.settings.splits == ("blocked", "random")
    assert random.key == blocked.key != session.key
    assert (blocked.leaky, random.leaky) == (False, True)


@pytest.mark.parametrize(
    "change",
    [
        {"folds": 4},
        {"gap": 3},
        {"seed": 1},
        {"permutations": 500},
        {"balance": "weights"},
        {"preprocessing": {"highpass": 1.0}},
        {"splits": ("session",)},
    ],
)
def test_a_key_changes_with_every_setting(none: Store, change: dict[str, object]) -> None:
    changed = EvaluationSettings(**{**SETTINGS.model_dump(), **change})
    (other, *_) = cells_of(Question((none.path,), {"lda": {}}, changed))
    assert other.key != _keys(none)[0]


def test_a_key_is_of_the_resolved_settings(none: Store) -> None:
    (default, *_) = _keys(none)
    spelt_out = resolved(EvaluationSettings(decoder="lda"))["decoder_settings"]
    assert _keys(none, {"lda": spelt_out})[0] == default
    assert _keys(none, {"lda": {"rate": 16.0}})[0] != default


def test_a_key_changes_with_data_and_code_and_version(none: Store, world: object, monkeypatch: object) -> None:
    (before, *_) = _keys(none)
    assert _keys(none)[0] == before
    assert _keys(world(format="mw", events=120, ceiling=0.9, seed=9))[0] != before
    with monkeypatch.context() as patch:
        patch.setattr(cells, "provenance", lambda decoder: {**provenance(decoder), "source": "changed"})
        assert _keys(none)[0] != before
    with monkeypatch.context() as patch:
        patch.setattr(cells, "provenance", lambda decoder: {**provenance(decoder), "mindglyph": "9.9"})
        assert _keys(none)[0] != before


def test_provenance_names_libraries_and_the_zoos_own_only_for_the_zoo() -> None:
    assert {"mindglyph", "numpy", "scipy", "scikit-learn", "torch", "source"} <= set(provenance("lda"))
    assert "braindecode" not in provenance("lda")
    assert "braindecode" in provenance("zoo:EEGNet")


def test_the_fingerprint_follows_the_modules(tmp_path: Path, monkeypatch: object) -> None:
    import mindglyph

    package = tmp_path / "mindglyph"
    (package / "inner").mkdir(parents=True)
    (package / "inner/one.py").write_text("a = 1\n")
    (package / "note.txt").write_text("not a module")
    monkeypatch.setattr(mindglyph, "__path__", [str(package)])

    def taken() -> str:
        return source_fingerprint.__wrapped__()

    first = taken()
    (package / "note.txt").write_text("changed")
    assert taken() == first
    (package / "inner/one.py").write_text("a = 2\n")
    second = taken()
    (package / "inner/one.py").rename(package / "inner/two.py")
    assert len({first, second, taken()}) == 3


def test_weights_to_begin_with_count_by_what_is_in_them(none: Store, tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(b"one")
    decoders = {"zoo:EEGNet": {"pretrained": str(file)}}
    before = _keys(none, decoders)[0]
    assert _keys(none, decoders)[0] == before
    file.write_bytes(b"two")
    assert _keys(none, decoders)[0] != before


def test_stores_of_one_name_are_told_apart() -> None:
    paths = [Path("/a/x/mw.store"), Path("/b/x/mw.store"), Path("/b/ep.store"), Path("/mw.store")]
    assert told_apart(paths) == ["a/x/mw.store", "b/x/mw.store", "ep.store", "/mw.store"]


def test_mistakes_are_said_before_anything_is_computed(none: Store, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="there is no decoder 'ldaa'"):
        cells_of(Question((none.path,), {"lda": {}, "ldaa": {}}, SETTINGS))
    with pytest.raises(UserError, match="braindecode has no network 'Nothing'"):
        cells_of(Question((none.path,), {"zoo:Nothing": {}}, SETTINGS))
    with pytest.raises(UserError, match=r"is no trial store"):
        cells_of(Question((none.path, tmp_path), {"lda": {}}, SETTINGS))
    copy = tmp_path / "copy.store"
    shutil.copytree(none.path, copy)
    with pytest.raises(UserError, match=r"copy.store: holds the same trials as .*: name one of them"):
        cells_of(Question((none.path, copy), {"lda": {}}, SETTINGS))
    damaged = tmp_path / "damaged.store"
    shutil.copytree(none.path, damaged)
    with (damaged / "signals.npy").open("r+b") as file:
        file.seek(-4, 2)
        file.write(b"abcd")
    with pytest.raises(UserError, match="is damaged or was changed"):
        cells_of(Question((damaged,), {"lda": {}}, SETTINGS))
