"""Compare ways of making the sparse forest, on simulated recordings with a known ceiling.

    uv run python benchmarks/forest.py trunk=own
    uv run python benchmarks/forest.py --keep --seeds 10 11 12 13 band_powers=true forest=random-forest,leaf=5

Each change that is named is made alone and compared with the defaults, seed by seed: the
same recording, trained on its first stretch and tested on its last, a gap between. A seed makes
recording and decoder. Small networks by default, since experts trained one by one take long; more
with --filters. Beside what is tested stands the log loss out of fold, of the training fold alone:
by it, and on seeds that are compared by nothing else, settings are chosen. With --keep the experts
of a seed are trained once for all ways that differ in the forest only. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mindglyph.decoders import decoder_settings
from mindglyph.decoders.monitor import Monitor
from mindglyph.images.sets import PACKAGED, load_digits, shown_pictures
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store

_GAP = 10


def recording(folder: Path, arguments: argparse.Namespace, seed: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Return raw signals, labels and rate of a simulated recording."""
    settings = SimulationSettings(
        format=arguments.format, events=arguments.events, ceiling=arguments.ceiling, seed=seed, rest=0.0
    )
    digits = load_digits("train")
    truth = simulate(folder / "recording.txt", settings, digits.images, digits.labels, PACKAGED)
    write_store(folder / "store", recognise(folder / "recording.txt"), truth, shown_pictures(truth))
    trials = Store(folder / "store").trials()
    shown = trials.labels >= 0
    return np.asarray(trials.signals)[shown], trials.labels[shown], trials.sfreq


def measure(
    name: str,
    values: dict[str, Any],
    raw: np.ndarray,
    labels: np.ndarray,
    sfreq: float,
    seed: int,
    kept: Path | None = None,
) -> dict[str, float]:
    """Return accuracy, Brier score and log loss on the last quarter, and the seconds of fit and prediction.

    The log loss out of fold is that of the trials that a decoder held out of its training fold; the
    seconds are those of the processor, which nobody else's work lengthens.
    """
    first = round(0.75 * len(raw))
    transformer = PreprocessingSettings().build(sfreq)
    learned = transformer.fit_transform(raw[: first - _GAP])
    tested = transformer.transform(raw[first:])
    decoder = decoder_settings(name, values).build(sfreq, seed)
    start = time.process_time()
    decoder.fit(learned, labels[: first - _GAP], Monitor(folder=kept))
    fitted = time.process_time()
    probabilities = decoder.predict_proba(tested)
    done = time.process_time()
    truth = decoder.classes_ == labels[first:, None]
    return {
        "accuracy": float((probabilities.argmax(axis=1) == truth.argmax(axis=1)).mean()),
        "brier": float(((probabilities - truth) ** 2).sum(axis=1).mean()),
        "log_loss": float(-np.log(probabilities[truth]).mean()),
        "out_of_fold_log_loss": decoder.held_out_["loss"],
        "fit_s": round(fitted - start, 2),
        "predict_s": round(done - fitted, 2),
        "epochs": len(decoder.history_),
    }


def _experts_of(name: str, values: dict[str, Any]) -> str:
    """Return a name for the experts that such settings train."""
    of_the_forest = {"forest", "trees", "leaf", "vote", "statistics", "band_powers"}
    return "-".join(
        [name, *(f"{key}={value}" for key, value in values.items() if key not in of_the_forest | {"expert"})]
    )


def main() -> None:
    """Measure the defaults and each change, and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("changes", nargs="*", help="NAME=VALUE[,NAME=VALUE], settings of the sparse forest")
    parser.add_argument("--beside", nargs="*", default=[], help="other decoders to measure: lda, sparse-cnn")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--format", default="ep", choices=["ep", "mw", "mu", "in"])
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--ceiling", type=float, default=0.9)
    parser.add_argument("--filters", type=int, nargs=2, default=[16, 32])
    parser.add_argument("--inner-folds", type=int, default=3)
    parser.add_argument("--max-epochs", type=int, default=40)
    parser.add_argument("--keep", action="store_true", help="train experts once where the forest alone differs")
    parser.add_argument("--training", nargs="*", default=[], help="NAME=VALUE, of how every network is trained")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    training = {"max_epochs": arguments.max_epochs, **dict(change.split("=") for change in arguments.training)}
    network = {"filters": arguments.filters, "training": training}
    base = {"expert": network, "inner_folds": arguments.inner_folds}
    ways: dict[str, tuple[str, dict[str, Any]]] = {"defaults": ("sparse-forest", base)}
    for change in arguments.changes:
        changed = dict(part.split("=") for part in change.split(","))
        ways[change] = ("sparse-forest", {**base, **changed})
    for name in arguments.beside:
        ways[name] = (name, network if name == "sparse-cnn" else {})
    results: dict[str, list[dict[str, float]]] = {way: [] for way in ways}
    for seed in arguments.seeds:
        with tempfile.TemporaryDirectory() as folder:
            raw, labels, sfreq = recording(Path(folder), arguments, seed)
            for way, (name, values) in ways.items():
                kept = Path(folder) / _experts_of(name, values) if arguments.keep else None
                results[way].append(measure(name, values, raw, labels, sfreq, seed, kept))
                print(seed, way, json.dumps(results[way][-1]), flush=True)
    means = {way: {key: float(np.mean([row[key] for row in rows])) for key in rows[0]} for way, rows in results.items()}
    base_accuracy = np.array([row["accuracy"] for row in results["defaults"]])
    for way, rows in results.items():
        difference = np.array([row["accuracy"] for row in rows]) - base_accuracy
        means[way]["difference"] = float(difference.mean())
        if len(difference) > 1:
            means[way]["standard_error"] = float(difference.std(ddof=1) / np.sqrt(len(difference)))
    print(json.dumps({"settings": vars(arguments), "means": means}))


if __name__ == "__main__":
    main()
