"""Why rows were refused, with an example of each reason."""

from __future__ import annotations

from typing import Any

from mindglyph.inspection.result import Rejection, Rows
from mindglyph.store import Store

_EXCERPT = 100


def read_rows(store: Store) -> Rows:
    """Count what became of the rows of the recording.

    Parameters
    ----------
    store : Store
        Its refused rows are read some at a time.

    Returns
    -------
    Rows
        The counts are those of the table of refused rows itself, not of the import's report.

    Raises
    ------
    UserError
        If a file of the store is damaged.
    """
    report = store.import_report
    kinds: dict[str, dict[str, Any]] = {}
    for part in store.rejected_parts():
        for kind, counted in part["kind"].value_counts().items():
            first = part[part["kind"] == kind].iloc[0]
            kinds.setdefault(str(kind), {"rows": 0, **first[["file", "line", "reason", "text"]]})["rows"] += counted
    rejections = [
        Rejection(
            kind=kind,
            rows=int(entry["rows"]),
            share=entry["rows"] / max(1, report["rows_read"]),
            file=entry["file"],
            line=int(entry["line"]),
            reason=entry["reason"],
            excerpt=printable(entry["text"]),
        )
        for kind, entry in sorted(kinds.items(), key=lambda item: -item[1]["rows"])
    ]
    return Rows(report["rows_read"], report["rows_kept"], sum(entry.rows for entry in rejections), rejections)


def printable(text: bytes) -> str:
    """Return the start of a line with every byte that is no plain text spelled out."""
    start = text[:_EXCERPT].decode("ascii", "backslashreplace")
    shown = "".join(sign if sign.isprintable() else repr(sign)[1:-1] for sign in start)
    return shown + (f"… ({len(text):,} bytes)" if len(text) > _EXCERPT else "")
