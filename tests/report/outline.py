"""What a page is made of, as a screen reader comes by it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_VOID = {"meta", "img", "br", "path", "use", "image", "stop", "rect"}


class Outline(HTMLParser):
    """Collects headings, figures, names and addresses of a page, and tags that are left open."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.headings: list[int] = []
        self.names: list[str] = []
        self.addresses: list[str] = []
        self.figures: list[str] = []
        self.captions: list[str] = []
        self.unnamed: list[str] = []
        self.unscrolled: list[str] = []
        self.unfolded = 0
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.names += [values["id"]] if "id" in values else []
        self.addresses += [values[name] for name in ("src", "href", "xlink:href") if name in values]
        self.addresses += re.findall(r"url\(([^)]+)\)", " ".join(values.values()))
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag == "figure":
            self.figures.append("")
        if tag == "figcaption":
            self.captions.append("")
        named = {"svg": "aria-label", "img": "alt", "table": "aria-label"}.get(tag)
        if named is not None and not values.get(named, "").strip():
            self.unnamed.append(self.get_starttag_text() or tag)
        if tag in ("svg", "table"):
            self.figures[-1:] = [self.figures[-1] + tag] if "figure" in self.open else self.figures[-1:]
            self.unscrolled += [] if "scroll" in self.open else [self.get_starttag_text() or tag]
        self.unfolded += tag == "details" and "open" in values
        if tag not in _VOID:
            self.open.append("scroll" if values.get("class") == "scroll" else tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        # What HTML lets stay open ends with what is around it.
        closed = self.open.pop()
        assert closed in (tag, "scroll"), f"<{closed}> is closed by </{tag}>"

    def handle_data(self, data: str) -> None:
        if "figcaption" in self.open:
            self.captions[-1] += data


def assert_readable(page: str) -> Outline:
    """Hold a run's page to what everybody needs who reads it, and return what it is made of."""
    outline = Outline(page)
    assert outline.open == [], "what was opened is closed"
    assert not [address for address in outline.addresses if not address.startswith(("data:", "#"))]
    assert "http" not in page
    assert len(set(outline.names)) == len(outline.names), "a name stands for one thing"
    assert {address[1:] for address in outline.addresses if address.startswith("#")} <= set(outline.names)
    assert outline.headings[0] == 1
    assert outline.headings.count(1) == 1
    steps = zip(outline.headings, outline.headings[1:], strict=False)
    assert all(after <= before + 1 for before, after in steps), "no heading is skipped"
    assert outline.unnamed == []
    assert outline.unscrolled == [], "what may be wider than a phone scrolls inside itself"
    assert len(outline.figures) == len(outline.captions) > 0
    for caption in outline.captions:
        said, chance = caption.split("By chance: ")
        assert len(said.strip()) > 20, "what it shows"
        assert len(chance.strip()) > 20, "and what chance would look like"
    return outline
