import json
import os
import re
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mindglyph.fetching.published import SETS
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.simulation import SimulationSettings, simulate

MU = "MindBigData-MU-v1.0.zip"
REPOSITORY = "DavidVivancos/MindBigData2022_MNIST_MW"

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Printed = Callable[[str], "subprocess.CompletedProcess[str]"]


def mistake(done: "subprocess.CompletedProcess[str]") -> str:
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if line.strip() and not re.search(r"[━╸╺ ]{10}.*\d:\d\d", line)]
    assert len(lines) == 1, done.stderr
    return lines[0]


def started(command: list[str], folder: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


def wait_for(condition: Callable[[], object], process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + 30
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.001)


def test_a_set_is_fetched_by_name_and_can_be_imported(
    server: Any, run: Run, printed: Printed, make_zip: Callable[..., bytes], row: Callable[..., str]
) -> None:
    rows = [row(event, channel, headset="MU") for event in range(1, 30) for channel in ("TP9", "FP1", "FP2", "TP10")]
    server.serve(MU, make_zip({"MU.txt": ("\n".join(rows) + "\n").encode()}))
    out = re.sub(r"[\s│]", "", run("mu", apart=True).stdout)
    for words in (
        "mindglyph import mu/MU.txt mu.store",
        "David Vivancos, MindBigData (www.mindbigdata.com), asks to be acknowledged",
        "no others are published: see http://www.mindbigdata.com/opendb/index.html",
        "mu/fetched.json",
    ):
        assert words.replace(" ", "") in out
    again = json.loads(run("mu", "--json").stdout)
    assert (again["fetched"], again["there"]) == ([], [MU])
    assert again["next"] == "mindglyph import mu/MU.txt mu.store"
    assert again["files"][MU]["bytes"] == len(server.files[MU].content)
    assert again["licence"] is None
    assert len(server.answers) == 1
    stored = json.loads(printed(f"{again['next']} --json").stdout)
    assert (stored["format"], stored["trials"]) == ("mu", 29)


def test_a_set_of_the_hub_is_fetched_by_name(
    server: Any, hub: Callable[..., None], run: Run, text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, {"train.csv": text, "test.csv": text[:5000]})
    done = run("hf2022-mw", "there", apart=True)
    assert (tmp_path / "there" / "train.csv").read_bytes() == text
    assert "mindglyph import there/train.csv there/test.csv hf2022-mw.store" in re.sub(
        r"\s*│\n│ *│ *", " ", done.stdout
    )
    again = run("hf2022-mw", "there").stdout
    assert f"the dataset card names the licence 'odbl': see https://huggingface.co/datasets/{REPOSITORY}" in again
    assert json.loads(run("hf2022-mw", "there", "--json").stdout)["licence"] == "odbl"


def test_the_tables_of_a_set_of_the_hub_become_one_store(
    hub: Callable[..., None], run: Run, printed: Printed, tmp_path: Path
) -> None:
    for name, seed in (("train.csv", 1), ("test.csv", 2)):
        simulated = SimulationSettings(format="hf2022", headset="mw", events=20, ceiling=0.1, seed=seed)
        digits = load_digits("train")
        simulate(tmp_path / name, simulated, digits.images, digits.labels, PACKAGED)
    hub(REPOSITORY, {name: (tmp_path / name).read_bytes() for name in ("train.csv", "test.csv")})
    fetched = json.loads(run("hf2022-mw", "--json").stdout)
    assert fetched["recordings"] == ["hf2022-mw/train.csv", "hf2022-mw/test.csv"]
    stored = json.loads(printed(f"{fetched['next']} --json").stdout)
    assert (stored["format"], stored["trials"]) == ("hf2022", 40)


def test_the_hub_of_the_environment_is_asked_for_nothing_but_the_set(
    server: Any, hub: Callable[..., None], text: bytes, tmp_path: Path
) -> None:
    hub(REPOSITORY, {"train.csv": text, "test.csv": text[:5000]})
    known = {"HF_ENDPOINT": server.url, "HF_HOME": str(tmp_path / "hub")}
    words = [sys.executable, "-m", "mindglyph", "fetch", "hf2022-mw", "--json"]
    done = subprocess.run(words, cwd=tmp_path, env=os.environ | known, capture_output=True, timeout=60, check=True)
    assert json.loads(done.stdout)["fetched"] == ["train.csv", "test.csv"]
    assert all(REPOSITORY in answer.path or answer.path.startswith("cdn/") for answer in server.answers)
    assert not (tmp_path / "hub").exists()


@pytest.mark.parametrize("arguments", [(), ("--list",)])
def test_the_sets_are_listed_with_sizes_and_what_to_import(
    server: Any, run: Run, arguments: tuple[str, ...], tmp_path: Path
) -> None:
    out = run(*arguments).stdout
    for name in SETS:
        assert f"{name}.store" in out
    assert "430 MB, unpacked 2.86 GB; mindglyph import ep/EP1.01.txt ep.store" in out
    listed = json.loads(run(*arguments, "--json").stdout)
    assert listed["ep"]["size"] == 429_732_466
    assert listed["mu"]["size"] is None
    assert listed["mnist8b"]["files"] == ["train.csv", "test.csv", "3Dcoords.csv"]
    assert server.answers == []
    assert not list(tmp_path.iterdir())


def test_a_mistake_is_one_line(server: Any, run: Run, text: bytes) -> None:
    assert "mu" in mistake(run("muse", status=2))
    assert f"{server.url}/{MU}: is not there (404" in mistake(run("mu", status=2, apart=True))
    server.serve(MU, text, break_after=500_000, breaks=1)
    assert "the same command goes on from there" in mistake(run("mu", status=2))
    server.serve(MU, text)
    assert "cannot be unpacked (File is not a zip file)" in mistake(run("mu", status=2))
    assert "fetch: --retries: must be greater than" in mistake(run("mu", "--retries", "-1", status=2))


def test_without_a_network_nothing_is_left_and_another_way_is_named(server: Any, run: Run, tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    server.close()
    for folder in ("mu", "own"):
        assert "'mindglyph simulate' makes a recording" in mistake(run("mu", folder, "--retries", 0, status=2))
    assert [path.name for path in tmp_path.iterdir()] == ["own"]


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGINT])
def test_a_download_that_is_stopped_is_gone_on_with(
    server: Any, command: Callable[..., list[str]], run: Run, make_zip: Any, text: bytes, tmp_path: Path, end: int
) -> None:
    archive = make_zip({"MU.txt": text}, zipfile.ZIP_STORED)
    served = server.serve(MU, archive, hold_after=600_000)
    part = tmp_path / "mu" / f"{MU}.part"
    process = started(command("mu"), tmp_path)
    wait_for(lambda: part.exists() and part.stat().st_size > 500_000, process)
    process.send_signal(end)
    _, errors = process.communicate(timeout=30)
    if end == signal.SIGINT:
        assert process.returncode == 130
        assert "stopped; the same command goes on from there" in errors
    kept = part.stat().st_size
    served.hold_after = None
    server.answers.clear()
    run("mu")
    assert (tmp_path / "mu" / "MU.txt").read_bytes() == text
    assert server.sent(MU) == [len(archive) - kept]
    assert sorted(os.listdir(tmp_path / "mu")) == ["MU.txt", MU, "fetched.json"]


def test_an_unpacking_that_is_killed_leaves_no_half_and_is_done_again(
    server: Any, command: Callable[..., list[str]], run: Run, make_zip: Any, text: bytes, tmp_path: Path
) -> None:
    large = text * 60
    server.serve(MU, make_zip({"first.txt": text, "MU.txt": large}, zipfile.ZIP_STORED))
    folder = tmp_path / "mu"
    process = started(command("mu"), tmp_path)
    wait_for(lambda: list(folder.glob(".MU.txt.*.tmp")), process)
    process.kill()
    process.communicate(timeout=30)
    assert not (folder / "MU.txt").exists()
    assert (folder / "first.txt").read_bytes() == text
    server.answers.clear()
    run("mu", apart=True)
    assert (folder / "MU.txt").read_bytes() == large
    assert sorted(os.listdir(folder)) == ["MU.txt", MU, "fetched.json", "first.txt"]
    assert server.answers == []
