"""
Your own NumPy arrays
=====================

Trials need no file: an array of signals and one of labels are enough. Labels may be words.
"""

# %%
# Arrays become trials
# --------------------
# The arrays here are made up, so that it is known what is in them: noise in microvolts, and in the trials called *face*
# a deflection of 4 microvolts around 170 ms over the right side of the head. Trials stand in the order of recording;
# the split below depends on it.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mindglyph import Trials
from mindglyph.evaluation import EvaluationSettings, evaluate
from mindglyph.store import Store, write_trials

rng = np.random.default_rng(0)
sfreq, n_trials = 128.0, 400
labels = rng.choice(["face", "house"], size=n_trials)
times = np.arange(128) / sfreq
noise = np.cumsum(rng.normal(size=(n_trials, 4, 128)), axis=-1) + 4 * rng.normal(size=(n_trials, 4, 128))
deflection = -4 * np.exp(-0.5 * ((times - 0.17) / 0.03) ** 2) * np.array([0.2, 0.1, 0.5, 1.0])[:, None]
signals = noise + (labels == "face")[:, None, None] * deflection

trials = Trials.from_arrays(signals, labels, sfreq=sfreq, ch_names=["TP9", "AF7", "AF8", "TP10"])
print(len(trials), "trials of", trials.info["ch_names"])

# %%
# A store, and the whole evaluation
# ---------------------------------
# `write_trials` puts them where every command finds them: `mindglyph inspect mine.store`, `mindglyph evaluate
# mine.store`. The same evaluation from Python; the preprocessing is a part of what is fitted in each fold, so it never
# sees a tested trial.
folder = Path(tempfile.mkdtemp())
write_trials(trials, folder / "mine.store", name="made up")
settings = EvaluationSettings(decoder="lda", permutations=2000)
metrics = evaluate(Store(folder / "mine.store"), settings, folder / "mine.run")
print(metrics["verdict"])
decoding = metrics["decoding"]
print(f"area under the curve {decoding['auc']:.3f}")
assert decoding["p_value"] < 0.05
assert decoding["accuracy"] > decoding["chance_bound"]

tables = sorted((folder / "mine.run").glob("folds/blocked/*/predictions.parquet"))
predictions = pd.concat([pd.read_parquet(table) for table in tables])

# %%
# The picture
# -----------
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.4), layout="constrained")
for label in ("face", "house"):
    left.plot(1000 * times, trials.signals[labels == label, 3].mean(axis=0), label=label)
left.set(xlabel="time (ms)", ylabel="mean at TP10 (µV)")
left.legend()
for label in ("face", "house"):
    believed = predictions.loc[predictions["label"] == label, "p_face"]
    right.hist(believed, bins=20, range=(0, 1), alpha=0.6, label=f"{label} shown")
right.axvline(0.5, color="black", linestyle=":")
right.set(xlabel="probability of a face, as decoded", ylabel="tested trials")
right.legend()
plt.show()

# %%
# *Left: the mean of each label. Right: what the decoder believed of trials that it did not learn from. Chance would be
# two heaps that lie on one another around the dotted line.*
