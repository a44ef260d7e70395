"""The sets that MindBigData publishes: where they lie, how large they are, what to import of them.

Sizes are those that the author prints beside his links, and for the sets on the hub those
of its file listings. The Visual MNIST archives of 2021-22 are missing here: their addresses
on the author's server are not certain, and the hub holds the same recordings.

Source: D. Vivancos, MindBigData, http://www.mindbigdata.com/opendb/ (the "MNIST of Brain
Digits" of 2014-15 and the "IMAGENET of the Brain" of 2018); doi:10.48550/arXiv.2212.14746
(the sets of 2022); doi:10.48550/arXiv.2306.00455 (MNIST-8B of 2023).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from mindglyph.errors import UserError

BASE = "http://www.mindbigdata.com/opendb/"
"""Where the archives lie."""

HUB = "https://huggingface.co"
"""Where the cards of the sets on the hub are read."""

ACKNOWLEDGE = "David Vivancos, MindBigData (www.mindbigdata.com), asks to be acknowledged"
"""What the author asks of everybody who uses the recordings."""


@dataclass(frozen=True)
class PublishedSet(ABC):
    """A set that can be fetched.

    Attributes
    ----------
    name : str
        What the command line calls it.
    line : str
        What it is, in a line.
    size : int or None
        Bytes to be fetched, where they are published.
    recordings : tuple of str
        What to import of it, as paths in its folder; several become one store.
    """

    name: str
    line: str
    size: int | None
    recordings: tuple[str, ...]

    @property
    @abstractmethod
    def page(self) -> str:
        """Where the author describes it, and says what he asks of those who use it."""


@dataclass(frozen=True)
class ArchiveSet(PublishedSet):
    """A zip archive on the author's server.

    Attributes
    ----------
    archive : str
        Name of the archive.
    unpacked : int or None
        Bytes that it holds, where they are published.
    page : str
        The page that describes it.
    """

    archive: str
    unpacked: int | None = None
    page: str = BASE + "index.html"


@dataclass(frozen=True)
class HubSet(PublishedSet):
    """Files of a dataset on the Hugging Face hub.

    Attributes
    ----------
    repository : str
        Name of the dataset.
    files : tuple of str
        What is fetched of it.
    """

    repository: str
    files: tuple[str, ...] = ("train.csv", "test.csv")

    @property
    def page(self) -> str:
        """Where the dataset card is read."""
        return f"{HUB}/datasets/{self.repository}"


_WITHOUT_ORDER = "as the hub's tables of 2022, which keep no order of recording"
_TABLES = ("train.csv", "test.csv")
_WITH_PLACES = (*_TABLES, "3Dcoords.csv")

_ALL: tuple[PublishedSet, ...] = (
    ArchiveSet(
        "ep",
        "MNIST of Brain Digits 2014-15, Emotiv EPOC, 14 channels",
        429_732_466,
        ("EP1.01.txt",),
        "MindBigData-EP-v1.0.zip",
        2_859_712_035,
    ),
    ArchiveSet(
        "mw",
        "MNIST of Brain Digits 2014-15, NeuroSky MindWave, 1 channel",
        65_663_303,
        ("MW.txt",),
        "MindBigData-MW-v1.0.zip",
        311_994_495,
    ),
    ArchiveSet(
        "mu",
        "MNIST of Brain Digits 2014-15, Interaxon Muse, 4 channels",
        None,
        ("MU.txt",),
        "MindBigData-MU-v1.0.zip",
    ),
    ArchiveSet(
        "in",
        "MNIST of Brain Digits 2014-15, Emotiv Insight, 5 channels",
        None,
        ("IN.txt",),
        "MindBigData-IN-v1.06.zip",
    ),
    ArchiveSet(
        "imagenet",
        "IMAGENET of the Brain 2018, Emotiv Insight, 5 channels, photographs",
        60_572_900,
        ("MindBigData-Imagenet",),
        "MindBigData-Imagenet-IN.zip",
        page=BASE + "imagenet.html",
    ),
    HubSet("hf2022-ep", f"EPOC {_WITHOUT_ORDER}", 2_800_000_000, _TABLES, "DavidVivancos/MindBigData2022_MNIST_EP"),
    HubSet("hf2022-mw", f"MindWave {_WITHOUT_ORDER}", 217_500_000, _TABLES, "DavidVivancos/MindBigData2022_MNIST_MW"),
    HubSet("hf2022-mu", f"Muse {_WITHOUT_ORDER}", 288_800_000, _TABLES, "DavidVivancos/MindBigData2022_MNIST_MU"),
    HubSet("hf2022-in", f"Insight {_WITHOUT_ORDER}", 200_200_000, _TABLES, "DavidVivancos/MindBigData2022_MNIST_IN"),
    HubSet(
        "hf2022-muse2",
        "Visual MNIST 2021 with the pictures shown, Muse 2",
        2_550_760_440,
        _TABLES,
        "DavidVivancos/MindBigData2022_VisMNIST_MU2",
    ),
    HubSet(
        "hf2022-cap64",
        "Visual MNIST 2022 with the pictures shown, cap of 64 channels",
        544_258_928,
        _TABLES,
        "DavidVivancos/MindBigData2022_VisMNIST_Cap64",
    ),
    HubSet(
        "mnist8b",
        "MNIST-8B 2023 with the pictures shown, cap of 128 channels, digits also spoken",
        52_520_000_000,
        _TABLES,
        "DavidVivancos/MindBigData2023_MNIST-8B",
        _WITH_PLACES,
    ),
    HubSet(
        "mnist2b",
        "MNIST-8B 2023 in 256 samples a trial",
        26_970_000_000,
        _TABLES,
        "DavidVivancos/MindBigData2023_MNIST-2B",
        _WITH_PLACES,
    ),
)

SETS: dict[str, PublishedSet] = {published.name: published for published in _ALL}
"""All sets by name."""


def named(name: str) -> PublishedSet:
    """Return the set of this name.

    Parameters
    ----------
    name : str
        As `mindglyph fetch` lists it.

    Returns
    -------
    PublishedSet
        Its files and where they lie.

    Raises
    ------
    UserError
        If there is none.
    """
    if name not in SETS:
        raise UserError(f"there is no set '{name}': take one of {', '.join(SETS)}")
    return SETS[name]
