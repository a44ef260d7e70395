"""What all commands share: help with an example, the path of work, completion, colours, quiet."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from mindglyph.cli import app as application
from mindglyph.cli.app import app, bar_of, remark, show
from tests.kills import Starter

application.import_commands()
COMMANDS = list(typer.main.get_command(app).commands)
RUNNER = CliRunner()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example(command: str) -> None:
    done = RUNNER.invoke(app, [command, "--help"])
    assert f"Example: mindglyph {command}" in done.stdout


def _commands(group: Any) -> dict[str, set[str]]:
    """Return the options of each command, those of groups too."""
    found: dict[str, set[str]] = {}
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            found |= {f"{name} {under}": options for under, options in _commands(command).items()}
        else:
            found[name] = {option for parameter in command.params for option in parameter.opts}
    return found


def test_every_command_says_its_result_as_json() -> None:
    assert [name for name, options in _commands(typer.main.get_command(app)).items() if "--json" not in options] == []


def test_json_names_what_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    show({"accuracy": 0.1}, True, "scores", {}, Path("mw.run"))
    assert json.loads(capsys.readouterr().out) == {"accuracy": 0.1, "out": "mw.run"}


def test_without_a_command_the_path_of_work_is_shown() -> None:
    done = RUNNER.invoke(app, [])
    assert done.exit_code == 0
    lines = [line.split()[0] for line in done.stdout.splitlines() if line.startswith("  ") and line[2:3].strip()]
    assert lines == COMMANDS
    path = ["fetch", "simulate", "import", "inspect", "audit", "evaluate", "reconstruct"]
    assert [name for name in COMMANDS if name in path] == path
    # Each line is whole, unlike those of --help.
    assert "..." not in done.stdout


def test_a_shell_can_complete_the_commands() -> None:
    asked = {"_MINDGLYPH_COMPLETE": "complete_bash", "COMP_WORDS": "mindglyph eva", "COMP_CWORD": "1"}
    code = "import sys; sys.argv[0] = 'mindglyph'; from mindglyph.cli import main; main()"
    words = [sys.executable, "-c", code]
    told = subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, **asked})
    assert told.stdout.split() == ["evaluate"], told.stderr
    shown = subprocess.run([*words, "--show-completion", "bash"], capture_output=True, text=True, check=False)
    assert "_MINDGLYPH_COMPLETE=complete_bash" in shown.stdout, shown.stderr


def test_no_colours_go_to_a_file(starter: Starter) -> None:
    done = starter.run(["formats"])
    assert "mindbigdata" in done.lower()
    assert "\x1b" not in done


def test_no_color_means_a_terminal_too(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    with bar_of() as bar:
        bar.add_task("work", total=1)
    # Colours are 30 to 38 and 90 to 97; what moves the bar is none.
    assert not any(f"\x1b[{number}" in capsys.readouterr().err for number in ("3", "9"))


def test_quiet_leaves_results_and_errors(tmp_path: Path, capsys: pytest.CaptureFixture[str], starter: Starter) -> None:
    token = application._QUIET.set(True)
    try:
        remark("beside the result")
        with bar_of() as bar:
            bar.add_task("work", total=1)
    finally:
        application._QUIET.reset(token)
    assert capsys.readouterr().err == ""
    said = starter.run(["-q", "inspect", str(tmp_path)], expected=2)
    assert "is no trial store" in said


def test_verbose_and_quiet_do_not_go_together() -> None:
    words = [sys.executable, "-m", "mindglyph", "-v", "-q", "formats"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
