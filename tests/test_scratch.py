import sys
from pathlib import Path

import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.scratch import scratch_array


def test_it_can_be_written_and_read_and_leaves_nothing(tmp_path: Path) -> None:
    with scratch_array((10, 3, 5), tmp_path / "place") as array:
        assert array.dtype == np.float32
        array[:] = np.arange(150).reshape(10, 3, 5)
        assert array[9, 2, 4] == 149
    assert list((tmp_path / "place").iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="Windows removes no file that is open")
@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_its_file_has_no_name_while_it_is_used(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), scratch_array((4,), tmp_path) as array:
        assert list(tmp_path.iterdir()) == []
        array[:] = 1
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_is_said_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"needs 4000000.0 GB there .* free space"), scratch_array((10**15,), tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
