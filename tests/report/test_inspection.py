import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.image import imread

from mindglyph.inspection import inspect_store
from mindglyph.report.inspection import summary, write_inspection
from mindglyph.sources.recording import Refusal
from mindglyph.store import Store

StoreOf = Callable[..., Store]
Clean = Callable[..., np.ndarray]


def _page(store: Store, folder: Path) -> str:
    write_inspection(folder / "page.html", *inspect_store(store))
    return (folder / "page.html").read_text()


def _prose(page: str) -> str:
    return re.sub(r"<svg.*?</svg>|<style>.*?</style>", "", page, flags=re.S)


def test_the_page_says_what_was_found_and_that_the_data_are_simulated(pictured: Store, tmp_path: Path) -> None:
    found, traces = inspect_store(pictured)
    write_inspection(tmp_path / "page.html", found, traces)
    page = (tmp_path / "page.html").read_text()
    assert "The data on this page are simulated" in page[page.index("<body>") :][:200]
    assert summary(found).startswith("Nothing to look at before decoding")
    assert summary(found) in page
    for finding in found.findings:
        assert finding.sentence in page
        assert f'<span class="level {finding.level}">' in page
    assert page.count("<svg") == 6
    assert "1,200 different ones in 1,200 trials" in page
    assert not re.search(r"\bNone\b(?! is flat)", _prose(page))


def test_every_text_of_a_figure_follows_the_page(store_of: StoreOf, clean: Clean, tmp_path: Path) -> None:
    page = _page(store_of(clean(100)), tmp_path)
    assert "#010203" not in page
    # Powers of ten are coloured by the group around them.
    texts = re.findall(r"(<g [^>]*>\s*<text>|<text [^>]*>)", page)
    assert len(texts) == page.count("<text") > 50
    assert all("fill: currentColor" in text for text in texts)


def test_one_channel_has_neither_a_head_nor_panels(none: Store, tmp_path: Path) -> None:
    page = _page(none, tmp_path)
    assert page.count("<svg") == 4
    assert "over the head" not in _prose(page)


def test_what_a_file_held_is_shown_as_text(store_of: StoreOf, clean: Clean, tmp_path: Path) -> None:
    refused = Refusal(7, "holds <script>", "holds <script>", b"<script>alert(1)</script>", "x.csv")
    labels = np.array(["<b>face", "house"])[np.arange(300) % 2]
    page = _page(store_of(clean(), labels, refusals=[refused], warnings=("<i>none",)), tmp_path)
    assert "<script" not in page
    assert "<b>face" not in page
    assert "<i>none" not in page
    assert "x.csv, line 7: holds &lt;script&gt;" in page


def test_sessions_clock_and_copies_stand_in_tables(store_of: StoreOf, clean: Clean, tmp_path: Path) -> None:
    signals = clean()
    signals[200] = signals[10]
    table = pd.DataFrame(
        {
            "session": np.repeat(["one", "two"], 150),
            "block": np.arange(300) // 10,
            "unix_time": 1.6e9 + 2.0 * np.arange(300),
            "n_samples": 210,
            "line": np.arange(300) + 1,
        }
    )
    page = _page(store_of(signals, metadata=table, tmin=-0.2), tmp_path)
    assert "By session" in page
    assert "<details><summary>30 values of block" in page, "long tables wait to be opened"
    assert "2020-09-13 12:26 UTC to 2020-09-13 12:36 UTC" in page
    assert "from 0.2 s before the event" in page
    assert "<td>10, 200</td><td>0, 0</td><td>11, 201</td>" in page


def test_hundreds_of_words_and_channels_make_a_page_all_the_same(store_of: StoreOf, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    names = [f"CH{place}" for place in range(64)]
    labels = np.array([f"n{place % 200:08}" for place in range(400)])
    page = _page(store_of(rng.normal(0, 10, (400, 64, 60)), labels, ch_names=names), tmp_path)
    assert "<details><summary>200 labels" in page
    assert "The other 140 stand in the output" in page
    assert "labels the most frequent ones are drawn" in page
    assert "the sixteen strongest channels" in page
    assert len(page) < 3_000_000


def test_figures_are_written_dark_on_white(store_of: StoreOf, clean: Clean, tmp_path: Path) -> None:
    write_inspection(tmp_path / "page.html", *inspect_store(store_of(clean(100))), tmp_path / "figures")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    figures = ("labels", "amplitude", "spectrum", "means", "channels", "head")
    assert names == {f"{name}.{kind}" for name in figures for kind in ("png", "svg")}
    pixels = imread(tmp_path / "figures" / "spectrum.png")
    assert pixels[0, 0].tolist() == [1, 1, 1, 1]
    assert pixels[..., :3].min() < 0.1
    svg = (tmp_path / "figures" / "spectrum.svg").read_text()
    assert "currentColor" not in svg
    assert "50 Hz" in svg
