"""Searches the settings of a decoder, and says on trials that the search never saw what was gained."""

from mindglyph.tuning.settings import TuningSettings
from mindglyph.tuning.tune import tune

__all__ = ["TuningSettings", "tune"]
