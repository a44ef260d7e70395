"""Continuous recordings with a known bump after each event."""

from __future__ import annotations

from collections.abc import Callable

import mne
import numpy as np
import pytest

from mindglyph.trials import make_info

MakeRaw = Callable[..., mne.io.RawArray]


def bumpy_raw(
    onsets: object = (1.0, 2.0, 3.0, 4.5),
    texts: object = ("digit/3", "digit/7", "digit/3", "digit/1"),
    sfreq: float = 128.0,
    seconds: float = 6.0,
    names: tuple[str, ...] = ("AF3", "O1", "O2"),
) -> mne.io.RawArray:
    """Return noise of 1 microvolt on 100, with 50 microvolts in the first sample of each event."""
    signals = 100 + np.random.default_rng(0).normal(size=(len(names), round(seconds * sfreq)))
    for onset in onsets:
        signals[:, round(onset * sfreq)] += 50
    raw = mne.io.RawArray(signals * 1e-6, make_info(names, sfreq), verbose="error")
    raw.set_annotations(mne.Annotations(onsets, [0.0] * len(onsets), texts))
    return raw


@pytest.fixture(scope="session")
def make_raw() -> MakeRaw:
    """Make a continuous recording."""
    return bumpy_raw
