import json
import re
import sys
from pathlib import Path

import pytest

from mindglyph.cli import main
from mindglyph.cli.inspecting import inspect_command
from mindglyph.errors import UserError
from mindglyph.store import Store


def test_the_result_is_json_and_the_page_stands_alone(
    none: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    page, figures = tmp_path / "page.html", tmp_path / "figures"
    words = ["inspect", none.path, "--json", "--out", page, "--figures", figures]
    monkeypatch.setattr(sys, "argv", ["mindglyph", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    done = capsys.readouterr()
    assert not ended.value.code, done.err
    assert "inspect" in done.err, "progress"
    result = json.loads(done.out)
    assert result["trials"] == 400
    assert result["verified"]
    assert {finding["level"] for finding in result["findings"]} == {"ok", "note"}
    assert result["out"] == str(page)
    text = page.read_text()
    fetched = re.findall(r'(?:src|href)="([^"]+)"', text)
    assert all(address.startswith(("data:", "#")) for address in fetched)
    assert "@import" not in text
    assert "url(http" not in text
    assert (figures / "means.png").exists()


def test_what_to_look_at_is_printed_and_the_page_stands_beside_the_store(
    none: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = tmp_path / "mw.store"
    store.symlink_to(none.path, target_is_directory=True)
    inspect_command(store, None, None, as_json=False)
    printed = capsys.readouterr().out
    assert "Nothing to look at" in printed
    assert "simulated" in printed
    assert none.path.with_name("store.inspect.html").exists()


def test_what_is_no_store_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is no trial store"):
        inspect_command(tmp_path, None, None, as_json=False)
    assert list(tmp_path.iterdir()) == []
