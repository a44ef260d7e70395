import re

import pytest

from mindglyph.report.drawing import BLUE, GREEN, GREY, ORANGE, RED, SKY
from mindglyph.report.palette import DRAWN, PAGE, as_variables, contrast
from mindglyph.report.signals import line_styles


def test_contrast_is_that_of_the_guidelines() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#ffffff", "#ffffff") == 1
    # The palest grey that passes on white, and the first that does not.
    assert contrast("#767676", "#ffffff") > 4.5 > contrast("#777777", "#ffffff")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("ground", ["paper", "soft"])
def test_text_stands_out_from_what_is_behind_it(ground: str, dark: bool) -> None:
    for name in ("ink", "faint", "mark", "good", "bad"):
        assert contrast(PAGE[name][dark], PAGE[ground][dark]) >= 4.5, name
    assert contrast("#000000", PAGE["warn"][dark]) >= 4.5


@pytest.mark.parametrize("dark", [False, True])
def test_what_is_drawn_stands_out_from_the_page(dark: bool) -> None:
    for name, *pair in DRAWN.values():
        assert contrast(pair[dark], PAGE["paper"][dark]) >= 3, name
    # The ceiling is named in its own colour, and failures in grey.
    for colour in (GREEN, GREY):
        assert contrast(DRAWN[colour][1 + dark], PAGE["paper"][dark]) >= 4.5


def test_every_colour_that_figures_use_is_known_to_the_page() -> None:
    lines = {
        "#{:02x}{:02x}{:02x}".format(*(round(255 * part) for part in style["color"][:3])) for style in line_styles(10)
    }
    assert {BLUE, GREEN, GREY, ORANGE, RED, SKY} | lines == set(DRAWN)
    for dark in (False, True):
        variables = re.findall(r"--([\w-]+): (#[0-9a-f]{6});", as_variables(dark))
        assert len(dict(variables)) == len(variables) == len(PAGE) + len(DRAWN)
