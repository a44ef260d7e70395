"""Judges every step: splits, scores, and how far to believe them."""

from mindglyph.evaluation.crossvalidation import EvaluationSettings, cross_validate, evaluated_trials, read_predictions
from mindglyph.evaluation.pictures import score_pictures
from mindglyph.evaluation.scores import score_decoding
from mindglyph.evaluation.splits import BlockedSplit
from mindglyph.evaluation.verdict import inflation_sentence, verdict

__all__ = [
    "BlockedSplit",
    "EvaluationSettings",
    "cross_validate",
    "evaluated_trials",
    "inflation_sentence",
    "read_predictions",
    "score_decoding",
    "score_pictures",
    "verdict",
]
