import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from mindglyph.cli import main
from mindglyph.cli.auditing import audit_command
from mindglyph.errors import UserError
from mindglyph.store import Store


def test_the_result_is_json_and_progress_stands_beside_it(
    none: Store, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["audit", none.path, "--json", "--strict"]
    monkeypatch.setattr(sys, "argv", ["mindglyph", *map(str, words)])
    with pytest.raises(SystemExit) as ended:
        main()
    done = capsys.readouterr()
    assert not ended.value.code, done.err
    assert "audit" in done.err
    result = json.loads(done.out)
    assert result["splits"] == ["blocked"]
    assert result["fails"] == []
    assert {"level", "about", "figure", "why", "mend", "split"} == set(result["findings"][0])


def test_the_first_line_sums_up_and_the_gravest_comes_first(
    world: Callable[..., Store], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # So wide that no sentence is broken.
    monkeypatch.setenv("COLUMNS", "600")
    store = world(format="ep", events=400, ceiling=0.1, confound="drift", seed=4)
    audit_command(store.path, strict=False, as_json=False)
    printed = capsys.readouterr().out
    first = printed.splitlines()[0]
    assert "no score can be believed: label follows time" in first
    assert "This is a block design" in printed
    assert "a split cannot repair this" in printed
    assert printed.index("fail") < printed.index("│ ok")
    with pytest.raises(typer.Exit) as stopped:
        audit_command(store.path, strict=True, as_json=False)
    assert stopped.value.exit_code == 1


def test_what_cannot_be_audited_is_a_mistake(tmp_path: Path, none: Store) -> None:
    with pytest.raises(UserError, match="is no trial store"):
        audit_command(tmp_path)
    with pytest.raises(UserError, match="not known"):
        audit_command(none.path, ["leaky"])
