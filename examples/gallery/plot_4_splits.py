"""
A random split beside an honest one
===================================

The same recording and the same decoder give two scores. One divides the trials by lot, so that nearly every tested
trial has a neighbour in time among those learned from. The other tests whole stretches. What lies between them is the
*inflation*.
"""

# %%
# A recording without any signal
# ------------------------------
# Digits come in runs and the electrodes drift, as in a block design. Whatever is decoded here beyond 10% is not the
# digit.
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
settings = SimulationSettings(format="in", events=1000, ceiling=0.1, confound="drift", seed=3)
truth = simulate(folder / "IN.txt", settings, digits.images, digits.labels, PACKAGED)
write_store(folder / "in.store", recognise(folder / "IN.txt"), truth)
store = Store(folder / "in.store")

# %%
# Two splits in one run
# ---------------------
# A random split is evaluated only beside an honest one.
asked = EvaluationSettings(decoder="lda", splits=("blocked", "random"), permutations=2000)
metrics = evaluate(store, asked, folder / "run")
blocked, random = metrics["splits"]["blocked"], metrics["splits"]["random"]
for name, score in (("blocked", blocked), ("random (leaky)", random)):
    low, high = score["ci95"]
    print(f"{name:15} {score['accuracy']:6.1%} (95% interval {low:.1%} to {high:.1%})")
print(metrics["inflation"]["sentence"])

# %%
# The verdict is that of the honest split, and the audit has failed the recording as well.
print(metrics["verdict"])
assert metrics["inflation"]["difference"] > 0.05
assert random["accuracy"] > random["chance_bound"] + 0.05
assert blocked["ci95"][0] < blocked["chance"] < blocked["ci95"][1]
assert metrics["audit"]["failed"]

# %%
# The picture
# -----------
figure, axes = plt.subplots(figsize=(5.5, 3.6), layout="constrained")
for place, (score, colour) in enumerate(((blocked, "tab:blue"), (random, "tab:red"))):
    around = np.abs(np.array(score["ci95"]) - score["accuracy"])[:, None]
    axes.errorbar(place, score["accuracy"], around, fmt="o", color=colour, capsize=6)
axes.axhline(blocked["chance"], color="black", linestyle=":", label="chance")
axes.axhspan(0, blocked["chance_bound"], color="grey", alpha=0.2, label="19 of 20 guesses")
axes.set(xticks=(0, 1), xticklabels=("blocked", "random (leaky)"), xlim=(-0.5, 1.5), ylim=(0, 0.5), ylabel="accuracy")
axes.legend()
plt.show()

# %%
# *Accuracy with its 95% interval. Chance would be both points in the grey band and both intervals across the dotted
# line: that is what there is to decode here, and the random split shows something else.*
