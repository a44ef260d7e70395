"""What an inspection found, in plain types."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    level : {"ok", "note", "warn"}
        Whether it is as it should be, good to know, or to be looked at before anything is decoded.
    about : str
        What was looked at, in a word or two.
    figure : str
        The number behind it.
    sentence : str
        What it means.
    """

    level: Literal["ok", "note", "warn"]
    about: str
    figure: str
    sentence: str


@dataclass(frozen=True)
class Labels:
    """Trials of each label.

    Attributes
    ----------
    counts : dict of str to int
        Trials of each label, in the order of the labels.
    without_digit : int
        Trials of label -1, which showed no digit.
    imbalance : float or None
        Trials of the most frequent label over those of the rarest, -1 aside; None with fewer than
        two labels.
    by : dict of str to dict of str to dict of str to int
        For each column that divides the recording (such as `session`): trials of each label in each
        of its values.
    left_out : dict of str to int
        Columns of so many values that their table was left out, with the number of these.
    """

    counts: dict[str, int]
    without_digit: int
    imbalance: float | None
    by: dict[str, dict[str, dict[str, int]]]
    left_out: dict[str, int]


@dataclass(frozen=True)
class Lengths:
    """How long trials are.

    Attributes
    ----------
    n_times : int
        Samples of a trial in the store.
    seconds : float
        The same by the rate that the store states.
    tmin : float
        First sample, in s after the event.
    shortest, median, longest : int or None
        Samples before trials were brought to one length, where the recording says it.
    padded, cropped, cut : int
        Trials that were shorter than in the store, longer, and cut by a spreadsheet.
    """

    n_times: int
    seconds: float
    tmin: float
    shortest: int | None
    median: float | None
    longest: int | None
    padded: int
    cropped: int
    cut: int


@dataclass(frozen=True)
class Clock:
    """What the times of the trials say.

    Attributes
    ----------
    column : str
        Column of the metadata that holds them.
    first, last : float
        In s: since 1970 for `unix_time`, else since the start of the recording.
    spanned : float
        Seconds from the first trial to the last, summed over the stretches of the recording.
    interval : float
        Median from the start of a trial to that of the next, in s.
    pauses : int
        Intervals of more than five times the median.
    longest_pause : float
        The longest of them in s; 0 where there is none.
    backwards : int
        Trials that are earlier than the one before.
    overlapping : int
        Trials that begin before the one before has ended, by the rate that the store states.
    rate : float or None
        Samples per second, where the metadata number the samples at which trials begin.
    """

    column: str
    first: float
    last: float
    spanned: float
    interval: float
    pauses: int
    longest_pause: float
    backwards: int
    overlapping: int
    rate: float | None


@dataclass(frozen=True)
class Order:
    """What the event numbers say.

    Attributes
    ----------
    ordered : bool
        Whether the order of recording is known.
    first_event, last_event : int or None
        Event numbers; None where events are no whole numbers.
    gaps : int
        Places where numbers are skipped.
    largest_gap : int
        Most numbers that are skipped at once.
    missing : float
        Share of the numbers between the first and the last that no trial has.
    repeated : int
        Trials whose number an earlier trial of the same stretch has.
    out_of_order : int or None
        Trials that stand in the file before one that was recorded earlier; None where lines are
        not known.
    """

    ordered: bool
    first_event: int | None
    last_event: int | None
    gaps: int
    largest_gap: int
    missing: float
    repeated: int
    out_of_order: int | None


@dataclass(frozen=True)
class Channel:
    """What a channel looks like over all trials.

    Attributes
    ----------
    name : str
        Name.
    placed : bool
        Whether its place on the head is known.
    level : float
        Median over the trials of their medians, in microvolts.
    spread : float
        Median over the trials of their interquartile range, as a standard deviation in microvolts.
    lowest, highest : float
        Extremes.
    flat_trials : int
        Trials in which it holds one value throughout.
    loud_trials : int
        Trials in which it spreads more than five times as far as it usually does.
    at_extremes : float
        Share of the samples that hold the lowest or the highest value, flat trials aside.
    rail_trials : int
        Trials that stay at the lowest or the highest value for three samples or more.
    longest_at_rail : int
        Most samples in a row at one of these.
    not_finite : int
        Samples that are no finite number.
    mains_db : dict of str to float or None
        Decibels by which the spectrum at 50 and 60 Hz stands above its neighbours; None where this
        cannot be seen.
    """

    name: str
    placed: bool
    level: float
    spread: float
    lowest: float
    highest: float
    flat_trials: int
    loud_trials: int
    at_extremes: float
    rail_trials: int
    longest_at_rail: int
    not_finite: int
    mains_db: dict[str, float | None]


@dataclass(frozen=True)
class Twins:
    """Two channels that are one.

    Attributes
    ----------
    first, second : str
        Names.
    correlation : float
        Within trials, on average.
    identical_trials : int
        Trials in which every sample agrees.
    """

    first: str
    second: str
    correlation: float
    identical_trials: int


@dataclass(frozen=True)
class Copies:
    """Trials that are there more than once.

    Attributes
    ----------
    groups : int
        Sets of trials that are the same.
    trials : int
        Trials beyond the first of each set.
    across_labels : int
        Sets in which the same signal carries different labels.
    examples : list of dict
        Of some sets the first two trials: `events`, `labels`, and `lines` of the file where known.
    """

    groups: int
    trials: int
    across_labels: int
    examples: list[dict[str, list[Any]]]


@dataclass(frozen=True)
class Rejection:
    """A reason for which rows were refused.

    Attributes
    ----------
    kind : str
        The reason without its row's own numbers.
    rows : int
        Rows.
    share : float
        Share of all rows read.
    file : str
        File of the first.
    line : int
        Its line.
    reason : str
        Its reason in full.
    excerpt : str
        Start of its text, printable.
    """

    kind: str
    rows: int
    share: float
    file: str
    line: int
    reason: str
    excerpt: str


@dataclass(frozen=True)
class Rows:
    """What the import made of the rows of the file.

    Attributes
    ----------
    read, kept, rejected : int
        Rows.
    rejections : list of Rejection
        Why, the most frequent first.
    """

    read: int
    kept: int
    rejected: int
    rejections: list[Rejection]


@dataclass(frozen=True)
class Extra:
    """Signals beside the EEG.

    Attributes
    ----------
    name : str
        Such as `PPG`.
    sfreq : float
        Rate in Hz.
    n_times : int
        Samples of a trial.
    channels : list of dict
        Of each `name`, `level`, `lowest`, `highest`, `flat_trials`, `not_finite`.
    """

    name: str
    sfreq: float
    n_times: int
    channels: list[dict[str, Any]]


@dataclass(frozen=True)
class Pictures:
    """The pictures that were shown.

    Attributes
    ----------
    distinct : int
        Different pictures.
    blank : int
        Trials whose picture is of one grey.
    """

    distinct: int
    blank: int


@dataclass(frozen=True)
class Inspection:
    """Everything that an inspection found; `as_dict` gives it as JSON can hold it.

    Attributes
    ----------
    store, file, format, device, seen : str
        Names of store and recording, the format, the device, and what the import saw.
    trials : int
        Trials.
    sfreq : float
        Rate in Hz that the store states.
    simulated : bool
        Whether no brain was recorded.
    verified : bool
        Whether the content is what was written.
    warnings : list of str
        What the import said that a user must know.
    drawn : int
        Trials, evenly spaced, of which spectra and mean signals are taken; counts are of all.
    mains : float or None
        Mains frequency in Hz that is seen in the spectrum.
    labels, lengths, clock, order, channels, twins, identical, alike, rows, extras, pictures
        See their classes. `alike` are trials that are the same but for level, gain and rounding.
    flat_trials : int
        Trials in which every channel is flat; they are not counted as copies of one another.
    findings : list of Finding
        What to look at, the gravest first.
    """

    store: str
    file: str
    format: str
    device: str
    seen: str
    trials: int
    sfreq: float
    simulated: bool
    verified: bool
    warnings: list[str]
    drawn: int
    mains: float | None
    labels: Labels
    lengths: Lengths
    clock: Clock | None
    order: Order
    channels: list[Channel]
    twins: list[Twins]
    identical: Copies
    alike: Copies
    flat_trials: int
    rows: Rows
    extras: list[Extra]
    pictures: Pictures | None
    findings: list[Finding]

    def as_dict(self) -> dict[str, Any]:
        """Return it as dictionaries, lists, text and numbers."""
        return asdict(self)
