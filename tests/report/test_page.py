import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mindglyph.evaluation import EvaluationSettings, evaluate, open_evaluation
from mindglyph.report.page import write_report
from mindglyph.report.palette import as_variables
from mindglyph.store import Store
from tests.report.outline import assert_readable

StoreOf = Callable[..., Store]


def _page(folder: Path) -> str:
    write_report(folder / "page.html", *open_evaluation(folder))
    return (folder / "page.html").read_text()


@pytest.fixture(scope="module")
def run(none: Store, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("page") / "run"
    settings = EvaluationSettings(decoder="lda", splits=("blocked", "random"), folds=3, permutations=200, seed=7)
    evaluate(none, settings, folder)
    return folder


@pytest.fixture(scope="module")
def page(run: Path) -> str:
    return _page(run)


def test_every_figure_has_words_and_a_caption_and_nothing_comes_from_elsewhere(page: str) -> None:
    outline = assert_readable(page)
    assert outline.figures == ["svg"] * 6


def test_the_first_screen_answers_before_anything_is_shown(page: str, run: Path) -> None:
    body = page[page.index("<body>") :]
    places = [body.index(json.loads((run / "metrics.json").read_text())["verdict"])]
    places += [body.index(question) for question in ("What was", "How well", "Against which", "How far to")]
    places += [body.index("<nav"), body.index("<figure")]
    assert places == sorted(places)


def test_the_table_of_contents_names_every_section_in_its_order(page: str) -> None:
    links = re.findall(r'<li><a href="#([\w-]+)">(.+?)</a>', page)
    sections = re.findall(r'<section id="([\w-]+)">\s*<h2>(.+?)</h2>', page)
    assert links == sections
    assert len(sections) == page.count("<h2") == 9


def test_settings_versions_and_seed_are_folded_at_the_end(page: str) -> None:
    outline = assert_readable(page)
    assert outline.unfolded == 0
    end = page[page.index('<section id="settings">') :]
    assert page.count("<details") == end.count("<details") == 2
    assert "seed 7" in end
    assert "at 512 Hz" in end
    assert re.search(r'<th scope="row">numpy</th><td class="number">\d', end)


def test_numbers_have_no_more_digits_than_say_something(page: str) -> None:
    prose = re.sub(r"<svg.*?</svg>|<style>.*?</style>|<details>.*?</details>", "", page, flags=re.S)
    assert not re.findall(r"\d\.\d{5,}", prose)
    assert not re.findall(r"\b\d{4,}\b(?! Hz|-15)", re.sub(r"<[^>]+>|\.\d+", " ", prose)), "thousands are parted"


def test_the_dark_is_for_screens_only_and_paper_is_white(page: str) -> None:
    style = page[page.index("<style>") : page.index("</style>")]
    dark = style.index(as_variables(dark=True))
    assert style.rindex("@media", 0, dark) == style.index("@media screen and (prefers-color-scheme: dark)")
    assert style.count("prefers-color-scheme") == 1
    printed = style[style.index("@media print") :]
    assert "color-scheme: light;" in printed
    assert "::details-content" in printed, "what is folded is printed"
    assert re.search(r"figure, [^{]*\{ break-inside: avoid", printed)


def test_only_colours_of_the_page_are_written(page: str) -> None:
    style = re.sub(r"--[\w-]+: #\w+;", "", page[page.index("<style>") : page.index("</style>")])
    assert re.findall(r"(?<!background)(?<!border): *#\w+", style) == [": #000"], "on the banner, which stays as it is"
    assert set(re.findall(r"var\(--([\w-]+)\)", page)) <= set(re.findall(r"--([\w-]+):", page))


def test_the_title_has_the_area_under_the_curve_where_labels_are_unequal(store_of: StoreOf, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    store = store_of(rng.normal(0, 10, (300, 5, 60)), (rng.random(300) < 0.2).astype(int))
    settings = EvaluationSettings(decoder="lda", splits=("blocked", "random"), folds=3, permutations=100)
    metrics = evaluate(store, settings, tmp_path / "run")
    page = _page(tmp_path / "run")
    assert_readable(page)
    assert f"<title>area under the curve {metrics['decoding']['auc']:.3f}, chance 0.5 ·" in page
    leaky = next(row for row in re.findall("<tr>.*</tr>", page) if "(leaky)" in row)
    assert f"{metrics['splits']['random']['auc']:.3f}" in leaky


def test_what_a_person_named_is_shown_as_text(store_of: StoreOf, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    labels = np.array(["<b>face", 'a long "house"'])[np.arange(300) % 2]
    store = store_of(rng.normal(0, 10, (300, 5, 60)), labels)
    evaluate(store, EvaluationSettings(decoder="lda", folds=3, permutations=100), tmp_path / "run")
    page = _page(tmp_path / "run")
    assert_readable(page)
    assert "<b>face" not in page
