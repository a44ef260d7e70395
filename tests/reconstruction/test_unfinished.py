import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mindglyph import runs
from mindglyph.errors import PlaceError
from mindglyph.reconstruction import Kept, PictureBank, Reconstructions, unfinished


def bank() -> PictureBank:
    rng = np.random.default_rng(0)
    return PictureBank(rng.integers(0, 256, (20, 28, 28), np.uint8), np.repeat(np.arange(10), 2), np.zeros((20, 0)))


def pictures(seed: int, seen: bool) -> Reconstructions:
    rng = np.random.default_rng(seed)
    grey = {name: rng.random((4, 28, 28), np.float32) for name in ("drawn", "deviation", "label_only", "class_mean")}
    return Reconstructions(
        trial=np.arange(4),
        fold=np.full(4, seed),
        labels=np.arange(4),
        probabilities=rng.random((4, 10)),
        accepted=rng.random(4) > 0.5,
        candidates=rng.integers(0, 20, (4, 3)),
        weights=rng.random((4, 3)),
        bank=bank().images,
        alignments=np.array(["ridge"]),
        seen=rng.integers(0, 256, (4, 28, 28), np.uint8) if seen else None,
        **grey,
    )


def never() -> PictureBank:
    raise AssertionError("it was kept")


def same(one: object, other: object) -> None:
    for name, value in vars(one).items():
        expected = getattr(other, name)
        if expected is None:
            assert value is None
        else:
            np.testing.assert_array_equal(value, expected, strict=True)


@pytest.mark.parametrize("seen", [True, False])
def test_what_was_drawn_before_a_kill_is_not_drawn_again(tmp_path: Path, seen: bool) -> None:
    def draw(number: int) -> Callable[[], Reconstructions]:
        return lambda: pictures(number, seen)

    folder, asked = tmp_path / "pictures", {"seed": 0}
    with pytest.raises(KeyboardInterrupt), unfinished(folder, asked) as kept:
        first = kept.bank(bank)
        kept.fold(0, first, draw(0))
        raise KeyboardInterrupt
    with unfinished(folder, asked) as kept:
        back = kept.bank(never)
        same(back, bank())
        same(kept.fold(0, back, never), pictures(0, seen))
        same(kept.fold(1, back, draw(1)), pictures(1, seen))
        (folder / "pictures.npz").touch()
    assert [path.name for path in folder.iterdir()] == ["pictures.npz"], "once all is written, nothing is kept"


def test_what_was_drawn_for_another_question_is_drawn_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), unfinished(tmp_path, {"seed": 0}) as kept:
        kept.fold(0, kept.bank(bank), lambda: pictures(0, True))
        raise KeyboardInterrupt
    drawn = []
    with unfinished(tmp_path, {"seed": 1}) as kept:
        kept.fold(
            0, kept.bank(lambda: drawn.append("bank") or bank()), lambda: drawn.append("fold") or pictures(1, True)
        )
    assert drawn == ["bank", "fold"]


def test_half_a_file_is_drawn_anew(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), unfinished(tmp_path, {}) as kept:
        kept.bank(bank)
        raise KeyboardInterrupt
    file = tmp_path / "unfinished" / "bank.safetensors"
    file.write_bytes(file.read_bytes()[:-5])
    with unfinished(tmp_path, {}) as kept:
        same(kept.bank(bank), bank())


def test_a_question_that_cannot_be_answered_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), unfinished(tmp_path / "pictures", {}):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    assert Kept().bank(bank).digits.tolist() == bank().digits.tolist(), "nor does one that keeps nothing"


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
def test_two_at_once_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runs, "PATIENCE", 0.0)
    with (
        unfinished(tmp_path / "pictures", {}),
        pytest.raises(PlaceError, match="pictures: another process is at work in it: wait for it, or name another"),
        unfinished(tmp_path / "pictures", {}),
    ):
        pass
