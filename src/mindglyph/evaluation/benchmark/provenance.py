"""By what a result was computed: this package, to the byte, and the libraries whose numbers are in it."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import mindglyph
from mindglyph.decoders.registry import ZOO_PREFIX

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "pyriemann", "imbalanced-learn", "mne", "torch")


def provenance(decoder: str) -> dict[str, str]:
    """Return what a decoder's scores depend on beside data and settings.

    Parameters
    ----------
    decoder : str
        Its name; those of the zoo depend on braindecode too.

    Returns
    -------
    dict of str to str
        Versions by the name of the library; `source` is the SHA-256 of this package's own modules,
        which may differ while its version does not.
    """
    libraries = (*_LIBRARIES, "braindecode") if decoder.startswith(ZOO_PREFIX) else _LIBRARIES
    return {name: _version(name) for name in ("mindglyph", *libraries)} | {"source": source_fingerprint()}


@cache
def source_fingerprint() -> str:
    """Return the SHA-256 (hexadecimal) of all modules of this package, with their names."""
    root = Path(mindglyph.__path__[0])
    digest = hashlib.sha256()
    for module in sorted(root.rglob("*.py")):
        content = module.read_bytes()
        # The length stands before the content, so that no two packages can read the same.
        digest.update(f"{module.relative_to(root).as_posix()}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"
