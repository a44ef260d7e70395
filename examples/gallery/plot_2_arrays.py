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
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from mindglyph import Trials
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.evaluation import plan, score_decoding

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
# A decoder, tested on stretches that it did not learn from
# ---------------------------------------------------------
# The preprocessing is a part of what is fitted, so it never sees a tested trial.
settings = DecodingSettings(decoder="lda")
tables = []
for fold, (train, test) in enumerate(plan("blocked", trials, folds=5, gap=10, seed=0)):
    pipeline = settings.pipeline(trials.sfreq).fit(trials.view(train))
    probabilities, _ = pipeline.outputs(trials.view(test))
    classes = pipeline.decoder.classes_
    learned, counts = np.unique(labels[train], return_counts=True)
    table = {
        "fold": fold,
        "label": labels[test],
        "predicted": classes[probabilities.argmax(axis=1)],
        "majority": learned[counts.argmax()],
    }
    table |= {f"p_{label}": probabilities[:, place] for place, label in enumerate(classes)}
    tables.append(pd.DataFrame(table, index=pd.Index(test, name="trial")))
predictions = pd.concat(tables).sort_index()

score = score_decoding(predictions, ceiling=None, n_permutations=2000, seed=0)
print(f"accuracy {score.accuracy:.1%} (95% interval {score.ci95[0]:.1%} to {score.ci95[1]:.1%})")
print(f"chance {score.chance:.0%}, p = {score.p_value:.4f}, area under the curve {score.auc:.3f}")
assert score.p_value < 0.05
assert score.accuracy > score.chance_bound

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
