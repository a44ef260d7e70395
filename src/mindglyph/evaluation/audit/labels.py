"""How far a guess gets without a signal: unequal labels, and trials in which nothing was shown."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.stats import mannwhitneyu

from mindglyph.evaluation.audit.chance import ALPHA
from mindglyph.evaluation.audit.features import decoded, features_of
from mindglyph.evaluation.audit.material import Material
from mindglyph.evaluation.audit.result import Finding

_MAJORITY = 1.5, 0.1  # times the chance level, or beyond it
_FEWEST_OF_LABEL = 20
_FEWEST_RESTS = 30
_TOLD = 0.6  # area under the curve
_PIECES = 10


def balance_findings(material: Material) -> Iterator[Finding]:
    """Say how far the most frequent label gets as a guess."""
    counts = np.bincount(material.codes)
    majority, chance = counts.max() / counts.sum(), 1 / len(counts)
    commonest, rarest = (material.names[int(place)] for place in (counts.argmax(), counts.argmin()))
    figure = f"always naming {commonest} is right in {majority:.1%} (chance with {len(counts)} labels: {chance:.1%})"
    mend = "Compare the score with that of the majority, or look at the balanced accuracy."
    if majority > min(_MAJORITY[0] * chance, _MAJORITY[1] + chance):
        why = "A decoder that only ever names the most frequent label scores above chance."
        yield Finding("warn", "unequal labels", figure, why, mend)
    elif counts.min() < _FEWEST_OF_LABEL:
        why = f"There are {counts.min()} trials of {rarest}, too few to learn it from."
        yield Finding("warn", "unequal labels", figure, why, "Leave it out, or record more.")
    else:
        yield Finding("ok", "unequal labels", figure, "A guess gets no further than chance.")


def rest_findings(material: Material) -> Iterator[Finding]:
    """Say whether trials of code -1 differ from those with a digit by features that any state moves."""
    about = "trials of rest"
    rests = len(material.trials) - len(material.codes)
    if not rests:
        yield Finding("ok", about, "none", "Something was shown in every trial.")
        return
    share = rests / len(material.trials)
    if rests < _FEWEST_RESTS:
        yield Finding("ok", about, f"{rests:,} ({share:.0%})", "They are left out when digits are decoded.")
        return
    auc, p_value, looked_at = _rest_told(material)
    figure = (
        f"{rests:,} ({share:.0%}); told from digits with an area under the curve of {auc:.2f} ({looked_at:,} trials)"
    )
    if p_value < ALPHA and auc > _TOLD:
        why = (
            "They differ from digits by level, spread or a few mean values, so a score that counts -1 in is not about "
            "digits."
        )
        mend = f"Leave them out, as the evaluation does: naming -1 alone would be right in {share:.0%} of all trials."
        yield Finding("warn", about, figure, why, mend)
    else:
        yield Finding("ok", about, figure, "Simple features do not tell them from digits, and they are left out.")


def _rest_told(material: Material) -> tuple[float, float, int]:
    """Return area under the curve, its p-value and the trials looked at, learned and tested in turns of stretches."""
    features = features_of(material.trials)
    values = features.raw
    if features.preprocessed is not None:
        values = np.concatenate([values, features.preprocessed], axis=1)
    rest = np.ones(len(material.trials), dtype=np.int64)
    rest[material.places] = 0
    kinds = rest[features.places]
    test = np.arange(len(kinds)) * _PIECES // len(kinds) % 2 == 1
    if min(np.bincount(kinds[side], minlength=2).min() for side in (test, ~test)) < _FEWEST_RESTS // 10:
        return 0.5, 1.0, len(kinds)
    score = decoded(values, kinds, test)[:, 1]
    found = mannwhitneyu(score[kinds[test] == 1], score[kinds[test] == 0], alternative="greater")
    pairs = np.bincount(kinds[test]).prod()
    return float(found.statistic / pairs), float(found.pvalue), len(kinds)
