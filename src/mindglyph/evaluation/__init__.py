"""Judges every step: splits, scores, and how far to believe them."""

from mindglyph.evaluation.crossvalidation import cross_validate, read_predictions
from mindglyph.evaluation.evaluate import evaluate, open_evaluation
from mindglyph.evaluation.evaluated import evaluated_trials
from mindglyph.evaluation.pictures import score_pictures
from mindglyph.evaluation.scores import score_decoding
from mindglyph.evaluation.settings import EvaluationSettings
from mindglyph.evaluation.splits import BlockedSplit, GroupSplit, RandomSplit, plan
from mindglyph.evaluation.verdict import inflation_sentence, verdict

__all__ = [
    "BlockedSplit",
    "EvaluationSettings",
    "GroupSplit",
    "RandomSplit",
    "cross_validate",
    "evaluate",
    "evaluated_trials",
    "inflation_sentence",
    "open_evaluation",
    "plan",
    "read_predictions",
    "score_decoding",
    "score_pictures",
    "verdict",
]
