"""A fitted model on disk: numbers as safetensors, forests as skops files beside them, and hashes of all.

Nothing is pickled, and nothing in the files is executed. Next to `NAME.safetensors` each forest
stands as `NAME.FOREST.skops`. The header of the safetensors holds the SHA-256 of each forest's
file, and one of the numbers and the description together, so that a value that was changed, or
a forest of another model, is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.errors import UserError
from mindglyph.files import content_hash, read_arrays, write_arrays

_FORESTS, _DIGEST = "forests", "sha256"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def write_model(
    path: Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any], forests: Mapping[str, Any]
) -> list[Path]:
    """Write a model; the safetensors come last, so that they never name a forest that is not there yet.

    Parameters
    ----------
    path : Path
        The file of the numbers; the forests' files take their names from it.
    arrays : mapping of str to ndarray
        Numbers.
    about : mapping
        Anything that JSON can hold.
    forests : mapping of str to estimator
        Fitted estimators of scikit-learn by name (letters, digits, `.`, `-` and `_`).

    Returns
    -------
    list of Path
        The files written, `path` first.
    """
    hashes = {}
    for name, forest in forests.items():
        # Imported here, since skops takes long and few decoders have forests.
        from mindglyph.decoders.forests import write_forest

        write_forest(forest_file(path, name), forest)
        hashes[name] = content_hash(forest_file(path, name))
    whole = {**about, _FORESTS: hashes}
    write_arrays(path, arrays, {**whole, _DIGEST: _digest(arrays, whole)})
    return model_files(path, hashes)


def read_model(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any], dict[str, Any]]:
    """Read what `write_model` wrote.

    Parameters
    ----------
    path : Path
        The file of the numbers; its forests stand beside it.

    Returns
    -------
    arrays : dict of str to ndarray
        Numbers.
    about : dict
        The description.
    forests : dict of str to estimator
        The forests by name.

    Raises
    ------
    UserError
        If a file is absent, damaged, changed since it was written, or of another program.
    """
    arrays, about = read_arrays(path)
    expected = about.pop(_DIGEST, None) if isinstance(about, dict) else None
    if expected is None:
        raise UserError(f"{path}: is no model of this version of mindglyph: train it again")
    if _digest(arrays, about) != expected:
        raise UserError(f"{path}: was damaged or changed since it was written: train it again")
    forests = {}
    for name, hashed in about.pop(_FORESTS).items():
        forests[name] = _read_forest(path, name, hashed)
    return arrays, about, forests


def _read_forest(path: Path, name: str, hashed: str) -> Any:
    from mindglyph.decoders.forests import read_forest

    file = forest_file(path, name)
    if not file.is_file():
        raise UserError(f"{file}: no such file, and {path.name} needs it: keep the two together, or train again")
    if content_hash(file) != hashed:
        raise UserError(f"{file}: is not the one that {path.name} was written with: train it again")
    return read_forest(file)


def forest_file(path: Path, name: str) -> Path:
    """Return the file of a model's forest.

    Parameters
    ----------
    path : Path
        The model's file of numbers.
    name : str
        Of the forest.

    Returns
    -------
    Path
        Beside the numbers.

    Raises
    ------
    UserError
        If the name could lead out of the folder, as that in a forged file might.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"{path}: names a forest '{name}', which no decoder does: train it again")
    return path.with_name(f"{path.stem}.{name}.skops")


def model_files(path: Path, forests: Mapping[str, Any]) -> list[Path]:
    """Return all files of a model, that of the numbers first."""
    return [path, *(forest_file(path, name) for name in forests)]


def _digest(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(dict(about), sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()
