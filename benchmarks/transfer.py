"""Measure what a decoder gains by starting from one of another headset on the same head.

    uv run python benchmarks/transfer.py --headsets in mu --decoders lda sparse-cnn --seeds 5

For each seed a person is simulated with an EPOC (8,000 trials) and with a smaller headset. The
decoder learns from the EPOC's trials; then 200 trials of the smaller headset are learned from
scratch, and from the EPOC's decoder, and both decode the same trials held out. Each seed is a
person of their own, and all ways are compared on the same trials. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

import numpy as np
import torch

from mindglyph import Trials
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.images.sets import load_digits
from mindglyph.simulation import Pictures, SimulatedRecording, SimulationSettings
from mindglyph.transfer import Transfer, TransferSettings

# Small enough to be trained on one processor core in a minute.
SETTINGS: dict[str, dict[str, Any]] = {
    "sparse-cnn": {
        "filters": (16, 32),
        "dropouts": (0.25, 0.25),
        "features": 32,
        "training": {"max_epochs": 12, "precision": "float32", "compiled": "no"},
    },
}
# Of few trials a pass has few steps: whoever learns from them, from scratch or not, may pass over them for longer.
LONGER = {"max_epochs": 100, "patience": 15}
WAYS = {"fine-tuned": TransferSettings(), "frozen body": TransferSettings(frozen="body")}


def recorded(format: str, events: int, ceiling: float, person: int, seed: int) -> Trials:
    """Return the trials of a simulated recording, as an import would give them."""
    digits = load_digits("train")
    settings = SimulationSettings(format=format, events=events, ceiling=ceiling, person=person, seed=seed)
    recording = SimulatedRecording.draw(settings, Pictures(digits.images, digits.labels, digits.index))
    headset = recording.headset
    chunks = [steps[..., : headset.n_times] * headset.resolution for _, steps in recording.chunks()]
    signals = np.concatenate([chunk.astype(np.float32) for chunk in chunks])
    return Trials.from_arrays(signals, np.array(recording.labels), headset.sfreq, headset.channels)


def measure(decoder: str, headsets: list[str], seed: int, sizes: argparse.Namespace) -> dict[str, dict[str, float]]:
    """Return the accuracy of every way on every headset, of one decoder and one person."""
    asked = DecodingSettings(decoder=decoder, decoder_settings=SETTINGS.get(decoder, {}), seed=seed)
    trials = recorded("ep", sizes.source, sizes.ceiling, seed, 1000 + seed)
    source = asked.pipeline(trials.sfreq).fit(trials)
    results = {}
    for headset in headsets:
        # Ten trials between those learned and those tested, which neighbours in time might resemble.
        trials = recorded(headset, sizes.target + 10 + sizes.test, sizes.ceiling, seed, 2000 + seed)
        places = np.arange(len(trials))
        learned, tested = trials.select(places[: sizes.target]), trials.select(places[sizes.target + 10 :])
        changed = asked.decoder_settings
        if "training" in changed:
            changed = {**changed, "training": {**changed["training"], **LONGER}}
        ways = {"scratch": asked.model_copy(update={"decoder_settings": changed}).pipeline(learned.sfreq)}
        for name, settings in WAYS.items():
            transfer = Transfer(source, settings)
            ways[name] = transfer.pipeline(learned, transfer.decoding(changed, seed))
        results[headset] = {}
        for name, pipeline in ways.items():
            probabilities, _ = pipeline.fit(learned).outputs(tested)
            guesses = pipeline.decoder.classes_[probabilities.argmax(axis=1)]
            results[headset][name] = float(np.mean(guesses == tested.labels))
    return results


def summary(results: list[dict[str, float]]) -> dict[str, Any]:
    """Return the mean of each way, and what transfer gains: mean and standard error of the pairs."""
    scratch = np.array([result["scratch"] for result in results])
    means: dict[str, Any] = {"scratch": round(float(scratch.mean()), 4)}
    for name in WAYS:
        found = np.array([result[name] for result in results])
        gains = found - scratch
        error = float(gains.std(ddof=1) / np.sqrt(len(gains))) if len(gains) > 1 else None
        means[name] = {
            "accuracy": round(float(found.mean()), 4),
            "gain": round(float(gains.mean()), 4),
            "standard_error": None if error is None else round(error, 4),
            "better": f"{int((gains > 0).sum())} of {len(gains)}",
        }
    return means


def main() -> None:
    """Measure every decoder on every person and print what it gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--headsets", nargs="+", choices=("in", "mu", "mw"), default=["in", "mu"])
    parser.add_argument("--decoders", nargs="+", default=["lda", "sparse-cnn"])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--source", type=int, default=8000, help="trials of the EPOC")
    parser.add_argument("--target", type=int, default=200, help="trials of the smaller headset to learn from")
    parser.add_argument("--test", type=int, default=3000)
    parser.add_argument("--ceiling", type=float, default=0.9)
    parser.add_argument("--quick", action="store_true", help="two persons, 2,000 and 1,000 trials, lda alone")
    sizes = parser.parse_args()
    if sizes.quick:
        sizes.seeds, sizes.source, sizes.test, sizes.decoders = 2, 2000, 1000, ["lda"]
    torch.set_num_threads(1)
    start = time.perf_counter()
    whole: dict[str, Any] = {}
    print(f"{'decoder':<12}{'headset':<9}{'seed':<6}" + "".join(f"{way:<13}" for way in ("scratch", *WAYS)))
    for decoder in sizes.decoders:
        found: dict[str, list[dict[str, float]]] = {headset: [] for headset in sizes.headsets}
        for seed in range(sizes.first_seed, sizes.first_seed + sizes.seeds):
            for headset, result in measure(decoder, sizes.headsets, seed, sizes).items():
                found[headset].append(result)
                row = "".join(f"{result[way]:<13.3f}" for way in ("scratch", *WAYS))
                print(f"{decoder:<12}{headset:<9}{seed:<6}{row}", flush=True)
        whole[decoder] = {headset: summary(results) for headset, results in found.items()}
    asked = {name: getattr(sizes, name) for name in ("seeds", "first_seed", "source", "target", "test", "ceiling")}
    print(json.dumps({**asked, "decoders": whole, "seconds": round(time.perf_counter() - start, 1)}))


if __name__ == "__main__":
    main()
