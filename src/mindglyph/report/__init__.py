"""One self-contained page that shows a run: the verdict first, then all that belongs to it."""

from mindglyph.report.page import write_report

__all__ = ["write_report"]
