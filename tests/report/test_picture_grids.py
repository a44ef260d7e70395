from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mindglyph.reconstruction import Reconstructions
from mindglyph.report.picture_grids import chosen_trials, strip_frames, write_grids, write_strip

DIGITS = tuple(str(digit) for digit in range(10))
N = 60


@pytest.fixture
def pictures() -> Reconstructions:
    rng = np.random.default_rng(0)
    seen = rng.integers(256, size=(N, 28, 28), dtype=np.uint8)
    # The later, the less like what was seen.
    share = np.linspace(0, 1, N)[:, None, None]
    labels = np.arange(N) % 10
    return Reconstructions(
        trial=np.arange(N),
        fold=np.zeros(N, dtype=int),
        labels=labels,
        probabilities=0.5 * np.eye(10)[labels] + 0.05,
        accepted=np.arange(N) % 5 > 0,
        drawn=(1 - share) * seen / 255 + share * rng.random((N, 28, 28)),
        deviation=np.full((N, 28, 28), 0.1),
        candidates=4 * np.stack([labels, (labels + 1) % 10], axis=1),
        weights=np.tile([0.55, 0.05], (N, 1)),
        label_only=np.full((N, 28, 28), 0.5),
        class_mean=np.full((N, 28, 28), 0.5),
        bank=rng.integers(256, size=(40, 28, 28), dtype=np.uint8),
        alignments=np.array(["none"]),
        seen=seen,
    )


def test_trials_are_chosen_by_rule(pictures: Reconstructions) -> None:
    chosen = chosen_trials(pictures, 5)
    assert chosen["even"].tolist() == [0, 15, 30, 44, 59]
    # The best come first in time here; those that are not drawn are never among them.
    assert set(chosen["best"]) <= set(range(1, 8))
    assert set(chosen["worst"]) <= set(range(45, 60))
    assert 20 < np.mean(chosen["median"]) < 40
    for name in ("best", "median", "worst"):
        assert pictures.accepted[chosen[name]].all()


def test_without_the_picture_the_belief_in_the_digit_ranks(pictures: Reconstructions) -> None:
    believed = pictures.probabilities.copy()
    believed[7] = 0.9 * np.eye(10)[pictures.labels[7]] + 0.01
    unseen = Reconstructions(**{**vars(pictures), "seen": None, "probabilities": believed})
    assert chosen_trials(unseen, 3)["best"][0] == 7


def test_nothing_is_ranked_where_nothing_is_drawn(pictures: Reconstructions, tmp_path: Path) -> None:
    silent = Reconstructions(**{**vars(pictures), "accepted": np.zeros(N, dtype=bool)})
    chosen = chosen_trials(silent, 5)
    assert [len(chosen[name]) for name in ("even", "best", "median", "worst")] == [5, 0, 0, 0]
    assert [file.name for file in write_grids(tmp_path, silent, chosen, DIGITS)] == ["grid-even.png"]


def test_a_grid_has_a_row_a_trial(pictures: Reconstructions, tmp_path: Path) -> None:
    files = write_grids(tmp_path, pictures, chosen_trials(pictures, 4), DIGITS)
    assert sorted(file.name for file in files) == [
        "grid-best.png",
        "grid-even.png",
        "grid-median.png",
        "grid-worst.png",
    ]
    with Image.open(tmp_path / "grid-best.png") as grid:
        assert grid.height > 4 * 150


def test_the_strip_moves_from_noise_to_the_likeliest_picture(pictures: Reconstructions, tmp_path: Path) -> None:
    frames = strip_frames(pictures, 3)
    np.testing.assert_allclose(frames[-1], pictures.bank[pictures.candidates[3, 0]] / 255)
    np.testing.assert_array_equal(frames, strip_frames(pictures, 3))
    likeness = [np.corrcoef(frame.ravel(), frames[-1].ravel())[0, 1] for frame in frames[[0, 30, -1]]]
    assert likeness[0] < likeness[1] < likeness[2]
    write_strip(tmp_path / "strip.gif", pictures, 3)
    with Image.open(tmp_path / "strip.gif") as strip:
        assert strip.n_frames > 20
        # Seen and drawn, side by side.
        assert strip.size == (58 * 8, 28 * 8)
