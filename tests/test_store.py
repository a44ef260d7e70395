import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS
from mindglyph.images.sets import load_digits
from mindglyph.sources.mindbigdata import text_recording
from mindglyph.store import Store, write_store, write_trials
from mindglyph.trials import ExtraSignals, Trials

MakeRow = Callable[..., str]
MW = HEADSETS["MW"]


def _import(source: Path, store: Path) -> dict[str, object]:
    return write_store(store, text_recording(source, MW))


def test_the_store_holds_what_the_file_holds(tmp_path: Path, row: MakeRow) -> None:
    source = tmp_path / "MW.txt"
    values = {event: np.arange(880) + event for event in (3, 1, 2)}
    source.write_text(
        "\n".join([row(event, "FP1", code=event, values=values[event]) for event in values] + ["junk"]) + "\n"
    )
    report = _import(source, tmp_path / "store")
    assert (report["rows_read"], report["rows_kept"], report["rows_rejected"], report["trials"]) == (4, 3, 1, 3)
    assert report["reasons"] == {
        "has … of … tab-separated fields": {
            "rows": 1,
            "first_line": 4,
            "example": "has 1 of 7 tab-separated fields",
            "file": "MW.txt",
        }
    }
    assert json.loads((tmp_path / "store" / "import.json").read_text()) == report
    trials = Store(tmp_path / "store").trials()
    # In the order of recording, whatever the order in the file.
    assert trials.metadata["event"].tolist() == [1, 2, 3]
    assert trials.metadata["line"].tolist() == [2, 3, 1]
    assert trials.labels.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(trials.signals[:, 0], [values[1], values[2], values[3]])
    assert isinstance(trials.signals, np.memmap)


def test_refused_rows_are_kept_word_for_word(tmp_path: Path, row: MakeRow) -> None:
    source = tmp_path / "MW.txt"
    bad = row(2, "FP1", code=42)
    source.write_bytes(f"{row(1, 'FP1')}\n{bad}\n".encode() + b"\xff\xfe?\n")
    _import(source, tmp_path / "store")
    refused = pd.read_parquet(tmp_path / "store" / "rejected.parquet")
    assert refused["line"].tolist() == [2, 3]
    assert refused["text"].tolist() == [bad.encode(), b"\xff\xfe?"]
    assert refused["reason"][0] == "code 42 is not between -1 and 9"


def test_many_refused_rows_are_given_some_at_a_time(tmp_path: Path, row: MakeRow) -> None:
    source = tmp_path / "MW.txt"
    source.write_text(row(1, "FP1") + "\n" + "junk\n" * 3000)
    _import(source, tmp_path / "store")
    store = Store(tmp_path / "store")
    parts = list(store.rejected_parts())
    assert len(parts) > 2
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), store.rejected())
    (store.path / "rejected.parquet").write_bytes(b"junk")
    with pytest.raises(UserError, match="the store is damaged"):
        list(store.rejected_parts())


def test_a_failed_import_leaves_the_old_store(tmp_path: Path, row: MakeRow) -> None:
    source, store = tmp_path / "MW.txt", tmp_path / "store"
    source.write_text(row(1, "FP1") + "\n")
    _import(source, store)
    before = Store(store).about
    source.write_text("junk\n")
    with pytest.raises(UserError, match=r"MW.txt: no trial could be read \(line 1: has 1 of 7"):
        _import(source, store)
    assert Store(store).about == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["MW.txt", "store"]


# One process that has everything loaded forks the imports and kills them.
_KILLING = """
import json, os, signal, sys, time
from pathlib import Path
import numpy as np
from mindglyph.headsets import HEADSETS
from mindglyph.sources.mindbigdata import text_recording
from mindglyph.store import Store, write_store, write_trials
from mindglyph.trials import ExtraSignals, Trials
old, new, store = map(Path, sys.argv[1:])

def imports(source):
    write_store(store, text_recording(source, HEADSETS["MW"], block_bytes=200_000))

imports(new)
start = time.perf_counter()
imports(new)
whole = time.perf_counter() - start
found = []
for delay in np.random.default_rng(0).uniform(0, 1.2 * whole, 20):
    imports(old)
    child = os.fork()
    if not child:
        imports(new)
        os._exit(0)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    Store(store).verify()
    found.append(len(Store(store).trials()))
imports(old)
print(json.dumps(found))
"""


def test_an_import_killed_at_any_moment_leaves_the_old_store_or_the_new_one(tmp_path: Path, row: MakeRow) -> None:
    # The same recording at two times: that of another would be refused.
    old, new, store = tmp_path / "old" / "MW.txt", tmp_path / "new" / "MW.txt", tmp_path / "store"
    old.parent.mkdir()
    new.parent.mkdir()
    old.write_text(row(1, "FP1") + "\n")
    new.write_text("".join(row(event, "FP1") + "\n" for event in range(3000)))
    command = [sys.executable, "-c", _KILLING, old, new, store]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found = json.loads(done.stdout)
    assert len(found) == 20
    assert set(found) <= {1, 3000}
    assert 1 in found, "no import was killed before its end"
    leftovers = sorted(path.name for path in tmp_path.iterdir())
    assert leftovers == ["new", "old", "store"], "what the killed left is swept away"


_FULL = """
import resource, signal, sys
from pathlib import Path
from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS
from mindglyph.sources.mindbigdata import text_recording
from mindglyph.store import write_store
source, store = Path(sys.argv[1]), Path(sys.argv[2])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
for limit in (0, 1000, 1_000_000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    try:
        write_store(store, text_recording(source, HEADSETS["MW"]))
    except UserError as error:
        print(error)
"""


def test_a_full_disk_is_said_and_leaves_nothing_behind(tmp_path: Path, row: MakeRow) -> None:
    # A file that may grow no further fails as one on a full disk does.
    source, store = tmp_path / "MW.txt", tmp_path / "store"
    source.write_text("".join(row(event, "FP1") + "\n" for event in range(500)))
    command = [sys.executable, "-c", _FULL, source, store]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert len(lines) == 3
    assert all("store: cannot be written" in line and "free space or name another place" in line for line in lines)
    assert [path.name for path in tmp_path.iterdir()] == ["MW.txt"]


def test_a_simulated_recording_brings_its_pictures(pictured: Store) -> None:
    trials, truth = pictured.trials(), pictured.truth
    assert pictured.about["simulated"]
    assert truth is not None
    digits = load_digits("train")
    np.testing.assert_array_equal(trials.images, digits.images[truth["pictures"]])
    np.testing.assert_array_equal(trials.labels, digits.labels[truth["pictures"]])


def test_a_recording_inside_the_store_is_not_swept_away(tmp_path: Path, row: MakeRow) -> None:
    source, store = tmp_path / "store" / "MW.txt", tmp_path / "store"
    (tmp_path / "MW.txt").write_text(row(1, "FP1") + "\n")
    _import(tmp_path / "MW.txt", store)
    source.write_text(row(1, "FP1") + "\n")
    with pytest.raises(UserError, match="would be replaced"):
        _import(source, store)
    assert source.exists()
    with pytest.raises(UserError, match="holds MW.txt, which is no part of a store"):
        _import(tmp_path / "MW.txt", store)
    assert source.exists()


def test_a_store_of_another_source_is_not_replaced(tmp_path: Path, row: MakeRow) -> None:
    mine, imported = tmp_path / "mine.store", tmp_path / "mw.store"
    for name in ("MW.txt", "EP.txt"):
        (tmp_path / name).write_text(row(1, "FP1") + "\n")
    trials = Trials.from_arrays(np.zeros((2, 1, 8)), [0, 1], sfreq=128, ch_names=["Cz"])
    for _ in range(2):
        write_trials(trials, mine)
        _import(tmp_path / "MW.txt", imported)
    write_trials(trials, mine, name="the second run of a notebook")
    for attempt, message in (
        (lambda: _import(tmp_path / "MW.txt", mine), "mine.store: holds the trials of the second run of a notebook"),
        (lambda: _import(tmp_path / "EP.txt", imported), "mw.store: holds the trials of MW.txt: name another store"),
        (lambda: write_trials(trials, imported, name="MW.txt"), "mw.store: holds the trials of MW.txt"),
    ):
        with pytest.raises(UserError, match=message):
            attempt()
    assert len(Store(mine).trials()) == 2
    assert len(Store(imported).trials()) == 1
    # What is damaged is to be imported again.
    (imported / "import.json").write_text("[]")
    _import(tmp_path / "EP.txt", imported)


def test_a_change_of_the_content_is_noticed(tmp_path: Path, row: MakeRow) -> None:
    source, store = tmp_path / "MW.txt", tmp_path / "store"
    source.write_text(row(1, "FP1") + "\n")
    _import(source, store)
    Store(store).verify()
    signals = np.load(store / "signals.npy", mmap_mode="r+")
    signals[0, 0, 5] += 1
    signals.flush()
    with pytest.raises(UserError, match="damaged or was changed"):
        Store(store).verify()


def test_a_damaged_store_is_said(tmp_path: Path, row: MakeRow) -> None:
    source, store = tmp_path / "MW.txt", tmp_path / "store"
    source.write_text(row(1, "FP1") + "\n")
    _import(source, store)
    content = (store / "signals.npy").read_bytes()
    (store / "signals.npy").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match="the store is damaged"):
        Store(store).trials()
    (store / "store.json").write_text('{"schema_version": 99}')
    with pytest.raises(UserError, match="another version"):
        Store(store)
    with pytest.raises(UserError, match="is no trial store: name the folder that 'mindglyph import' made"):
        Store(tmp_path)
    with pytest.raises(UserError, match="absent: is no trial store, nothing has that name: make one with"):
        Store(str(tmp_path / "absent"))
    (tmp_path / "run.json").touch()
    with pytest.raises(UserError, match="is no trial store, but a run: name the store that it was made of"):
        Store(tmp_path)


def test_trials_of_arrays_become_a_store_with_all_that_they_hold(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # More than are written at a time, and two sessions that both count their events from 0.
    session = np.repeat(["monday", "tuesday"], [700, 801])
    table = pd.DataFrame({"session": session, "event": np.r_[0:700, 0:801]})
    images = rng.integers(0, 256, size=(1501, 28, 28), dtype=np.uint8)
    extra = ExtraSignals(rng.normal(size=(1501, 1, 16)).astype(np.float32), ("pulse",), 64.0)
    trials = Trials.from_arrays(
        rng.normal(size=(1501, 2, 8)),
        rng.choice(["face", "house"], size=1501),
        sfreq=128,
        ch_names=["Cz", "Oz"],
        metadata=table,
        images=images,
        tmin=-0.1,
        extras={"ppg": extra},
    )
    counts = write_trials(trials, tmp_path / "mine.store", ordered=False)
    assert (counts["trials"], counts["rows_rejected"]) == (1501, 0)
    store = Store(tmp_path / "mine.store")
    store.verify()
    assert store.about["ordered"] is False
    kept = store.trials()
    for name in ("signals", "labels", "images"):
        np.testing.assert_array_equal(getattr(kept, name), getattr(trials, name))
    np.testing.assert_array_equal(kept.extras["ppg"].signals, extra.signals)
    assert kept.metadata["session"].tolist() == session.tolist()
    assert kept.metadata["event"].tolist() == table["event"].tolist()
    assert kept.tmin == -0.1
    np.testing.assert_allclose(kept.info["chs"][1]["loc"][:3], trials.info["chs"][1]["loc"][:3])


def test_no_trials_are_no_store(tmp_path: Path) -> None:
    trials = Trials.from_arrays(np.zeros((2, 1, 8)), np.zeros(2, int), sfreq=128, ch_names=["Cz"])
    with pytest.raises(UserError, match="no trial"):
        write_trials(trials.select(np.zeros(2, bool)), tmp_path / "mine.store")
    assert list(tmp_path.iterdir()) == []
