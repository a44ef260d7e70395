"""
Which of two decoders is better?
================================

Two decoders are tested on the same folds. A plain paired t-test takes the folds as independent, although each learned
from trials that the others test, and so finds differences that are not there. Nadeau and Bengio's corrected t allows
for it.
"""

# %%
# Two decoders on the same folds
# ------------------------------
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from scipy.stats import ttest_rel

from mindglyph.evaluation import EvaluationSettings, evaluate
from mindglyph.evaluation.comparison import compare_decoders
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
digits = load_digits("train")
settings = SimulationSettings(format="in", events=800, ceiling=0.7, seed=2)
truth = simulate(folder / "IN.txt", settings, digits.images, digits.labels, PACKAGED)
write_store(folder / "in.store", recognise(folder / "IN.txt"), truth)
store = Store(folder / "in.store")

folds, chance = {}, 0.1
for decoder in ("evoked", "lda"):
    metrics = evaluate(store, EvaluationSettings(decoder=decoder, permutations=500), folder / decoder)
    folds[decoder] = metrics["decoding"]["folds"]
    print(f"{decoder:8} {metrics['decoding']['accuracy']:.1%}")

# %%
# The comparison
# --------------
# With more than two decoders, ``p_holm`` is corrected for the number of pairs. ``mindglyph benchmark`` makes this table
# by itself.
n_test = len(store.trials()) / 5
found = compare_decoders(folds, n_test=n_test, n_train=4 * n_test).iloc[0]
plain = ttest_rel(folds["evoked"], folds["lda"]).pvalue
print(f"difference {100 * found['difference']:.1f} points, {100 * found['ci_low']:.1f} to {100 * found['ci_high']:.1f}")
print(f"p = {found['p_holm']:.4f} by the corrected t, {plain:.4f} by the plain one")
assert found["difference"] > 0.03
assert found["p_holm"] < 0.05
assert plain < found["p"]

# %%
# The picture
# -----------
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for one, other in zip(folds["lda"], folds["evoked"], strict=True):
    left.plot((0, 1), (one, other), "o-", color="tab:blue")
left.axhline(chance, color="black", linestyle=":", label="chance")
left.set(xticks=(0, 1), xticklabels=("lda", "evoked"), xlim=(-0.3, 1.3), ylim=(0, 1), ylabel="accuracy of a fold")
left.legend()
differences = 100 * np.subtract(folds["evoked"], folds["lda"])
right.plot(differences, np.zeros(5), "o", color="tab:blue", alpha=0.5, label="folds")
middle, low, high = 100 * found["difference"], 100 * found["ci_low"], 100 * found["ci_high"]
right.errorbar(
    middle, 1, xerr=[[middle - low], [high - middle]], fmt="s", color="tab:red", capsize=6, label="mean, 95%"
)
right.axvline(0, color="black", linestyle=":")
right.set(xlabel="evoked better than lda by (points)", yticks=(), ylim=(-1, 2))
right.legend()
plt.show()

# %%
# *Left: each line is a stretch of the recording, decoded by both. Right: the differences, and the interval of their
# mean. Chance would be lines along the dotted one on the left, some rising and some falling, and an interval across
# zero on the right.*
