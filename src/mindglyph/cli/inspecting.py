"""`mindglyph inspect`: what a store holds, and what in it deserves a second look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mindglyph.cli.app import AsJson, StorePath, app, beside, progress, show


@app.command("inspect")
def inspect_command(
    store: StorePath,
    out: Annotated[Path | None, typer.Option(help="The page to write. [default: STORE.inspect.html]")] = None,
    figures: Annotated[
        Path | None, typer.Option(help="A folder for the figures of the page, each as PNG and SVG.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look through a trial store: labels, times, channels, mains, copies, rejected rows; write a page.

    Example: mindglyph inspect mw.store
    """
    from mindglyph.store import Store

    # What is no store is said before the rest is loaded, which takes seconds.
    opened = Store(store)
    from mindglyph.inspection import inspect_store
    from mindglyph.report.inspection import summary, write_inspection

    with progress("inspect") as report:
        found, traces = inspect_store(opened, report)
    page = out or beside(store, "inspect.html")
    write_inspection(page, found, traces, figures)
    rows = {"in short": summary(found)}
    for finding in found.findings:
        if finding.level != "ok":
            rows[_free(finding.about, rows)] = f"{finding.level}: {finding.figure}. {finding.sentence}"
    rows["in order"] = ", ".join(finding.about for finding in found.findings if finding.level == "ok")
    rows["page"] = f"{page} (open it in a browser)"
    show(found.as_dict(), as_json, f"{store.name}: {found.trials:,} trials", rows, page)


def _free(name: str, taken: dict[str, str]) -> str:
    """Return the name, numbered where it is taken."""
    number = 2
    free = name
    while free in taken:
        free = f"{name} {number}"
        number += 1
    return free
