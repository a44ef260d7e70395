"""Count how often the demo's verdict finds something where there is nothing, and where there is.

    uv run python benchmarks/seeds.py --seeds 20 --ceiling 0.1

Each seed is simulated, imported and evaluated as `mindglyph demo` does it; the pictures and the
page, which the verdict does not depend on, are left out. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

from mindglyph.cli.decoding import run_evaluation
from mindglyph.cli.recordings import run_import, run_simulation
from mindglyph.compute import run_tasks
from mindglyph.evaluation import EvaluationSettings
from mindglyph.simulation import SimulationSettings


def evaluate_seed(task: tuple[int, int, float]) -> dict[str, float]:
    """Return accuracy, p and ceiling of one seed."""
    seed, events, ceiling = task
    picture_signal = 0.3 if ceiling > 0.1 else 0.0
    simulation = SimulationSettings(events=events, ceiling=ceiling, picture_signal=picture_signal, seed=seed)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run_simulation(folder / "EP.txt", simulation)
        run_import([folder / "EP.txt"], folder / "store")
        decoding = run_evaluation(folder / "store", EvaluationSettings(decoder="evoked", seed=seed), folder / "run")[
            "decoding"
        ]
    return {"seed": seed, **{name: decoding[name] for name in ("accuracy", "p_value", "ceiling")}}


def main() -> None:
    """Evaluate all seeds and print what they gave."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--events", type=int, default=5000)
    parser.add_argument("--ceiling", type=float, default=0.1)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    start = time.perf_counter()
    tasks = [(seed, arguments.events, arguments.ceiling) for seed in range(arguments.seeds)]
    results = []
    for result in run_tasks(evaluate_seed, tasks, arguments.workers):
        print(json.dumps(result), flush=True)
        results.append(result)
    summary = {
        "seeds": arguments.seeds,
        "events": arguments.events,
        "ceiling_asked": arguments.ceiling,
        "p_above_0.05": sum(result["p_value"] > 0.05 for result in results),
        "mean_accuracy": sum(result["accuracy"] for result in results) / len(results),
        "seconds": round(time.perf_counter() - start, 1),
    }
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
