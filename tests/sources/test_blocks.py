import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mindglyph.errors import UserError
from mindglyph.sources import blocks as blocks_module
from mindglyph.sources.blocks import Block, blocks, side_by_side


def _blocks(path: Path, size: int) -> list[Block]:
    with path.open("rb") as file:
        return list(blocks(file, path, size))


@given(st.text("ab\n\r", max_size=60), st.integers(1, 20))
def test_blocks_hold_every_byte_and_end_with_a_line(tmp_path: Path, text: str, size: int) -> None:
    path = tmp_path / "x"
    path.write_bytes(text.encode())
    found = _blocks(path, size)
    assert b"".join(block.text.tobytes() for block in found) == text.encode()
    position = 0
    for block in found:
        assert block.position == position
        position += len(block.text)
    assert all(block.text[-1] == ord("\n") for block in found[:-1])


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"\xef\xbb\xbfone\ntwo")
    found = [(block.text.tobytes(), block.position) for block in _blocks(path, 100)]
    assert found == [(b"one\n", 3), (b"two", 7)]


def test_a_line_without_an_end_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks_module, "LONGEST_LINE", 50)
    path = tmp_path / "x"
    path.write_bytes(b"short\n" + b"x" * 200)
    with pytest.raises(UserError, match="from byte 6 on has no end"):
        _blocks(path, 20)


def test_results_come_in_the_order_of_the_tasks_and_few_tasks_are_taken_ahead() -> None:
    taken: list[int] = []
    gate = threading.Event()

    def tasks():  # type: ignore[no-untyped-def]
        for number in range(50):
            taken.append(number)
            yield number

    def work(number: int) -> int:
        if not number:
            gate.wait(5)
        return number * 10

    results = side_by_side(work, tasks())
    threading.Timer(0.05, gate.set).start()
    assert next(results) == 0
    assert len(taken) <= 4
    assert list(results) == [number * 10 for number in range(1, 50)]


def test_a_fault_in_a_thread_reaches_the_reader() -> None:
    with pytest.raises(ZeroDivisionError):
        list(side_by_side(lambda number: 1 // number, [1, 0, 1]))
