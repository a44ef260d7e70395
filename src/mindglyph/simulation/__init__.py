"""Recordings with a planted signal whose limit is known, written in the real formats."""

from mindglyph.simulation.recording import (
    SimulationSettings,
    simulate,
    truth_path,
)

__all__ = ["SimulationSettings", "simulate", "truth_path"]
