"""
Judge a decoder of your own
===========================

Any classifier with scikit-learn's ``fit`` and ``predict_proba`` can be tested on the same folds as the decoders here,
and scored by the same statistics: nothing has to be registered, and no code of mindglyph changed.
"""

# %%
# Trials and folds
# ----------------
# The folds are contiguous stretches of the recording with a gap on either side, as ``mindglyph evaluate`` takes them;
# trials of code -1, in which nothing was shown, are left out.
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mindglyph.decoders.settings import DecodingSettings
from mindglyph.evaluation import evaluated_trials, plan, score_decoding, verdict
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
trials = evaluated_trials(store)
folds = plan("blocked", trials, folds=5, gap=10, seed=0)
print(f"{len(trials)} trials in {len(folds)} folds")

# %%
# One's own decoder on these folds
# --------------------------------
# Whatever it learns, the scale of each feature included, it learns inside the fold. `score_decoding` takes a table with
# a row a tested trial, in the order of recording.


def own(signals: np.ndarray) -> np.ndarray:
    """Return the course of each channel without its level, as means of eight samples, in one row a trial."""
    means = signals.reshape(*signals.shape[:2], -1, 8).mean(axis=3)
    return (means - means.mean(axis=2, keepdims=True)).reshape(len(signals), -1)


def tested(number: int, classes: np.ndarray, probabilities: np.ndarray) -> pd.DataFrame:
    """Return the rows of a fold."""
    train, test = folds[number]
    known, counts = np.unique(trials.labels[train], return_counts=True)
    columns = {f"p_{label}": probabilities[:, place] for place, label in enumerate(classes)}
    return pd.DataFrame(
        {
            "fold": number,
            "label": trials.labels[test],
            "predicted": classes[probabilities.argmax(axis=1)],
            "majority": known[counts.argmax()],
            **columns,
        },
        index=test,
    )


parts: dict[str, list[pd.DataFrame]] = {"own": [], "lda": []}
for number, (train, test) in enumerate(folds):
    mine = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"))
    mine.fit(own(np.asarray(trials.signals[train])), trials.labels[train])
    parts["own"].append(tested(number, mine.classes_, mine.predict_proba(own(np.asarray(trials.signals[test])))))
    # One of mindglyph's, preprocessing included, as it learns in a fold.
    theirs = DecodingSettings(decoder="lda").pipeline(trials.sfreq).fit(trials.view(train))
    parts["lda"].append(tested(number, theirs.decoder.classes_, theirs.outputs(trials.view(test))[0]))

# %%
# The same scores for both
# ------------------------
ceiling = store.truth["ceiling"]["accuracy"]
scores = {
    name: score_decoding(pd.concat(tables), ceiling, n_permutations=2000, seed=0) for name, tables in parts.items()
}
for name, score in scores.items():
    print(f"{name}: {verdict(score.as_metrics(), simulated=True)}")
n_test = len(trials) / len(folds)
found = compare_decoders(
    {name: score.folds for name, score in scores.items()}, n_test=n_test, n_train=len(trials) - n_test
).iloc[0]
print(
    f"own less lda: {100 * found['difference']:.1f} points, {100 * found['ci_low']:.1f} to {100 * found['ci_high']:.1f}"
)
assert max(score.p_value for score in scores.values()) < 0.01
assert scores["lda"].accuracy > scores["own"].accuracy > 0.2

# %%
# The picture
# -----------
figure, axes = plt.subplots(figsize=(6, 2.4), layout="constrained")
for place, score in enumerate(scores.values()):
    low, high = score.ci95
    axes.plot((100 * low, 100 * high), (place, place), color="tab:blue", linewidth=4, alpha=0.5)
    axes.plot(100 * score.accuracy, place, "o", color="tab:blue", markersize=9)
axes.axvline(100 * score.chance, color="black", linestyle=":", label="chance")
axes.axvline(100 * ceiling, color="tab:green", linestyle="--", label="ceiling")
axes.set(yticks=(0, 1), yticklabels=list(scores), ylim=(-0.6, 1.6), xlim=(0, 100), xlabel="trials decoded rightly (%)")
axes.legend(loc="lower right")
plt.show()

# %%
# *Dots: the share of trials decoded rightly, with its 95% interval. Chance would be dots near the dotted line.*
