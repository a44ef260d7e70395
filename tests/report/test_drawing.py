import re

from mindglyph.report.drawing import BLUE, as_svg, new_figure


def _svg(label: str = "x", alt: str = "a line") -> str:
    figure = new_figure(5, 2)
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], "o-", color=BLUE)
    axes.set_xlabel(label)
    return as_svg(figure, alt)


def test_a_figure_is_one_picture_with_words_for_who_does_not_see_it() -> None:
    opening = _svg(alt='a "line" & a <dot>').split(">", 1)[0]
    assert 'role="img"' in opening
    assert 'aria-label="a &quot;line&quot; &amp; a &lt;dot&gt;"' in opening
    assert "--width: 5in" in opening


def test_a_figure_names_its_colours_and_no_address() -> None:
    svg = _svg()
    assert BLUE not in svg
    assert "var(--blue)" in svg
    assert "http" not in svg


def test_two_figures_of_a_page_share_no_name() -> None:
    one, other = _svg("one"), _svg("other")
    names = [re.findall(r' id="([^"]+)"', svg) for svg in (one, other)]
    assert names[0]
    assert not set(names[0]) & set(names[1])
    for svg, own in zip((one, other), names, strict=True):
        assert len(set(own)) == len(own)
        assert set(re.findall(r'(?:href="|url\()#([^")]+)', svg)) == set(own), "and what is referred to is there"
    assert _svg("one") == one
