"""`Trials`: the one object that travels through the rooms, and its ways to other libraries and back."""

from mindglyph.trials.channels import MICROVOLTS, MONTAGE, make_info, positions_of
from mindglyph.trials.trials import ExtraSignals, Trials

__all__ = ["MICROVOLTS", "MONTAGE", "ExtraSignals", "Trials", "make_info", "positions_of"]
