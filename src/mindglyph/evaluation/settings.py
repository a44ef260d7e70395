"""What is evaluated, and how."""

from __future__ import annotations

from pydantic import Field, field_validator

from mindglyph.decoders.settings import DecodingSettings
from mindglyph.evaluation.splits import LEAKY, Fold, SplitName, plan
from mindglyph.trials import Trials


class EvaluationSettings(DecodingSettings):
    """What is evaluated, and how.

    Attributes
    ----------
    splits : tuple of SplitName
        How trials are divided, the honest ones first: the score of the first is the score of the
        run. `random` is leaky, and goes only beside another.
    folds : int
        Number of folds at most.
    gap : int
        Trials left out between training and test in `blocked`.
    permutations : int
        Of the labels, for the p-value.
    retrain : int
        Permutations of the labels with which the decoder is trained anew; 0 trains none.
    """

    splits: tuple[SplitName, ...] = ("blocked",)
    folds: int = Field(5, ge=2)
    gap: int = Field(10, ge=0)
    permutations: int = Field(10_000, ge=100)
    retrain: int = Field(0, ge=0)

    @field_validator("splits")
    @classmethod
    def _honest_first(cls, splits: tuple[SplitName, ...]) -> tuple[SplitName, ...]:
        once = dict.fromkeys(splits)
        honest = [name for name in once if name not in LEAKY]
        if not honest:
            raise ValueError("a random split is shown only beside an honest one: add the split 'blocked'")
        return (*honest, *(name for name in once if name in LEAKY))

    @property
    def split(self) -> SplitName:
        """The split whose score is that of the run."""
        return self.splits[0]

    def plan(self, trials: Trials, split: SplitName | None = None) -> list[Fold]:
        """Divide trials into the folds of a split, by default the first; see `evaluation.splits.plan`."""
        return plan(split or self.split, trials, self.folds, self.gap, self.seed)
