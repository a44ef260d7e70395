"""Measure what the packaged generators draw: what the judge reads, how near to real pictures, how fast.

    uv run python benchmarks/pictures.py --mnist package/data
    uv run python benchmarks/pictures.py --quick

Every generator draws a picture for each of the same labels, those of the test pictures. The
Fréchet distance (FID) is between the judge's features of what was drawn and of the whole test
set; its floor is that of as many real training pictures, of the same labels, which the judge
was not trained on. Diversity is the mean distance of two pictures of a digit, against that of
the test pictures. Seconds are those of drawing 1,000 pictures, on a busy machine more than on
an idle one; the processor's seconds, of all threads together, are less so. With `--mnist` (a
folder of MNIST's idx files) the test set is the whole of MNIST's, without it the 2,000 of them
that are packaged. Prints a table, writes a grid of each generator's pictures where `--grids`
says, and ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch

from mindglyph.images.conditions import Condition
from mindglyph.images.generators import Generator
from mindglyph.images.grids import write_grid
from mindglyph.images.judge import Judge, packaged_judge
from mindglyph.images.metrics import diversity, frechet_distance, inception_score
from mindglyph.images.registry import GENERATORS, packaged_generator
from mindglyph.images.sets import DigitSet, load_digits, read_mnist

TIMED = 1000


def measure(
    generator: Generator,
    judge: Judge,
    labels: np.ndarray,
    real: np.ndarray,
    real_diversity: float,
    seed: int,
    repeats: int,
) -> dict[str, float]:
    """Return the figures of a generator for labels (n,), against features of real pictures."""
    drawn = generator.sample(Condition.of_labels(labels), np.random.default_rng(seed))
    features = judge.features(drawn)
    probabilities = judge.decided(features)
    runs = []
    for _ in range(repeats):
        start, worked = time.perf_counter(), time.process_time()
        generator.sample(Condition.of_labels(np.arange(TIMED) % 10), np.random.default_rng(seed))
        runs.append((time.perf_counter() - start, time.process_time() - worked))
    seconds, cpu_seconds = map(min, zip(*runs, strict=True))
    return {
        "judge": round(float(np.mean(probabilities.argmax(axis=1) == labels)), 4),
        "fid": round(frechet_distance(features, real), 3),
        "inception_score": round(inception_score(probabilities), 3),
        "diversity": round(diversity(drawn, labels) / real_diversity, 3),
        "seconds_per_1000": round(seconds, 2),
        "cpu_seconds_per_1000": round(cpu_seconds, 2),
    }


def floor(judge: Judge, labels: np.ndarray, real: np.ndarray, rng: np.random.Generator) -> float:
    """Return the Fréchet distance of real training pictures of some labels, none of them twice."""
    training = load_digits("train")
    places = [
        rng.choice(np.flatnonzero(training.labels == digit), np.sum(labels == digit), replace=False)
        for digit in np.unique(labels)
    ]
    return round(frechet_distance(judge.features(training.images[np.concatenate(places)]), real), 3)


def tested(mnist: Path | None) -> DigitSet:
    """Return the test set."""
    return read_mnist(mnist, "test") if mnist else load_digits("test")


def main() -> None:
    """Measure all generators and print what they reach."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mnist", type=Path, help="folder with MNIST's idx files")
    parser.add_argument("--quick", action="store_true", help="1,000 pictures instead of 5,000")
    parser.add_argument("--generators", nargs="+", choices=list(GENERATORS), default=list(GENERATORS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3, help="of the timing, of which the fastest counts")
    parser.add_argument("--grids", type=Path, help="folder for a PNG of each generator")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    rng = np.random.default_rng(arguments.seed)
    judge, test = packaged_judge(), tested(arguments.mnist)
    places = rng.permutation(len(test))[: 1000 if arguments.quick else 5000]
    labels = test.labels[places]
    real = judge.features(test.images)
    real_diversity = diversity(test.images[places] / 255, labels)
    results: dict[str, object] = {
        "judge_accuracy": round(float(np.mean(judge.decided(real).argmax(axis=1) == test.labels)), 4),
        "n_drawn": len(labels),
        "n_test": len(test),
        "threads": arguments.threads,
    }
    columns = ("judge", "fid", "inception_score", "diversity", "seconds_per_1000", "cpu_seconds_per_1000")
    print("".join(f"{name:>22}" for name in ("", *columns)))
    for name in arguments.generators:
        generator = packaged_generator(name)
        found = measure(generator, judge, labels, real, real_diversity, arguments.seed, arguments.repeats)
        results[name] = found
        print(f"{name:>22}" + "".join(f"{found[column]:>22}" for column in columns), flush=True)
        if arguments.grids:
            condition = Condition.of_labels(np.arange(10).repeat(10))
            write_grid(arguments.grids / f"{name}.png", generator.sample(condition, rng), 10)
    results["fid_floor"] = floor(judge, labels, real, rng)
    print(f"{'real':>22}{'':>22}{results['fid_floor']:>22}")
    print(json.dumps(results))


if __name__ == "__main__":
    main()
