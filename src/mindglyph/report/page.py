"""Puts the report's page together."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.evaluation import EvaluationSettings, evaluated_trials
from mindglyph.evaluation.benchmark.provenance import provenance
from mindglyph.evaluation.crossvalidation import read_histories
from mindglyph.evaluation.verdict import gain_sentence
from mindglyph.files import replaced_file
from mindglyph.reconstruction import Reconstructions
from mindglyph.report import figures
from mindglyph.report.answers import answers
from mindglyph.report.drawing import as_png
from mindglyph.report.pages import pages
from mindglyph.report.picture_grids import chosen_trials
from mindglyph.runs import Run
from mindglyph.store import Store

_GRID_COLUMNS = 12


def write_report(path: Path, run: Run, store: Store, settings: EvaluationSettings) -> None:
    """Write a run's report as one page that needs nothing else.

    Parameters
    ----------
    path : Path
        The HTML file.
    run : Run
        With its evaluation finished; pictures are shown where it has them.
    store : Store
        The trials of the run.
    settings : EvaluationSettings
        Of the run.

    Raises
    ------
    UserError
        If a part of the run is missing or the page cannot be written.
    """
    metrics = run.metrics
    decoding = metrics["decoding"]
    trials = evaluated_trials(store)
    evoked, evoked_channel = figures.evoked_figure(trials, settings.preprocessing)
    histories = read_histories(run.folds(settings.split), len(decoding["folds"]))
    page = (
        pages()
        .get_template("page.html.j2")
        .render(
            metrics=metrics,
            answers=answers(metrics, settings.decoder, store.about),
            decoding=decoding,
            pictures=metrics.get("pictures"),
            gain=gain_sentence(metrics.get("pictures", {})),
            grids=_grids(run, metrics["pictures"]) if "pictures" in metrics else {},
            import_report=store.import_report,
            store=store.about,
            left_out=store.about["trials"] - len(trials),
            decoder=settings.decoder,
            by_epoch=bool(histories[0]) and "epoch" in histories[0][0],
            accuracy=figures.accuracy_figure(decoding),
            confusion=figures.confusion_figure(decoding),
            audit=metrics.get("audit"),
            reliability=figures.reliability_figure(decoding),
            permutations=figures.permutation_figure(decoding, run.null(settings.split)),
            learning=figures.learning_figure(histories, decoding),
            evoked=evoked,
            evoked_channel=evoked_channel,
            settings=_settings(run, store, settings),
            seed=settings.seed,
            versions=provenance(settings.decoder),
        )
    )
    with replaced_file(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _grids(run: Run, scores: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the trials of each choice as the page shows them."""
    pictures = Reconstructions.load(Path(os.path.normpath(run.path / scores["folder"])) / "pictures.npz")
    chosen = chosen_trials(pictures, _GRID_COLUMNS)
    return {name: [_cell(pictures, place, scores["labels"]) for place in places] for name, places in chosen.items()}


def _cell(pictures: Reconstructions, place: int, names: list[str]) -> dict[str, Any]:
    order = np.argsort(pictures.probabilities[place])[::-1][:2]
    accepted = bool(pictures.accepted[place])
    return {
        "label": names[pictures.labels[place]],
        "seen": None if pictures.seen is None else as_png(pictures.seen[place] / 255),
        "drawn": as_png(pictures.drawn[place]) if accepted else None,
        "deviation": as_png(pictures.deviation[place]) if accepted else None,
        "candidate": as_png(pictures.bank[pictures.candidates[place, 0]] / 255) if accepted else None,
        "label_only": as_png(pictures.label_only[place]) if accepted else None,
        "believed": [(names[digit], float(pictures.probabilities[place, digit])) for digit in order],
        "right": bool(order[0] == pictures.labels[place]),
    }


def _settings(run: Run, store: Store, settings: EvaluationSettings) -> str:
    decoder = settings.pipeline(store.about["sfreq"]).decoder
    asked = {
        **run.asked["settings"],
        "decoder_settings": decoder.settings_.model_dump(mode="json"),
        "content_hash": run.asked["content_hash"],
    }
    truth = store.truth
    if truth is not None:
        asked["simulation"] = truth["settings"]
    return json.dumps(asked, indent=2)
