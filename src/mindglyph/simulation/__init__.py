"""Recordings with a planted signal whose limit is known, written in the published formats."""

from mindglyph.simulation.recording import Pictures, SimulatedRecording
from mindglyph.simulation.settings import SimulationSettings
from mindglyph.simulation.simulate import simulate, truth_path

__all__ = ["Pictures", "SimulatedRecording", "SimulationSettings", "simulate", "truth_path"]
