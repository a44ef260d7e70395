"""The facts of each headset, once.

Channels stand in the order of the published files; the rates are the nominal ones.
Source: the file descriptions of MindBigData, the "MNIST of Brain Digits" (D. Vivancos).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Headset:
    """What is known of a headset before a recording is opened.

    Attributes
    ----------
    code : str
        Name in the device field of the files.
    name : str
        Name of the product.
    channels : tuple of str
        Channel names as the files write them, in their order.
    sfreq : float
        Nominal rate in Hz.
    n_times : int
        Nominal length of a trial in samples.
    offset : float
        Level that the raw values of the files stand on.
    resolution : float
        Smallest step of the raw values, taken as microvolts.
    noise : float
        Typical standard deviation of a trial in microvolts.
    decimals : int
        Decimal places that the files write; 0 means whole numbers.
    mains : float
        Mains frequency in Hz where the published files were recorded (Spain).
    """

    code: str
    name: str
    channels: tuple[str, ...]
    sfreq: float
    n_times: int
    offset: float
    resolution: float
    noise: float
    decimals: int
    mains: float = 50.0


_EPOC = ("AF3", "F7", "F3", "FC5", "T7", "P7", "O1", "O2", "P8", "T8", "FC6", "F4", "F8", "AF4")

HEADSETS: dict[str, Headset] = {
    headset.code: headset
    for headset in (
        Headset("EP", "Emotiv EPOC", _EPOC, 128.0, 256, 4200.0, 20 / 39, 12.0, 6),
        Headset("MW", "NeuroSky MindWave", ("FP1",), 512.0, 880, 0.0, 1.0, 45.0, 0),
        Headset("MU", "Interaxon Muse", ("TP9", "FP1", "FP2", "TP10"), 220.0, 400, 500.0, 1.0, 25.0, 0),
        Headset("IN", "Emotiv Insight", ("AF3", "AF4", "T7", "T8", "PZ"), 128.0, 256, 4240.0, 20 / 39, 12.0, 6),
    )
}
