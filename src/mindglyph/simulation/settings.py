"""What may be simulated, and what does not go together."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from mindglyph.headsets import HeadsetCode, SimulatedFormat
from mindglyph.settings import Settings

N_CLASSES = 10

TEXT_FORMATS = ("ep", "mw", "mu", "in")
"""The text files of 2014-15, the only ones in which trials of code -1 stand at random."""

FORMATS_WITH_PIXELS = ("muse2", "muse2-cut2", "muse2-cut3", "cap64", "mnist8b", "mnist2b")
"""Those that hold the shown picture, and a black one after each."""

FORMATS_WITH_SESSIONS = ("mnist8b", "mnist2b")
"""Those whose rows say their session; in the others only level, gain and clock tell of one."""


class SimulationSettings(Settings):
    """What is simulated.

    Attributes
    ----------
    format : SimulatedFormat
        File layout and, with it, the headset.
    headset : {"ep", "mw", "mu", "in"} or None
        Headset of `hf2022`, the only layout that four share; None takes `ep`.
    events : int
        Number of trials, those without a digit among them.
    ceiling : float
        Accuracy of the ideal observer on trials with a digit; 0.1 plants no signal.
    picture_signal : float
        Share of the variance of the shown picture's components, beside its digit, that the
        ideal observer recovers; 0 plants none.
    confound : {"drift"} or None
        `drift` plants no signal, but shows each digit in runs while the signal drifts
        slowly, as in a block design.
    sessions : int
        Number of sessions; each has its own level and a gain of its own in every channel.
    artifacts : bool
        Whether blinks, muscle, line noise and dead channels spoil some trials. The ceiling
        is then that of the recording without them.
    rest : float
        Share of trials of code -1, in which nothing was shown; text formats only.
    person : int or None
        Seed of the person alone: recordings of one person with several headsets, or several
        days, have sources of the same places, strengths and waves. None draws the person from
        `seed`, each source as strong at the headset's best electrode as any other.
    seed : int
        The same seed gives the same file.
    """

    format: SimulatedFormat = "ep"
    headset: HeadsetCode | None = None
    events: int = Field(2000, ge=10)
    ceiling: float = Field(0.6, ge=0.1, lt=1)
    picture_signal: float = Field(0.0, ge=0, lt=1)
    confound: Literal["drift"] | None = None
    sessions: int = Field(1, ge=1)
    artifacts: bool = False
    rest: float = Field(0.0, ge=0, le=0.9)
    person: int | None = Field(None, ge=0)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _nothing_beside_no_signal(self) -> SimulationSettings:
        if self.ceiling <= 1 / N_CLASSES and self.picture_signal > 0:
            raise ValueError("a picture tells its digit a little: take a ceiling above 0.1, or no picture_signal")
        if self.confound and self.ceiling > 1 / N_CLASSES:
            raise ValueError("a recording with a confound holds no signal: leave the ceiling at 0.1")
        return self

    @model_validator(mode="after")
    def _the_format_can_hold_it(self) -> SimulationSettings:
        if self.headset is not None and self.format != "hf2022":
            raise ValueError(f"the format {self.format} is of one headset: give a headset with hf2022 only")
        if self.rest and self.format not in TEXT_FORMATS:
            held = "has a black picture after each digit" if self.has_pixels else "holds trials of a class only"
            raise ValueError(f"the format {self.format} {held}: give rest with one of {', '.join(TEXT_FORMATS)}")
        if self.picture_signal and self.format == "imagenet":
            raise ValueError("no digit is shown in imagenet: leave picture_signal at 0")
        if self.sessions * 10 > self.events:
            raise ValueError(f"{self.events} events are too few for {self.sessions} sessions: take 10 or more in each")
        return self

    @property
    def has_pixels(self) -> bool:
        """Whether the format holds the shown picture, and a black one after each."""
        return self.format in FORMATS_WITH_PIXELS
