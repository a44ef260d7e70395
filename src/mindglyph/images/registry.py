"""The generators by name, with the weights that are in the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mindglyph.errors import UserError
from mindglyph.files import read_about
from mindglyph.settings import checked

if TYPE_CHECKING:
    from mindglyph.images.generators import Generator, GeneratorSettings


@dataclass(frozen=True)
class Entry:
    """A generator that can be asked for by name.

    Attributes
    ----------
    module : str
        Where its classes stand; imported only when it is asked for.
    generator, settings : str
        Names of the classes.
    line : str
        What it is, in a line.
    source : str
        Where it comes from.
    """

    module: str
    generator: str
    settings: str
    line: str
    source: str


GENERATORS: dict[str, Entry] = {
    "vae": Entry(
        "vae",
        "ConditionalVAE",
        "VAESettings",
        "Conditional variational auto-encoder: soft pictures, and a latent that pictures are encoded to",
        "doi:10.48550/arXiv.1312.6114",
    ),
    "gan": Entry(
        "gan",
        "GAN",
        "GANSettings",
        "Conditional GAN with a projecting critic: sharp pictures in one step",
        "doi:10.48550/arXiv.1802.05637",
    ),
    "flow": Entry(
        "flow",
        "Flow",
        "FlowSettings",
        "Flow matching with a UNet of diffusers: many small steps from noise to picture",
        "doi:10.48550/arXiv.2210.02747",
    ),
}
"""Every generator, each with weights in the package."""


def generator_settings(name: str, values: Mapping[str, Any] | None = None) -> GeneratorSettings:
    """Return the settings of a generator.

    Parameters
    ----------
    name : str
        A name of `GENERATORS`.
    values : mapping, optional
        What shall differ from the defaults.

    Returns
    -------
    GeneratorSettings
        Whose `build` gives the untrained generator.

    Raises
    ------
    UserError
        If there is no such generator, or a value does not fit.
    """
    kind: type[GeneratorSettings] = _class(name, _entry(name).settings)
    return checked(kind, f"settings of {name}", **dict(values or {}))


@cache
def packaged_generator(name: str) -> Generator:
    """Load the generator in the package, trained on MNIST training digits that are not in the package.

    Parameters
    ----------
    name : str
        One of `mindglyph.images.registry.GENERATORS`.

    Returns
    -------
    Generator
        Trained.

    Raises
    ------
    UserError
        If there is no generator of this name.
    """
    kind: type[Generator] = _class(name, _entry(name).generator)
    with as_file(files("mindglyph.images") / "data" / f"{name}.safetensors") as path:
        return kind.load(path)


def load_generator(path: Path) -> Generator:
    """Read a generator that was saved, whichever it is.

    Parameters
    ----------
    path : Path
        A file that `Generator.save` wrote.

    Returns
    -------
    Generator
        Of the kind that the file names.

    Raises
    ------
    UserError
        If the file is absent, damaged or no generator.
    """
    name = read_about(path).get("kind")
    if name not in GENERATORS:
        raise UserError(f"{path}: holds '{name}', which is no generator: name a file made by 'mindglyph images train'")
    kind: type[Generator] = _class(name, GENERATORS[name].generator)
    return kind.load(path)


def _entry(name: str) -> Entry:
    if name not in GENERATORS:
        raise UserError(f"there is no generator '{name}': choose one of {', '.join(GENERATORS)}")
    return GENERATORS[name]


def _class(name: str, what: str) -> Any:
    return getattr(import_module(f"mindglyph.images.{GENERATORS[name].module}"), what)
