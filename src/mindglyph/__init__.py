"""mindglyph: which digit was seen, what it looked like, and how far to believe it."""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mindglyph.trials import Trials

__version__ = version("mindglyph")
__all__ = ["Trials", "__version__"]


def __getattr__(name: str) -> Any:
    # Trials brings MNE along, which `mindglyph --help` must not wait for.
    if name == "Trials":
        from mindglyph.trials import Trials

        return Trials
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
