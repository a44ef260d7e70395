"""The facts of each headset, once.

Channels stand in the order of the published files; the rates are the nominal ones.
Sources: the file descriptions of MindBigData, the "MNIST of Brain Digits" and what followed it
(D. Vivancos; doi:10.48550/arXiv.2212.14746 and doi:10.48550/arXiv.2306.00455).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

HeadsetCode = Literal["ep", "mw", "mu", "in"]
"""The headsets of the text files of 2014-15, as options call them."""

SimulatedFormat = Literal[
    "ep",
    "mw",
    "mu",
    "in",
    "hf2022",
    "muse2",
    "muse2-cut2",
    "muse2-cut3",
    "cap64",
    "mnist8b",
    "mnist2b",
    "imagenet",
]
"""The published file layouts, and with each its headset, as `simulate --format` calls them."""


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

ADC_STEP = 1.25e6 / ((2**23 - 1) * 32)
"""Microvolts in one step of MNIST-8B's raw values, by the data sheet of the amplifier."""

_CAP64 = (
    "FP1 FPz FP2 AF3 AFz AF4 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 T7 C5 C3 C1 Cz CCPz C2 "
    "C4 C6 T8 TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO5 PO3 POz PO4 PO6 PO8 CB1 O1 Oz "
    "O2 CB2"
)

# CP1 and CP2 are this cap's reference and ground. The files name their channels themselves, so nothing that is read
# hangs on this list.
_CAP128 = (
    "FP1 FPz FP2 AFp1 AFpz AFp2 AF7 AF3 AF4 AF8 AFF5h AFF1h AFF2h AFF6h F9 F7 F5 F3 F1 Fz F2 F4 F6 F8 F10 FFT9h FFT7h "
    "FFC5h FFC3h FFC1h FFC2h FFC4h FFC6h FFT8h FFT10h FT9 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 FT10 FTT9h FTT7h FCC5h "
    "FCC3h FCC1h FCC2h FCC4h FCC6h FTT8h FTT10h T7 C5 C3 C1 Cz C2 C4 C6 T8 TTP7h CCP5h CCP3h CCP1h CCP2h CCP4h CCP6h "
    "TTP8h TP9 TP7 CP5 CP3 CPz CP4 CP6 TP8 TP10 TPP9h TPP7h CPP5h CPP3h CPP1h CPP2h CPP4h CPP6h TPP8h TPP10h P9 P7 P5 "
    "P3 P1 Pz P2 P4 P6 P8 P10 PPO9h PPO5h PPO1h PPO2h PPO6h PPO10h PO9 PO7 PO3 POz PO4 PO8 PO10 POO9h POO1 POO2 "
    "POO10h O1 Oz O2 OI1h OI2h I1 Iz I2"
)

MUSE2_SENSORS: dict[str, tuple[str, ...]] = {
    "PPG": ("PPG1", "PPG2", "PPG3"),
    "ACC": ("ACCX", "ACCY", "ACCZ"),
    "GYRO": ("GYRX", "GYRY", "GYRZ"),
}
"""What a Muse 2 records beside the EEG (pulse, acceleration, rotation), in the order of the files."""

VISUAL_MNIST: dict[str, Headset] = {
    name: Headset(name.upper(), product, tuple(channels.split()), sfreq, n_times, 0.0, resolution, noise, decimals)
    for name, product, channels, sfreq, n_times, resolution, noise, decimals in (
        ("muse2", "Interaxon Muse 2", "TP9 AF7 AF8 TP10", 256.0, 512, 1000 / 2048, 20.0, 6),
        ("muse2-cut2", "Interaxon Muse 2", "TP9 TP10", 256.0, 512, 1000 / 2048, 20.0, 6),
        ("muse2-cut3", "Interaxon Muse 2", "TP9 AF7 TP10", 256.0, 512, 1000 / 2048, 20.0, 6),
        ("cap64", "Custom cap of 64 channels", _CAP64, 200.0, 400, 4.5e6 / (24 * (2**23 - 1)), 15.0, 5),
    )
}

MNIST_8B: dict[str, Headset] = {
    name: Headset(
        name.upper(), "Custom cap of 128 channels", tuple(_CAP128.split()), 250.0, n_times, 0.0, ADC_STEP, 15.0, 0
    )
    for name, n_times in (("mnist8b", 500), ("mnist2b", 256))
}

IMAGENET = Headset("IMAGENET", "Emotiv Insight", ("AF3", "AF4", "T7", "T8", "Pz"), 128.0, 384, 4240.0, 20 / 39, 12.0, 6)
