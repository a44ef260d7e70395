"""One module a file format; each writes a simulated recording and says how its readers number the trials."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindglyph.simulation.recording import SimulatedRecording
from mindglyph.simulation.writers import hf2022, imagenet, mnist8b, text, visual

Writer = Callable[[Path, SimulatedRecording, Callable[[int, int], None]], np.ndarray]
"""Takes the file (or folder) to write, the recording and what is told of trials done and in all; returns the number
of the event, as the format's reader gives it, of each trial in the order of recording: (n_trials,)."""

_VISUAL = ("muse2", "muse2-cut2", "muse2-cut3", "cap64")

WRITERS: dict[str, Writer] = {
    **dict.fromkeys(("ep", "mw", "mu", "in"), text.write),
    "hf2022": hf2022.write,
    **dict.fromkeys(_VISUAL, visual.write),
    "mnist8b": mnist8b.write,
    "mnist2b": mnist8b.write,
    "imagenet": imagenet.write,
}
"""By the name of the format."""
