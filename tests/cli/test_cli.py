import io
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, chdir, redirect_stderr, redirect_stdout
from html.parser import HTMLParser
from pathlib import Path
from unittest import mock

import numpy as np
import pandas as pd
import pytest

from mindglyph import __version__
from mindglyph.cli import main
from mindglyph.store import Store
from tests.kills import Starter
from tests.report.outline import assert_readable

MakeRow = Callable[..., str]


def _run(*arguments: object, cwd: Path | None = None, status: int = 0) -> subprocess.CompletedProcess[str]:
    """Run a command in this process: starting another costs seconds, most of them for torch and MNE."""
    words = ["mindglyph", *map(str, arguments)]
    out, errors = io.StringIO(), io.StringIO()
    with ExitStack() as stack:
        stack.enter_context(mock.patch.object(sys, "argv", words))
        stack.enter_context(redirect_stdout(out))
        stack.enter_context(redirect_stderr(errors))
        stack.enter_context(chdir(cwd or Path.cwd()))
        ended = stack.enter_context(pytest.raises(SystemExit))
        main()
    code = ended.value.code or 0
    assert code == status, errors.getvalue()
    return subprocess.CompletedProcess(words, int(code), out.getvalue(), errors.getvalue())


def _mistake(*arguments: object, cwd: Path | None = None) -> str:
    """Run a command that must fail as a user's mistake does: one line on stderr, status 2."""
    done = _run(*arguments, cwd=cwd, status=2)
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not _is_progress(line)]
    assert len(lines) == 1, done.stderr
    return lines[0]


def _is_progress(line: str) -> bool:
    return bool(re.search(r"[━╸╺ ]{10}.*\d+:\d\d:\d\d", line)) or not line.strip()


def test_help_needs_none_of_the_heavy_libraries() -> None:
    code = (
        "import sys; sys.argv = ['mindglyph', '--help']\n"
        "from mindglyph.cli import main\n"
        "try:\n    main()\n"
        "except SystemExit:\n    pass\n"
        "heavy = {'torch', 'mne', 'sklearn', 'scipy', 'pandas', 'numpy', 'matplotlib', 'rich'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


class _Page(HTMLParser):
    """Collects what a page would fetch from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.images = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.images += tag == "img"
        for name in ("src", "href", "xlink:href"):
            value = values.get(name) or ""
            if value and not value.startswith(("data:", "#")):
                self.fetched.append(value)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    _run("demo", "--out", folder / "demo", "--events", 1500, "--json")
    return folder / "demo"


def test_the_demo_does_the_whole_job(demo: Path) -> None:
    metrics = json.loads((demo / "metrics.json").read_text())
    decoding, pictures = metrics["decoding"], metrics["pictures"]
    assert decoding["p_value"] < 0.01
    assert decoding["accuracy"] > decoding["chance_bound"]
    assert decoding["n_test"] == 1500
    assert decoding["ceiling"] == pytest.approx(0.8, abs=0.03)
    assert decoding["ci95"][0] < decoding["accuracy"] < decoding["ci95"][1]
    found = pictures["identification"]["10"]
    assert found["drawn"] > found["shuffled"]
    assert {"chance", "label_only", "class_mean", "p_value", "ci95", "n"} <= set(found)
    assert pictures["similarity"]["correlation"]["ceiling"] > 0.5
    assert metrics["audit"]["failed"] == []
    assert metrics["seconds"] > 0
    assert "simulated recording" in metrics["verdict"]


def test_the_report_stands_alone_and_says_that_the_data_are_simulated(demo: Path) -> None:
    text = (demo / "run" / "report.html").read_text()
    page = _Page()
    page.feed(text)
    assert page.fetched == []
    # Of the six drawings and four grids, each with its caption.
    assert len(assert_readable(text).captions) == 10
    # Four rows of twelve trials; seen, reconstructed, uncertainty, likeliest and label only of each.
    assert 200 < page.images <= 4 * 12 * 5
    assert len(text) < 5_000_000
    top = text[text.index("<body>") :][:400]
    assert "The data on this page are simulated" in top
    verdict = json.loads((demo / "metrics.json").read_text())["verdict"]
    assert verdict in text
    assert "None" not in re.sub(r"<svg.*?</svg>|<pre>.*?</pre>", "", text, flags=re.S)


def test_a_demo_replaces_its_own_folder_and_no_other(demo: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.doc").touch()
    assert "holds no earlier demo" in _mistake("demo", "--out", tmp_path)
    assert (tmp_path / "thesis.doc").exists()


def test_the_real_rows_go_through_and_the_verdict_is_plain(real_rows: Path, tmp_path: Path) -> None:
    _run("import", real_rows / "MW-excerpt.txt", tmp_path / "mw")
    metrics = json.loads(_run("evaluate", tmp_path / "mw", "--decoder", "lda", "--json").stdout)
    assert metrics["verdict"].startswith("No evidence that the digit can be read from this recording")
    assert metrics["decoding"]["n_test"] == 419
    run = tmp_path / "mw.lda.run"
    assert json.loads(_run("reconstruct", run, "--json").stdout)["pictures"]["seen_known"] is False
    _run("report", run, "--out", tmp_path / "page.html")
    text = (tmp_path / "page.html").read_text()
    assert metrics["verdict"] in text
    assert "no brain was recorded" not in text
    assert "The recording does not say which picture was shown" in text


def test_a_decoder_is_carried_to_another_recording(signal: Store, none: Store, tmp_path: Path) -> None:
    _run("train", signal.path, "--decoder", "lda", "--out", tmp_path / "model")
    _run("predict", tmp_path / "model", none.path, "--out", tmp_path / "table.parquet")
    table = pd.read_parquet(tmp_path / "table.parquet")
    assert len(table) == 400
    np.testing.assert_allclose(table[[f"p_{digit}" for digit in range(10)]].sum(axis=1), 1)
    printed = json.loads(
        _run("predict", tmp_path / "model" / "decoder.safetensors", none.path, "--json", cwd=tmp_path).stdout
    )
    assert [entry["predicted"] for entry in printed["predictions"]] == table["predicted"].tolist()


def test_a_decoder_goes_on_with_another_headset(signal: Store, tmp_path: Path) -> None:
    _run("simulate", tmp_path / "IN.txt", "--format", "in", "--events", 120, "--ceiling", 0.9, "--person", 3)
    _run("import", tmp_path / "IN.txt", tmp_path / "in")
    _run("train", signal.path, "--decoder", "lda", "--out", tmp_path / "source")
    start = ("train", tmp_path / "in", "--from", tmp_path / "source")
    said = _run(*start, "--out", tmp_path / "on", "--frozen", "body").stdout
    assert "lda trained on in" in said
    assert "started from" in said
    # The source has the channel FP1 alone, which is interpolated from the Insight's five.
    assert re.search(r"interpolated\W+FP1\b", said)
    asked = json.loads((tmp_path / "on" / "run.json").read_text())
    assert asked["settings"]["decoder"] == "lda"
    assert asked["transfer"]["frozen"] == "body"
    _run("predict", tmp_path / "on", tmp_path / "in", "--out", tmp_path / "table.parquet")
    assert len(pd.read_parquet(tmp_path / "table.parquet")) == 120
    # The same folder does not take what came another way.
    assert "holds a run of other settings or data" in _mistake(*start, "--out", tmp_path / "on")
    assert "goes on as one: leave out --decoder riemann" in _mistake(*start, "--decoder", "riemann")
    assert "train --from: --frozen: must be 'none' or 'body'" in _mistake(*start, "--frozen", "head")
    assert "name it with --from" in _mistake("train", tmp_path / "in", "--head", "new")
    (tmp_path / "foreign.safetensors").write_bytes(b"nothing of ours")
    assert "foreign.safetensors: " in _mistake("train", tmp_path / "in", "--from", tmp_path / "foreign.safetensors")
    assert "holds no trained decoder" in _mistake("train", tmp_path / "in", "--from", tmp_path)


def test_mistakes_with_files_are_one_line(tmp_path: Path, row: MakeRow) -> None:
    store = tmp_path / "store"
    for name, content, message in (
        ("empty.txt", b"", "empty.txt: the file is empty"),
        ("binary.bin", bytes(range(256)), "binary.bin: is a binary file"),
        ("cut.txt", (row(1, "FP1") + "\n" + row(2, "FP1")[:90]).encode(), "cut.txt: ends in the middle of line 2"),
        ("table.csv", b"a,b\n1,2\n", "table.csv: line 1 is no row of any known format"),
    ):
        (tmp_path / name).write_bytes(content)
        assert message in _mistake("import", tmp_path / name, store)
    assert "absent.txt: no such file" in _mistake("import", tmp_path / "absent.txt", store)
    (tmp_path / "mw.txt").write_text(row(1, "FP1") + "\n")
    assert "device MW in a file of EP" in _mistake("import", tmp_path / "mw.txt", store, "--format", "ep")
    assert "name another place" in _mistake("import", tmp_path / "mw.txt", tmp_path / "mw.txt" / "store")
    assert not store.exists()
    assert "is no trial store" in _mistake("evaluate", tmp_path / "absent")
    recording = tmp_path / "mw.txt"
    assert f"make one with 'mindglyph import {recording} mw.store'" in _mistake("inspect", recording)
    assert "is no model that mindglyph wrote" in _mistake("reconstruct", recording)
    _run("import", tmp_path / "mw.txt", store)
    assert "fewer than two different labels" in _mistake("evaluate", store)
    (tmp_path / "more.txt").write_text(row(2, "FP2") + "\n" + row(3, "FP1") + "\n")
    both = _run("import", tmp_path / "mw.txt", tmp_path / "more.txt", tmp_path / "both").stdout
    assert "1 rows; more.txt, line 1" in both


def test_mistakes_with_wishes_are_one_line(signal: Store, tmp_path: Path) -> None:
    out = ("--out", tmp_path / "run")
    assert "there is no decoder 'ldaa'" in _mistake("evaluate", signal.path, "--decoder", "ldaa", *out)
    assert "--folds: must be greater than or equal to 2" in _mistake("evaluate", signal.path, "--folds", 1, *out)
    assert "too few for 100 folds" in _mistake("evaluate", signal.path, "--folds", 100, *out)
    assert not (tmp_path / "run").exists()
    assert "holds no run" in _mistake("report", tmp_path)
    assert "is a store already: name it where one is asked" in _mistake("import", signal.path, tmp_path / "x.store")
    assert "ceiling" in _mistake("simulate", tmp_path / "x.txt", "--ceiling", 2)
    assert "leave the ceiling at 0.1" in _mistake(
        "simulate", tmp_path / "x.txt", "--ceiling", 0.5, "--confound", "drift"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_format_that_holds_no_session_is_said(tmp_path: Path) -> None:
    for name, told in (("mw", True), ("mnist2b", False)):
        asked = ("simulate", tmp_path / name, "--format", name, "--events", 20, "--sessions", 2)
        assert ("mw says of no trial in which session it was" in _run(*asked).stderr) == told


def test_a_command_line_that_cannot_be_understood_is_one_line_with_the_help_to_ask_for() -> None:
    for words, said in (
        (("evaluate",), "evaluate: Missing argument 'STORE': see 'mindglyph evaluate --help'"),
        (("images", "draw"), "images: No such command 'draw': see 'mindglyph images --help'"),
        (("evaluat",), "No such command 'evaluat'. Did you mean 'evaluate'? see 'mindglyph --help'"),
        (("audit", "mw.store", "-q"), "audit: put -q before the command: 'mindglyph -q audit …'"),
        (("simulate", "EP.txt", "--ceiling", 2), "simulate: --ceiling: must be less than 1, not 2.0"),
        (
            ("evaluate", "mw.store", "--splits", "sesion"),
            "evaluate: --splits: must be 'blocked', 'session', 'subject' or 'random', not 'sesion'",
        ),
        (("--loud",), "No such option: --loud: see 'mindglyph --help'"),
    ):
        assert _mistake(*words) == f"mindglyph: {said}"
    assert _mistake("tune", "mw.store", "--trials", 0).endswith(": see 'mindglyph tune --help'")
    assert _run("--version").stdout == f"mindglyph {__version__}\n"
    assert "sample" in _run("images").stdout


def test_a_changed_store_is_not_taken_for_the_old_one(tmp_path: Path, row: MakeRow) -> None:
    source, store, run = tmp_path / "mw.txt", tmp_path / "store", tmp_path / "run"
    for shift in (0, 1):
        rng = np.random.default_rng(shift)
        rows = [row(event, "FP1", code=event % 2, values=rng.integers(0, 50, 900)) for event in range(60)]
        source.write_text("\n".join(rows) + "\n")
        _run("import", source, store)
        if not shift:
            _run("evaluate", store, "--decoder", "lda", "--folds", 2, "--out", run)
    assert "holds a run of other settings or data" in _mistake(
        "evaluate", store, "--decoder", "lda", "--folds", 2, "--out", run
    )
    assert "has changed since" in _mistake("report", run)


def test_an_evaluation_that_was_stopped_goes_on(none: Store, starter: Starter, tmp_path: Path) -> None:
    run = tmp_path / "run"
    asked = ("evaluate", none.path, "--folds", "3", "--decoder", "riemann")
    process = starter.start([*map(str, asked), "--out", str(run)])
    while not (run / "folds" / "blocked" / "00").exists():
        assert not process.ended(), process.said
        time.sleep(0.005)
    assert "stopped; the same command goes on from there" in process.interrupt()
    first = (run / "folds" / "blocked" / "00" / "fold.json").stat().st_mtime_ns
    _run(*asked, "--out", run)
    assert (run / "folds" / "blocked" / "00" / "fold.json").stat().st_mtime_ns == first
    _run(*asked, "--out", tmp_path / "unbroken")
    assert json.loads((run / "metrics.json").read_text()) == json.loads(
        (tmp_path / "unbroken" / "metrics.json").read_text()
    )
