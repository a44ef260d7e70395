"""Every decoder on every store under every split, as one table."""

from mindglyph.evaluation.benchmark.benchmark import run_benchmark
from mindglyph.evaluation.benchmark.cells import Cell, Question, cells_of
from mindglyph.evaluation.benchmark.tables import Benchmark

__all__ = ["Benchmark", "Cell", "Question", "cells_of", "run_benchmark"]
