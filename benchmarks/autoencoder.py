"""Measure what an auto-encoder before a decoder is worth, against none.

    uv run python benchmarks/autoencoder.py --trials 2000 --ceilings 0.6 0.9 --seeds 3

EP is simulated at ceilings that are known; each recording is cut into stretches of time that are
tested in turn, and each decoder learns from the signals and from the auto-encoder's code of the
very same training trials. A difference is of paired folds. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np

from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.compute import run_tasks
from mindglyph.decoders import AutoencoderSettings, decoder_settings
from mindglyph.evaluation import BlockedSplit, evaluated_trials
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.simulation import SimulationSettings
from mindglyph.store import Store

_NONE = "none"
SMALL = {"sparse-cnn": {"filters": (32, 32), "dropouts": (0.25, 0.25), "features": 32, "training": {"max_epochs": 20}}}
"""Networks smaller than the thesis's, which 2,000 trials do not feed."""

Task = tuple[int, float, int, int, list[str], dict[str, AutoencoderSettings | None]]


def measure(task: Task) -> list[dict[str, float | str]]:
    """Return the accuracy of each decoder, fold and auto-encoder on one simulated recording."""
    seed, ceiling, n_trials, folds, decoders, autoencoders = task
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        run_simulation(folder / "EP.txt", SimulationSettings(events=n_trials, ceiling=ceiling, seed=seed))
        run_import([folder / "EP.txt"], folder / "store")
        trials = evaluated_trials(Store(folder / "store"))
        rows: list[dict[str, float | str]] = []
        for fold, (train, test) in enumerate(BlockedSplit(5).split(trials.labels)):
            if fold >= folds:
                break
            preprocessing = PreprocessingSettings().build(trials.sfreq)
            signals = preprocessing.fit_transform(trials.signals[train])
            later = preprocessing.transform(trials.signals[test])
            for label, settings in autoencoders.items():
                start = time.perf_counter()
                coding = None if settings is None else settings.build(trials.sfreq, seed).fit(signals)
                sfreq = trials.sfreq if settings is None else settings.decoded_sfreq(trials.sfreq)
                learned, tested = (part if coding is None else coding.transform(part) for part in (signals, later))
                coding_seconds = time.perf_counter() - start
                for name in decoders:
                    start = time.perf_counter()
                    decoder = decoder_settings(name, SMALL.get(name)).build(sfreq, seed)
                    decoder.fit(learned, trials.labels[train])
                    rows.append(
                        {
                            "ceiling": ceiling,
                            "seed": seed,
                            "fold": fold,
                            "decoder": name,
                            "autoencoder": label,
                            "accuracy": float(np.mean(decoder.predict(tested) == trials.labels[test])),
                            "coding_seconds": coding_seconds,
                            "decoder_seconds": time.perf_counter() - start,
                            "unexplained": 0.0 if coding is None else coding.reconstruction_error_,
                        }
                    )
    return rows


def summarise(rows: list[dict[str, float | str]]) -> list[dict[str, float | str]]:
    """Return a line for each ceiling, decoder and auto-encoder."""
    lines = []
    for ceiling, decoder, label in dict.fromkeys((r["ceiling"], r["decoder"], r["autoencoder"]) for r in rows):
        these = [r for r in rows if (r["ceiling"], r["decoder"], r["autoencoder"]) == (ceiling, decoder, label)]
        plain = [r for r in rows if (r["ceiling"], r["decoder"], r["autoencoder"]) == (ceiling, decoder, _NONE)]
        gains = np.array([r["accuracy"] for r in these], float) - np.array([r["accuracy"] for r in plain], float)
        lines.append(
            {
                "ceiling": ceiling,
                "decoder": decoder,
                "autoencoder": label,
                "accuracy": round(float(np.mean([r["accuracy"] for r in these])), 4),
                "gain": round(float(gains.mean()), 4),
                "gain_min": round(float(gains.min()), 4),
                "gain_max": round(float(gains.max()), 4),
                "unexplained": round(float(np.mean([r["unexplained"] for r in these])), 4),
                **{
                    name: round(float(np.mean([r[name] for r in these])), 1)
                    for name in ("coding_seconds", "decoder_seconds")
                },
            }
        )
    return lines


def main() -> None:
    """Measure all recordings and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=2000)
    parser.add_argument("--ceilings", type=float, nargs="+", default=[0.6, 0.9])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--folds", type=int, default=5, help="how many of five folds are tested")
    parser.add_argument("--decoders", nargs="+", default=["lda", "sparse-cnn"])
    parser.add_argument("--dimensions", type=int, nargs="+", default=[8])
    parser.add_argument("--output", choices=["code", "reconstruction"], default="code")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a few trials, to see that it runs")
    arguments = parser.parse_args()
    if arguments.quick:
        arguments.trials, arguments.seeds, arguments.folds, arguments.ceilings = 300, 1, 1, [0.9]
    autoencoders: dict[str, AutoencoderSettings | None] = {_NONE: None}
    for dimension in arguments.dimensions:
        autoencoders[f"{arguments.output} {dimension}"] = AutoencoderSettings(
            dimension=dimension, output=arguments.output
        )
    tasks = [
        (seed, ceiling, arguments.trials, arguments.folds, arguments.decoders, autoencoders)
        for ceiling in arguments.ceilings
        for seed in range(arguments.first_seed, arguments.first_seed + arguments.seeds)
    ]
    start = time.perf_counter()
    rows = [row for part in run_tasks(measure, tasks, arguments.workers) for row in part]
    lines = summarise(rows)
    print("ceiling  decoder      autoencoder        accuracy  gain (least to most)     unexplained")
    for line in lines:
        gain = f"{line['gain']:+.3f} ({line['gain_min']:+.3f} to {line['gain_max']:+.3f})"
        print(
            f"{line['ceiling']:>7}  {line['decoder']:<12} {line['autoencoder']:<18} {line['accuracy']:>8.3f}  "
            f"{gain:<24} {line['unexplained']:.3f}"
        )
    asked = {name: getattr(arguments, name) for name in ("trials", "first_seed", "seeds", "folds")}
    print(json.dumps({**asked, "lines": lines, "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
