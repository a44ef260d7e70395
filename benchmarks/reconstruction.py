"""Measure how much of a picture that can be known is drawn, where the limit is known.

    uv run python benchmarks/reconstruction.py            # 8,000 trials a world: some minutes
    uv run python benchmarks/reconstruction.py --quick    # 2,000

Simulated recordings of an EPOC and a Muse 2: with a signal of the digit and of the very picture,
of the digit alone, and with none. For each: pixel correlation over that of the best possible
guess, how often the picture seen is found among ten and among ten of its digit with its p, and
the gain over label only. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from mindglyph.cli.picturing import generator_of
from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.evaluation import EvaluationSettings, cross_validate, evaluated_trials, score_pictures
from mindglyph.images.judge import packaged_judge
from mindglyph.images.vae import packaged_vae
from mindglyph.reconstruction import ReconstructionSettings, reconstruct_run
from mindglyph.runs import Run
from mindglyph.simulation import SimulationSettings
from mindglyph.store import Store

WORLDS: dict[str, dict[str, float]] = {
    "digit and picture": {"ceiling": 0.8, "picture_signal": 0.3},
    "digit alone": {"ceiling": 0.8},
    "nothing": {"ceiling": 0.1},
}


def measure(
    folder: Path, layout: str, world: str, trials: int, decoder: str, generator: str, ways: list[str], seed: int
) -> dict[str, Any]:
    """Return the scores of the pictures of one recording."""
    # A black picture follows each digit in the Muse 2's files.
    events = 2 * trials if layout == "muse2" else trials
    recording, place = folder / f"{layout}-{world}.txt", folder / f"{layout}-{world}.store"
    if not place.exists():
        run_simulation(recording, SimulationSettings(format=layout, events=events, seed=seed, **WORLDS[world]))
        run_import([recording], place)
        recording.unlink()
    store = Store(place)
    start = time.perf_counter()
    settings = EvaluationSettings(decoder=decoder, seed=seed)
    run = Run.start(folder / f"{layout}-{world}-{decoder}.run", {})
    cross_validate(store, settings, run)
    trained = time.perf_counter()
    shown = evaluated_trials(store)
    asked = ReconstructionSettings(alignment=tuple(ways), seed=seed)
    pictures = reconstruct_run(
        run.folds("blocked"), shown, settings.plan(shown), generator_of(generator), packaged_vae(), asked
    )
    scores = score_pictures(pictures, packaged_judge(), 2000, seed, store.truth["ceiling"])
    return {**scores, "seconds": {"decode": trained - start, "draw": time.perf_counter() - trained}}


def main() -> None:
    """Measure every world and print what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="2,000 trials")
    parser.add_argument("--trials", type=int)
    parser.add_argument("--formats", nargs="+", default=["ep", "muse2"])
    parser.add_argument("--worlds", nargs="+", default=list(WORLDS), choices=list(WORLDS))
    parser.add_argument("--decoder", default="evoked")
    parser.add_argument("--generators", nargs="+", default=["vae"])
    parser.add_argument("--alignment", nargs="+", default=["ridge", "network"])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where recordings and runs are kept")
    arguments = parser.parse_args()
    trials = arguments.trials or (2000 if arguments.quick else 8000)
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = arguments.folder or Path(name)
        folder.mkdir(parents=True, exist_ok=True)
        print(f"{trials:,} trials with a digit, {arguments.decoder}, hand read by {', '.join(arguments.alignment)}")
        for layout in arguments.formats:
            for world in arguments.worlds:
                for generator in arguments.generators:
                    scores = measure(
                        folder,
                        layout,
                        world,
                        trials,
                        arguments.decoder,
                        generator,
                        arguments.alignment,
                        arguments.seed,
                    )
                    results[f"{layout}, {world}, {generator}"] = _row(scores)
                    print(f"{layout}, {world}, {generator}: {json.dumps(_row(scores))}", flush=True)
    print(json.dumps(results))


def _row(scores: dict[str, Any]) -> dict[str, Any]:
    """Return what is printed of the scores."""
    likeness, within = scores["similarity"]["correlation"], scores["within_digit"]["10"]
    best = likeness.get("ceiling")
    return {
        "correlation": round(likeness["drawn"], 4),
        "label_only": round(likeness["label_only"], 4),
        "best_possible": best and round(best, 4),
        "share": best and round(likeness["drawn"] / best, 3),
        "found_among_10": round(scores["identification"]["10"]["drawn"], 4),
        "same_digit": round(within["drawn"], 4),
        "same_digit_p": within["p_value"],
        "gain": round(scores["gain"]["over_label_only"], 4),
        "gain_p": scores["gain"]["p_value"],
        "ssim": round(scores["similarity"]["ssim"]["drawn"], 4),
        "drawn": round(scores["accepted"]["share"], 3),
        "alignments": scores["alignments"],
        "seconds": {name: round(seconds) for name, seconds in scores["seconds"].items()},
    }


if __name__ == "__main__":
    main()
