"""
Decode a recording, and read the score
======================================

A recording is simulated, imported and decoded as ``mindglyph simulate``, ``import`` and ``evaluate`` do it. Because
the signal was planted, its limit is known: the *ceiling* is what an ideal observer reaches.
"""

# %%
# The recording
# -------------
# 900 trials of the five channels of an Insight, from which an ideal observer reads 80% of the digits.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from mindglyph.evaluation import EvaluationSettings, evaluate
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
digits = load_digits("train")
settings = SimulationSettings(format="in", events=900, ceiling=0.8, seed=1)
truth = simulate(folder / "IN.txt", settings, digits.images, digits.labels, PACKAGED)
write_store(folder / "in.store", recognise(folder / "IN.txt"), truth)
store = Store(folder / "in.store")

# %%
# The score
# ---------
# The recording is cut into five stretches of time. Each is tested by a decoder that was trained on the others.
metrics = evaluate(store, EvaluationSettings(decoder="evoked", permutations=2000), folder / "run")
score = metrics["decoding"]
efficiency = (score["accuracy"] - score["chance"]) / (score["ceiling"] - score["chance"])

print(metrics["verdict"])
print(f"accuracy    {score['accuracy']:.1%} of {score['n_test']} trials")
print(f"interval    {score['ci95'][0]:.1%} to {score['ci95'][1]:.1%} (95%)")
print(f"chance      {score['chance']:.0%}; guessing exceeds {score['chance_bound']:.1%} once in 20 such recordings")
print(f"p           {score['p_value']:.4f}")
print(f"ceiling     {score['ceiling']:.1%}; efficiency {efficiency:.2f}")

# %%
# - The **interval** is of the accuracy that this kind of decoder reaches on recordings like this one.
# - **p** says how often labels that were permuted in blocks of neighbours are decoded as well.
# - **Efficiency** is the share of what can be decoded that is decoded. Real recordings have none: nobody knows their
#   ceiling.
assert score["p_value"] < 0.01
assert score["ci95"][0] > score["chance_bound"]
assert efficiency > 0.7
assert score["accuracy"] < score["ceiling"] + 0.03

# %%
# The picture
# -----------
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
left.bar(np.arange(1, 6), score["folds"], color="tab:blue")
left.axhline(score["chance"], color="black", linestyle=":", label="chance")
left.axhline(score["ceiling"], color="tab:green", linestyle="--", label="ceiling")
left.set(xlabel="stretch of the recording", ylabel="accuracy", ylim=(0, 1))
left.legend(loc="upper right")
shares = np.array(score["confusion"]) / np.sum(score["confusion"], axis=1, keepdims=True)
image = right.imshow(shares, vmin=0, vmax=1, cmap="Blues")
right.set(xlabel="digit decoded", ylabel="digit shown", xticks=range(10), yticks=range(10))
figure.colorbar(image, label="share of the digit's trials")
plt.show()

# %%
# *Left: accuracy of each stretch. Right: what was decoded for each digit shown. Chance would be five bars that end at
# the dotted line, give or take two points, and a square that is evenly pale, a tenth in each cell, without a diagonal.*
