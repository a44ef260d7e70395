import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mindglyph.cli import main
from mindglyph.images.registry import load_generator
from mindglyph.images.sets import load_digits
from tests.kills import Starter

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> Any:
    """Run a command in this process: `run(*words, status=0)` returns what it printed on stdout and stderr."""

    def called(*words: object, status: int = 0) -> tuple[str, str]:
        monkeypatch.setattr(sys, "argv", ["mindglyph", "images", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        assert (ended.value.code or 0) == status, printed.err
        return printed.out, printed.err

    return called


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """Thirty pictures each of 'up' and 'down', dark on bright."""
    images = load_digits("test").images
    for place in range(60):
        file = tmp_path / "letters" / ("up" if place % 2 else "down") / f"{place}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(255 - (images[place] if place % 2 else images[place][::-1])).save(file)
    return tmp_path / "letters"


def _grid(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file)


def test_a_generator_learns_a_set_of_ones_own_and_draws_it(run: Any, letters: Path, tmp_path: Path) -> None:
    out, errors = run("train", "--set", letters, "--generator", "gan", "--epochs", 2, "--json")
    result = json.loads(out)
    assert result["labels"] == ["down", "up"]
    assert result["pictures"] == 60
    assert len(result["loss"]) == result["epochs"] == 2
    assert "dark on a bright ground" in errors
    assert "epoch 2 of at most 2" in errors
    made = tmp_path / "letters.gan.safetensors"
    assert result["out"] == str(made)
    assert load_generator(made).labels == ("down", "up")
    assert not (tmp_path / "letters.gan.safetensors.unfinished").exists()
    out, _ = run("sample", "--generator", made, "--label", "up", "--each", 4, "--out", tmp_path / "x.png", "--json")
    assert json.loads(out)["rows"] == ["up"]
    assert _grid(tmp_path / "x.png").shape == (2 * 28, 2 * (4 * 29 - 1))
    _, errors = run("sample", "--generator", made, "--label", "7", "--out", tmp_path / "y.png", status=2)
    assert "does not draw '7': choose of down, up" in errors
    _, errors = run("train", "--set", letters, "--generator", "gan", status=2)
    assert "letters.gan.safetensors: exists" in errors


def test_packaged_generators_draw_rows_of_digits(run: Any, tmp_path: Path) -> None:
    out, _ = run("sample", "--generator", "vae", "--each", 3, "--out", tmp_path / "x.png")
    assert "30 in" in out
    first = _grid(tmp_path / "x.png")
    assert first.shape == (2 * (10 * 29 - 1), 2 * (3 * 29 - 1))
    run("sample", "--generator", "vae", "--each", 3, "--out", tmp_path / "y.png")
    np.testing.assert_array_equal(_grid(tmp_path / "y.png"), first)
    run("sample", "--generator", "vae", "--mixture", "3=1,8=1", "--each", 3, "--out", tmp_path / "z.png")
    assert _grid(tmp_path / "z.png").shape == (2 * 28, 2 * (3 * 29 - 1))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("sample", "--generator", "brush"), "brush: no such generator and no such file"),
        (("sample", "--generator", "vae", "--mixture", "3=x"), "is no list of shares"),
        (("sample", "--generator", "vae", "--mixture", "3=-1,8=2"), "is no list of shares"),
        (("sample", "--generator", "vae", "--mixture", "3=1", "--label", "3"), "give one of them"),
        (("train", "--set", "absent"), "absent: no such file or folder"),
        (("train", "--set", "absent", "--generator", "brush"), "there is no generator 'brush'"),
    ],
)
def test_mistakes_are_one_line(run: Any, words: tuple[str, ...], message: str) -> None:
    _, errors = run(*words, status=2)
    assert message in errors
    assert "Traceback" not in errors


def test_ctrl_c_keeps_what_is_done_and_resume_goes_on(
    run: Any, letters: Path, starter: Starter, tmp_path: Path
) -> None:
    words = ["train", "--set", str(letters), "--generator", "vae", "--out", str(tmp_path / "x.safetensors")]
    process = starter.start(["images", *words, "--epochs", "100000"])
    kept = tmp_path / "x.safetensors.unfinished" / "generator-training.safetensors"
    while not kept.exists():
        assert not process.ended(), process.said
        time.sleep(0.02)
    assert "go on with the same command and --resume" in process.interrupt()
    assert kept.exists()
    assert not (tmp_path / "x.safetensors").exists()
    _, errors = run(*words, status=2)
    assert "an unfinished training is kept there: go on with --resume" in errors
    # With other settings it is another training.
    _, errors = run(*words, "--epochs", "5", "--resume", status=2)
    assert "an unfinished training with other settings, seed or pictures" in errors
    assert kept.exists()
