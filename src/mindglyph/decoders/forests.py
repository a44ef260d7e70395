"""Forests on disk: estimators of scikit-learn that are no arrays, written without pickle.

A file of skops is a zip of arrays and a description of the objects that hold them. It is read
only if it names nothing but trees, forests and what stands in them, and only if no tree points
outside itself, since scikit-learn follows the pointers of a tree without looking.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from mindglyph.errors import UserError
from mindglyph.files import replaced_file

_BOOSTING = "sklearn.ensemble._hist_gradient_boosting"
FORESTS = (
    "sklearn.ensemble._forest.ExtraTreesClassifier",
    "sklearn.ensemble._forest.RandomForestClassifier",
    f"{_BOOSTING}.gradient_boosting.HistGradientBoostingClassifier",
)
"""What can be written and read."""

TRUSTED = {
    "ObjectNode": {
        *FORESTS,
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.ExtraTreeClassifier",
        "sklearn.preprocessing._label.LabelEncoder",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        f"{_BOOSTING}.binning._BinMapper",
        f"{_BOOSTING}.predictor.TreePredictor",
    },
    "TreeNode": {"sklearn.tree._tree.Tree"},
    "LossNode": {"sklearn._loss._loss.CyHalfBinomialLoss", "sklearn._loss._loss.CyHalfMultinomialLoss"},
    "RandomGeneratorNode": {"numpy.random._generator.Generator"},
    "NdArrayNode": {"numpy.ndarray", *(f"numpy.{name}" for name in ("int32", "int64", "uint64", "float32", "float64"))},
    "DictNode": {"builtins.dict"},
    "ListNode": {"builtins.list"},
    "TupleNode": {"builtins.tuple"},
    "TypeNode": {"builtins.str"},
    "JsonNode": {"builtins.str"},
    "CachedNode": {"builtins.dict", "builtins.list", "builtins.tuple", "numpy.ndarray"},
}
"""What a file may name: by the way in which skops makes it, the types."""


def write_forest(path: Path, estimator: Any) -> None:
    """Write a fitted forest, whole or not at all.

    Parameters
    ----------
    path : Path
        The file.
    estimator : ExtraTreesClassifier, RandomForestClassifier or HistGradientBoostingClassifier
        Fitted to classes that are numbers.

    Raises
    ------
    TypeError
        If it is something else, which could not be read again.
    """
    from skops.io import dump

    kind = f"{type(estimator).__module__}.{type(estimator).__name__}"
    if kind not in FORESTS:
        raise TypeError(f"{kind} is no forest")
    with replaced_file(path) as temporary:
        dump(estimator, temporary)


def read_forest(path: Path) -> Any:
    """Read what `write_forest` wrote; nothing in the file is executed.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    ExtraTreesClassifier, RandomForestClassifier or HistGradientBoostingClassifier
        As it was written.

    Raises
    ------
    UserError
        If the file is absent, damaged, or names anything that no forest of ours holds.
    """
    from skops.io import load
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        with ZipFile(path) as archive:
            description = json.loads(archive.read("schema.json"))
            # The archive keeps a checksum of each array, which skops reads without asking for it.
            damaged = archive.testzip()
        if damaged is not None:
            raise ValueError(f"{damaged} is damaged")
        foreign = sorted(set(_foreign(description)) | ({_kind(description)} - set(FORESTS)))
        if foreign:
            raise UserError(f"{path}: holds '{foreign[0]}', which no forest does: take a file that mindglyph wrote")
        forest = load(path, trusted=sorted(set().union(*TRUSTED.values())))
        _check_pointers(forest)
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except (
        UntrustedTypesFoundException,
        BadZipFile,
        OSError,
        EOFError,
        AttributeError,
        LookupError,
        MemoryError,
        NotImplementedError,
        RecursionError,
        RuntimeError,
        TypeError,
        ValueError,
    ) as error:
        raise UserError(f"{path}: is no forest that mindglyph wrote, or is damaged: train the decoder again") from error
    return forest


def _kind(node: dict[str, Any]) -> str:
    return f"{node['__module__']}.{node['__class__']}"


def _foreign(part: Any) -> Iterator[str]:
    """Yield the types in a description that are not trusted."""
    if isinstance(part, dict):
        if "__loader__" in part and _kind(part) not in TRUSTED.get(part["__loader__"], ()):
            yield _kind(part)
        for inner in part.values():
            yield from _foreign(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from _foreign(inner)


def _check_pointers(forest: Any) -> None:
    """Raise a ValueError if a tree points outside itself, back, or to a feature that there is not."""
    for nodes, left, right, feature, leaf in _trees(forest):
        inner = np.flatnonzero(~leaf)
        # Children stand behind their parent, so that a walk must end.
        for child in (left[inner].astype(np.int64), right[inner].astype(np.int64)):
            if (child <= inner).any() or (child >= nodes).any():
                raise ValueError("a tree points outside itself")
        if not nodes or (feature[inner] < 0).any() or (feature[inner] >= forest.n_features_in_).any():
            raise ValueError("a tree asks for a feature that there is not")


def _trees(forest: Any) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Yield each tree's number of nodes, left and right children, features, and which nodes are leaves."""
    if hasattr(forest, "_predictors"):
        for predictor in (each for stage in forest._predictors for each in stage):
            nodes = predictor.nodes
            if nodes["is_categorical"].any():
                raise ValueError("a tree asks for categories")
            yield len(nodes), nodes["left"], nodes["right"], nodes["feature_idx"], nodes["is_leaf"].astype(bool)
        return
    for estimator in forest.estimators_:
        tree = estimator.tree_
        if tree.n_features != forest.n_features_in_ or tree.value.shape[2] != len(forest.classes_):
            raise ValueError("a tree is of another forest")
        leaf = tree.children_left == -1
        yield tree.node_count, tree.children_left, tree.children_right, tree.feature, leaf
