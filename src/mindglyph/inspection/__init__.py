"""What a store holds, and what in it deserves a second look before anything is decoded."""

from mindglyph.inspection.labels import stretches
from mindglyph.inspection.means import MeanSignals, mean_signals
from mindglyph.inspection.result import Finding, Inspection
from mindglyph.inspection.survey import inspect_store
from mindglyph.inspection.timing import read_clock
from mindglyph.inspection.traces import Traces

__all__ = [
    "Finding",
    "Inspection",
    "MeanSignals",
    "Traces",
    "inspect_store",
    "mean_signals",
    "read_clock",
    "stretches",
]
