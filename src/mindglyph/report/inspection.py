"""Puts the page of an inspection together."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from mindglyph.errors import UserError
from mindglyph.files import replaced_file
from mindglyph.inspection import Inspection, Traces
from mindglyph.report.drawing import as_svg, save_figure
from mindglyph.report.inspection_figures import inspection_figures
from mindglyph.report.pages import pages

_IN_WORDS = {
    "labels": "Map of the share of trials that carry each label, block after block of the recording.",
    "amplitude": "How far each channel spreads, block after block of the recording.",
    "spectrum": "Mean power spectrum of each channel, in microvolts squared a hertz.",
    "head": "Map of the head with how far each channel spreads.",
    "means": "Mean signal of each label and of all trials at the strongest channel, over time.",
    "channels": "Mean signals of each label at each channel, a panel a channel.",
}
"""What the figures show, for those who do not see them; their numbers stand in the tables."""

_MOST_COLUMNS = 16  # labels that stand beside one another in a table
_MOST_ROWS = 60


def write_inspection(path: Path, found: Inspection, traces: Traces, folder: Path | None = None) -> None:
    """Write an inspection as one page that needs nothing else.

    Parameters
    ----------
    path : Path
        The HTML file.
    found : Inspection
        What was found.
    traces : Traces
        What the figures are drawn from.
    folder : Path, optional
        Where each figure is written as PNG and SVG besides.

    Raises
    ------
    UserError
        If a file cannot be written.
    """
    figures = inspection_figures(found, traces)
    if folder is not None:
        _save(figures, folder)
    page = (
        pages()
        .get_template("inspection.html.j2")
        .render(
            found=found,
            store={"simulated": found.simulated},
            import_report={"file": found.file},
            summary=summary(found),
            drawn=_drawn(found),
            label_rows=list(found.labels.counts.items())[:_MOST_ROWS],
            tables=[_table(column, values) for column, values in found.labels.by.items()],
            most_rows=_MOST_ROWS,
            span=_span(found),
            copies=[("identical", found.identical), ("the same but for level, gain and rounding", found.alike)],
            figures={name: as_svg(figure, _IN_WORDS[name]) for name, figure in figures.items()},
        )
    )
    with replaced_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def summary(found: Inspection) -> str:
    """Return what came out of it in a sentence."""
    warnings = sum(finding.level == "warn" for finding in found.findings)
    notes = sum(finding.level == "note" for finding in found.findings)
    said = f"{notes} {'thing is' if notes == 1 else 'things are'} good to know"
    if warnings:
        return f"{warnings} {'thing' if warnings == 1 else 'things'} to look at before decoding; {said}."
    return f"Nothing to look at before decoding; {said}."


def _save(figures: Mapping[str, Figure], folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file: name a folder for the figures")
    for name, figure in figures.items():
        for kind in ("png", "svg"):
            save_figure(figure, folder / f"{name}.{kind}")


def _drawn(found: Inspection) -> str:
    if found.drawn == found.trials:
        return f"all {found.trials:,} trials"
    return f"{found.drawn:,} of the {found.trials:,} trials, evenly spaced over the recording"


def _table(column: str, values: Mapping[str, Mapping[str, int]]) -> dict[str, Any]:
    labels = list(next(iter(values.values())))
    wide = len(labels) > _MOST_COLUMNS
    rows = [
        {
            "value": value,
            "trials": sum(counts.values()),
            "distinct": sum(count > 0 for count in counts.values()),
            "counts": [] if wide else list(counts.values()),
        }
        for value, counts in values.items()
    ]
    return {
        "column": column,
        "labels": [] if wide else labels,
        "rows": rows[:_MOST_ROWS],
        "more": len(rows[_MOST_ROWS:]),
    }


def _span(found: Inspection) -> tuple[str, str] | None:
    """Return when the first and the last trial were recorded, where the clock knows the day."""
    clock = found.clock
    if clock is None or clock.column != "unix_time":
        return None
    try:
        first, last = (f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M} UTC" for time in (clock.first, clock.last))
    except (OverflowError, ValueError, OSError):
        return None
    return first, last
