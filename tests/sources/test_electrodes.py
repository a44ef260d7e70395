from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from mindglyph.errors import UserError
from mindglyph.headsets import MNIST_8B
from mindglyph.sources.electrodes import read_places
from mindglyph.trials import make_info, positions_of

CHANNELS = MNIST_8B["mnist8b"].channels
STANDARD = positions_of(make_info(CHANNELS, 250.0))
POINTS = np.array([STANDARD[name] for name in CHANNELS])


def _write(folder: Path, points: np.ndarray, separator: str = ",", header: str = "", order: str = "nxyz") -> Path:
    path = folder / "places.csv"
    rows = []
    for name, (x, y, z) in zip(CHANNELS, points.tolist(), strict=True):
        fields = {"n": name, "x": str(x), "y": str(y), "z": str(z)}
        rows.append(separator.join(fields[key] for key in order))
    path.write_text("\n".join([*([header] if header else []), *rows]) + "\n")
    return path


_ANGLES = st.tuples(*[st.floats(-np.pi, np.pi)] * 3)


@given(_ANGLES, st.floats(0.01, 1e4), st.tuples(*[st.floats(-1e3, 1e3)] * 3))
def test_any_axes_unit_and_origin_are_found(
    tmp_path: Path, angles: tuple[float, ...], scale: float, move: tuple[float, ...]
) -> None:
    points = Rotation.from_euler("xyz", angles).apply(POINTS) * scale + np.array(move)
    found = read_places(_write(tmp_path, points), CHANNELS)
    np.testing.assert_allclose(np.array([found[name] for name in CHANNELS]), POINTS, atol=1e-6)


@pytest.mark.parametrize("separator", [",", ";", "\t", " ", ", "])
@pytest.mark.parametrize(("header", "order"), [("", "nxyz"), ("X,Y,Z,Label", "xyzn")])
def test_tables_of_any_make_are_read(tmp_path: Path, separator: str, header: str, order: str) -> None:
    found = read_places(_write(tmp_path, POINTS * 1000, separator, header, order), CHANNELS)
    np.testing.assert_allclose([found[name] for name in CHANNELS], POINTS, atol=1e-6)


def test_small_errors_of_measuring_stay_in_the_places(tmp_path: Path) -> None:
    measured = POINTS + np.random.default_rng(0).normal(0, 0.004, POINTS.shape)
    found = read_places(_write(tmp_path, measured * 1000), CHANNELS)
    assert np.abs(np.array([found[name] for name in CHANNELS]) - measured).max() < 0.003


def test_a_channel_that_the_table_leaves_out_is_where_the_standard_has_it(tmp_path: Path) -> None:
    path = _write(tmp_path, POINTS)
    path.write_text("\n".join(path.read_text().splitlines()[1:]))
    assert read_places(path, CHANNELS)[CHANNELS[0]] == STANDARD[CHANNELS[0]]


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (POINTS * [-1, 1, 1], "cm from where their names belong"),
        (np.random.default_rng(0).permutation(POINTS), "cm from where their names belong"),
        (POINTS * [1, 1, 0], "lie in a plane"),
        (POINTS * 0, "lie in a plane"),
    ],
    ids=["left is right", "names mixed up", "flat", "all in one place"],
)
def test_a_table_that_makes_no_head_is_refused(tmp_path: Path, points: np.ndarray, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_places(_write(tmp_path, points), CHANNELS)


@given(st.binary(max_size=300))
def test_no_bytes_do_anything_but_be_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "places.csv"
    path.write_bytes(content)
    with pytest.raises(UserError, match="places.csv"):
        read_places(path, CHANNELS)
