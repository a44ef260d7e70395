"""
Audit a block design before anything is trained
===============================================

Each digit is shown twenty times in a row while the electrodes drift. No signal is planted, so nothing can be decoded;
yet the label follows the clock, and whoever reads the clock reads the label. ``mindglyph audit`` says so beforehand.
"""

# %%
# The recording
# -------------
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from mindglyph.evaluation import evaluated_trials
from mindglyph.evaluation.audit import audit_store, plans_of
from mindglyph.images.sets import PACKAGED, load_digits
from mindglyph.simulation import SimulationSettings, simulate
from mindglyph.sources.formats import recognise
from mindglyph.store import Store, write_store

temporary = tempfile.TemporaryDirectory()
folder = Path(temporary.name)
digits = load_digits("train")
settings = SimulationSettings(format="in", events=1000, ceiling=0.1, confound="drift", seed=0)
truth = simulate(folder / "IN.txt", settings, digits.images, digits.labels, PACKAGED)
write_store(folder / "in.store", recognise(folder / "IN.txt"), truth)
store = Store(folder / "in.store")

# %%
# What the audit finds
# --------------------
# Two ways to divide the recording are looked at; a finding that names one in brackets is true of that one alone.
audit = audit_store(store, plans_of(store, ["blocked", "random"], 5, seed=0))
print(audit.summary)
for finding in audit.findings:
    if finding.level == "fail":
        print(f"\n{finding.level}: {finding.about}\n  {finding.figure}\n  {finding.mend}")

failed = {finding.about for finding in audit.findings if finding.level == "fail"}
assert audit.fails
assert "label follows time" in failed
assert "neighbours across the split" in failed

# %%
# The picture
# -----------
labels = evaluated_trials(store).labels
repeated = np.mean(labels[1:] == labels[:-1])
rng = np.random.default_rng(0)
shuffled = [rng.permutation(labels) for _ in range(1000)]
by_chance = [np.mean(order[1:] == order[:-1]) for order in shuffled]
assert repeated > max(by_chance) + 0.5

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
left.plot(labels, ".", markersize=2)
left.set(xlabel="trial, in the order of recording", ylabel="digit shown", yticks=range(10))
right.hist(by_chance, bins=15, color="grey", label="labels in random order")
right.axvline(repeated, color="tab:red", label="this recording")
right.set(xlabel="share of trials with the label of the one before", ylabel="orders", xlim=(0, 1))
right.legend()
plt.show()

# %%
# *Left: the digit of each trial. Right: how often a label follows itself. Chance would be a cloud without runs on the
# left, and a red line inside the grey heap, near a tenth, on the right.*
