"""What is known of the channels: names, rate, and where the electrodes sit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mindglyph.errors import UserError

if TYPE_CHECKING:
    import mne

MONTAGE = "colin27_1005"
"""Where the electrodes of a named channel sit, by MNE's name."""

_BETWEEN = {"CB1": ("PO9", "I1"), "CB2": ("PO10", "I2")}
"""Electrodes that the 10-05 system does not know, each halfway between two that it does: NeuroScan's caps have CB1
and CB2 over the cerebellum, below PO7 and PO8."""

MICROVOLTS = 1e-6
"""Volts in a microvolt; MNE counts in volts."""


def make_info(
    ch_names: Sequence[str], sfreq: float, positions: Mapping[str, Sequence[float]] | None = None
) -> mne.Info:
    """Return MNE's description of EEG channels.

    Parameters
    ----------
    ch_names : sequence of str
        Names in any case; those of the 10-05 system get their place on the head.
    sfreq : float
        Rate in Hz.
    positions : mapping of str to (x, y, z), optional
        Places of the electrodes in m in MNE's head coordinates, where they are known.

    Returns
    -------
    mne.Info
        With these places, or those of the standard montage.

    Raises
    ------
    UserError
        If two channels have the same name.
    """
    import mne

    twice = [name for name, times in Counter(ch_names).items() if times > 1]
    if twice:
        raise UserError(f"more than one channel is called {', '.join(map(repr, twice))}: give each its own name")

    info = mne.create_info(list(ch_names), sfreq, "eeg", verbose="error")
    montage: Any
    if positions is None:
        montage = _standard_montage()
    else:
        places = {name: np.array(place) for name, place in positions.items()}
        montage = mne.channels.make_dig_montage(places, coord_frame="head")
    info.set_montage(montage, match_case=False, on_missing="ignore", verbose="error")
    return info


def _standard_montage() -> Any:
    import mne

    montage = mne.channels.make_standard_montage(MONTAGE)
    known = montage.get_positions()
    places = known["ch_pos"]
    added = {name: (places[one] + places[other]) / 2 for name, (one, other) in _BETWEEN.items()}
    landmarks = {name: known[name] for name in ("nasion", "lpa", "rpa")}
    return montage + mne.channels.make_dig_montage(added, coord_frame=known["coord_frame"], **landmarks)


def positions_of(info: mne.Info) -> dict[str, list[float]]:
    """Return the places of the electrodes, where they are known, as `make_info` takes them."""
    places = {channel["ch_name"]: channel["loc"][:3] for channel in info["chs"]}
    return {name: [float(value) for value in place] for name, place in places.items() if np.isfinite(place).all()}
