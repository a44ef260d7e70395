import numpy as np
import pytest

from mindglyph.simulation.decimals import Decimals


@pytest.mark.parametrize(("step", "places"), [(1.0, 0), (20 / 39, 6), (1 / 16384, 7)])
def test_every_value_is_written_as_python_writes_it(step: float, places: int) -> None:
    decimals = Decimals(step, places)
    rng = np.random.default_rng(0)
    # Each time the range grows, to both sides.
    for reach in (3, 50, 2000):
        steps = rng.integers(-reach, reach, size=400)
        expected = ",".join(f"{value * step:.{places}f}" for value in steps.tolist())
        assert decimals.joined(steps).decode() == expected


def test_no_values_are_no_text() -> None:
    assert Decimals(1, 0).joined(np.zeros(0, dtype=np.int64)) == b""
