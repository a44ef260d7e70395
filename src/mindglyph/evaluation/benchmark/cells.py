"""The cells of a benchmark: a store, a decoder and a split, known by all that their score depends on."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mindglyph.decoders.balance import BALANCES
from mindglyph.decoders.registry import decoder_settings
from mindglyph.errors import UserError
from mindglyph.evaluation.benchmark.provenance import provenance
from mindglyph.evaluation.settings import EvaluationSettings
from mindglyph.evaluation.splits import LEAKY, SplitName
from mindglyph.files import content_hash
from mindglyph.runs import Run
from mindglyph.store import Store

_KEY_LENGTH = 16
"""Hexadecimal digits of a key: with a million cells, two are the same by chance once in 37 million benchmarks."""


@dataclass(frozen=True)
class Question:
    """What a benchmark is of.

    Attributes
    ----------
    stores : tuple of Path
        Trial stores; one that is named twice counts once.
    decoders : mapping of str to dict
        Name of each decoder, and what differs from its defaults.
    settings : EvaluationSettings
        What all cells have in common: splits, folds, seed, preprocessing. Its decoder is left aside.
    """

    stores: tuple[Path, ...]
    decoders: Mapping[str, Mapping[str, Any]]
    settings: EvaluationSettings = field(default_factory=EvaluationSettings)


@dataclass(frozen=True)
class Cell:
    """One decoder on one store under one split.

    A leaky split is only ever shown beside an honest one, so its cell is a part of the run of the
    first honest split: an ordinary evaluation of both.

    Attributes
    ----------
    store : Path
        The trials.
    name : str
        What the store is called in the table.
    content : str
        SHA-256 of the store's content.
    settings : EvaluationSettings
        What is evaluated; its splits are those of the run up to this cell's own.
    split : SplitName
        How the trials are divided.
    depends : dict
        All that the score depends on.
    """

    store: Path
    name: str
    content: str
    settings: EvaluationSettings
    split: SplitName
    depends: dict[str, Any] = field(repr=False)

    @property
    def decoder(self) -> str:
        """Its name."""
        return self.settings.decoder

    @property
    def leaky(self) -> bool:
        """Whether neighbours in time stand on both sides of the split."""
        return self.split in LEAKY

    @property
    def key(self) -> str:
        """The run's name: it changes with anything that the score depends on."""
        text = json.dumps(self.depends, sort_keys=True, allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()[:_KEY_LENGTH]

    def run(self, folder: Path) -> Run:
        """Return the run that the cell is a part of, in a benchmark's folder."""
        return Run(cells_folder(folder) / self.key)


def cells_folder(folder: Path) -> Path:
    """Return where a benchmark's folder keeps the runs of its cells."""
    return folder / "cells"


def cells_of(question: Question) -> list[Cell]:
    """Return the cells of a benchmark: store after store, decoder after decoder, split after split.

    Parameters
    ----------
    question : Question
        What it is of.

    Returns
    -------
    list of Cell
        Nothing is computed yet.

    Raises
    ------
    UserError
        If a store is none or is damaged, two hold the same trials, or there is no such decoder or
        setting.
    """
    paths = list(dict.fromkeys(path.resolve() for path in question.stores))
    if not paths or not question.decoders:
        raise UserError("a benchmark needs a store and a decoder at least")
    stores = [Store(path) for path in paths]
    for name, values in question.decoders.items():
        # Built, since only then a network of the zoo says whether there is one of that name.
        decoder_settings(name, values).build(stores[0].about["sfreq"])
    first_of: dict[str, Store] = {}
    for store in stores:
        store.verify()
        same = first_of.setdefault(store.about["content_hash"], store)
        if same is not store:
            raise UserError(f"{store.path}: holds the same trials as {same.path}: name one of them")
    shared = question.settings
    honest = [split for split in shared.splits if split not in LEAKY]
    cells = []
    for store, name in zip(stores, told_apart(paths), strict=True):
        content = store.about["content_hash"]
        for decoder, values in question.decoders.items():
            for split in shared.splits:
                splits = (honest[0], split) if split in LEAKY else (split,)
                update = {"decoder": decoder, "decoder_settings": dict(values), "splits": splits, "retrain": 0}
                settings = shared.model_copy(update=update)
                cells.append(Cell(store.path, name, content, settings, split, _depends(content, settings)))
    return cells


def resolved(settings: EvaluationSettings) -> dict[str, Any]:
    """Return the settings of an evaluation with the decoder's defaults spelt out, but for its splits."""
    decoder = decoder_settings(settings.decoder, {**settings.decoder_settings, **BALANCES[settings.balance]})
    values = settings.model_dump(mode="json", exclude={"splits", "retrain"})
    return {**values, "decoder_settings": decoder.model_dump(mode="json")}


def told_apart(paths: Sequence[Path]) -> list[str]:
    """Return a name for each folder: its own, with as many of those above it as tell it from the others.

    Parameters
    ----------
    paths : sequence of Path
        Absolute, each another one.

    Returns
    -------
    list of str
        In the order of the folders.
    """
    return [_name(path, [other for other in paths if other != path]) for path in paths]


def _name(path: Path, others: Iterable[Path]) -> str:
    taken = [other.parts for other in others]
    for length in range(1, len(path.parts)):
        name = path.parts[-length:]
        if all(other[-length:] != name for other in taken):
            return "/".join(name)
    return str(path)


def _depends(content: str, settings: EvaluationSettings) -> dict[str, Any]:
    """Return all that the scores of a run depend on; its further splits change nothing in it."""
    values = resolved(settings)
    return {
        "content_hash": content,
        "split": settings.split,
        "settings": values,
        "weights": _weights(values["decoder_settings"].get("pretrained")),
        "provenance": provenance(settings.decoder),
    }


def _weights(where: str | None) -> str | None:
    """Return the hash of the weights that a training begins with, where they are on this machine."""
    if where is None or not os.path.exists(where):
        return where
    return content_hash(Path(where))
