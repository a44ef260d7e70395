"""From what was decoded to the picture that was seen, with its uncertainty.

What a generator draws for a digit is what may have been seen, before anything is known but the
digit. A few hundred such pictures of each digit are drawn once (the bank). What was decoded of a
trial weighs them: the probability of the digit, and, where the pictures shown are known and the
embedding tells something of the hand, how well each picture's hand agrees with it. The weighted
mean is the reconstruction, the weighted deviation its uncertainty, the heaviest pictures are the
candidates. A decided decoder gives one clear digit; an undecided one gives many digits laid over
one another, a grey blur, because that is the best that can be said of the picture.
"""

from mindglyph.reconstruction.bank import PictureBank
from mindglyph.reconstruction.hands import ALIGNMENTS, HandReader
from mindglyph.reconstruction.reconstruct import ReconstructionSettings, Reconstructor, draw_trials, reconstruct_run
from mindglyph.reconstruction.reconstructions import Reconstructions
from mindglyph.reconstruction.unfinished import Kept, unfinished

__all__ = [
    "ALIGNMENTS",
    "HandReader",
    "Kept",
    "PictureBank",
    "ReconstructionSettings",
    "Reconstructions",
    "Reconstructor",
    "draw_trials",
    "reconstruct_run",
    "unfinished",
]
