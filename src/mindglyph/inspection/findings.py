"""Says of each thing that was counted whether it is in order, good to know, or to be looked at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from mindglyph.inspection.channels import HELD, LOUD, odd_unit
from mindglyph.inspection.result import Channel, Copies, Finding, Inspection
from mindglyph.inspection.spectra import SEEN

_GRAVITY = {"warn": 0, "note": 1, "ok": 2}

_MANY_REJECTED = 0.05  # share of the rows
_MANY_SHORT = 0.05  # share of the trials
_FEW_TRIALS = 20  # of a label
_IMBALANCED, _VERY_IMBALANCED = 1.5, 3.0
_LONG_ENOUGH = 10  # times as many trials as there are labels
_DEAD = 0.9  # share of the trials
_OFTEN_FLAT = 0.01
_AT_RAIL = 0.001
_OFTEN_LOUD = 0.05
_OUTLYING = 5.0  # times the spread of the other channels
_STRONG_MAINS = 20.0  # decibels
_NAMED = 6


def findings_of(found: Inspection) -> list[Finding]:
    """Return what to look at, the gravest first, then in the order of the page.

    Parameters
    ----------
    found : Inspection
        Counted; its own findings are not read.

    Returns
    -------
    list of Finding
        Empty where all is well.
    """
    groups = (_content, _rows, _labels, _lengths, _order, _clock, _channels, _mains, _copies, _beside)
    findings = [finding for group in groups for finding in group(found)]
    return sorted(findings, key=lambda finding: _GRAVITY[finding.level])


def _content(found: Inspection) -> Iterator[Finding]:
    if found.verified:
        yield Finding("ok", "content", "verified", "The store holds what was written when it was imported.")
    else:
        sentence = "The store was damaged or changed since it was imported: import the recording again."
        yield Finding("warn", "content", "differs from its hash", sentence)
    if found.simulated:
        yield Finding("note", "simulated", "yes", "The data are simulated: no brain was recorded.")
    for warning in found.warnings:
        yield Finding("warn", "said at the import", found.format, warning)


def _rows(found: Inspection) -> Iterator[Finding]:
    rows = found.rows
    if rows.read != rows.kept + rows.rejected:
        sentence = "Rows kept and rows rejected are not all rows read: the store is damaged, so import it again."
        yield Finding("warn", "rows", f"{rows.read:,} ≠ {rows.kept:,} + {rows.rejected:,}", sentence)
    elif rows.rejected:
        share = rows.rejected / rows.read
        why = f"Most often because: {rows.rejections[0].kind}. All reasons stand below, with an example of each."
        yield Finding(_level(share > _MANY_REJECTED), "rows", f"{_percent(share)} rejected", why)
    else:
        yield Finding("ok", "rows", f"{rows.read:,} read", "Every row of the file was kept.")


def _labels(found: Inspection) -> Iterator[Finding]:
    labels = found.labels
    shown = {name: count for name, count in labels.counts.items() if name != "-1"}
    if len(shown) < 2:
        yield Finding("warn", "labels", f"{len(shown)}", "With fewer than two labels there is nothing to tell apart.")
        return
    rarest = min(shown, key=lambda name: shown[name])
    figure = f"{len(shown)} labels, {min(shown.values()):,} to {max(shown.values()):,} trials"
    assert labels.imbalance is not None
    if shown[rarest] < _FEW_TRIALS:
        sentence = f"A decoder cannot learn {rarest} from {shown[rarest]} trials: leave it out, or record more."
        yield Finding("warn", "labels", figure, sentence)
    elif labels.imbalance > _IMBALANCED:
        times = f"The most frequent label has {labels.imbalance:.1f} times the trials of {rarest}"
        sentence = f"{times}: always naming it beats chance, so look at the score of the majority."
        yield Finding(_level(labels.imbalance > _VERY_IMBALANCED), "labels", figure, sentence)
    else:
        yield Finding("ok", "labels", figure, "Every label has about as many trials as the others.")
    if labels.without_digit:
        sentence = "They carry the label -1 and are left out when digits are decoded."
        yield Finding("note", "no digit shown", _of(labels.without_digit, found.trials), sentence)
    for column, table in labels.by.items():
        # A few trials may lack a label by chance.
        long = [counts for counts in table.values() if sum(counts.values()) >= _LONG_ENOUGH * len(shown)]
        lacking = [counts for counts in long if any(not counts[name] for name in shown)]
        if lacking and column != "block":
            sentence = f"Not every {column} has every label: what sets them apart may be taken for the label."
            yield Finding("warn", column, f"{len(lacking)} of {len(table)} lack a label", sentence)


def _lengths(found: Inspection) -> Iterator[Finding]:
    lengths = found.lengths
    if lengths.cut:
        sentence = "A spreadsheet cut their rows at its last column: fetch the recording itself if you can."
        level = _level(lengths.cut > _MANY_SHORT * found.trials)
        yield Finding(level, "cut trials", _of(lengths.cut, found.trials), sentence)
    if lengths.padded:
        sentence = "They were shorter than the others and hold their last value to the end."
        level = _level(lengths.padded > _MANY_SHORT * found.trials)
        yield Finding(level, "padded trials", _of(lengths.padded, found.trials), sentence)
    elif lengths.shortest is not None:
        sentence = "No trial was shorter than the trials of the store are."
        yield Finding("ok", "lengths", f"{lengths.shortest:,} to {lengths.longest:,} samples", sentence)


def _order(found: Inspection) -> Iterator[Finding]:
    order = found.order
    if not order.ordered:
        sentence = "Without it no split of the trials is honest: neighbours in time stand on both sides."
        yield Finding("warn", "order of recording", "unknown", sentence)
    if order.repeated:
        sentence = "Trials carry the event number of another: the order of recording is in doubt."
        yield Finding("warn", "event numbers", f"{order.repeated:,} repeated", sentence)
    elif order.gaps:
        lost = "trials were lost there, or belong to other devices"
        sentence = f"At most {order.largest_gap:,} {'is' if order.largest_gap == 1 else 'are'} skipped at once: {lost}."
        yield Finding("note", "event numbers", f"{_percent(order.missing)} missing, {order.gaps:,} gaps", sentence)
    elif order.first_event is not None:
        yield Finding("ok", "event numbers", "no gap", "Every event number between the first and the last is there.")
    if order.out_of_order:
        sentence = "The file is not in the order of recording; the store is."
        yield Finding("note", "order in the file", f"{order.out_of_order:,} steps back", sentence)


def _clock(found: Inspection) -> Iterator[Finding]:
    clock = found.clock
    if clock is None:
        return
    if clock.backwards:
        sentence = "Trials are stamped earlier than the one before: the order of recording is in doubt."
        yield Finding("warn", "times", f"{clock.backwards:,} steps back", sentence)
    if clock.overlapping:
        sentence = (
            f"They begin less than {found.lengths.seconds:.3g} s after the one before: neighbours share samples, "
            "or the rate is higher than stated."
        )
        yield Finding("note", "overlapping trials", _of(clock.overlapping, found.trials), sentence)
    if clock.pauses:
        sentence = f"The longest took {clock.longest_pause:,.0f} s, where a trial follows every {clock.interval:.2f} s."
        yield Finding("note", "pauses", f"{clock.pauses:,}", f"{sentence} The state of the person may have changed.")
    elif not clock.backwards:
        sentence = f"A trial follows every {clock.interval:.2f} s, without a pause."
        yield Finding("ok", "times", f"{clock.spanned:,.0f} s", sentence)
    if clock.rate is not None and abs(clock.rate / found.sfreq - 1) > 0.01:
        sentence = f"The store states {found.sfreq:g} Hz: frequencies and latencies are off by as much."
        yield Finding("warn", "rate", f"{clock.rate:.1f} Hz by the times", sentence)


def _channels(found: Inspection) -> Iterator[Finding]:
    findings = [*_still(found), *_rails(found), *_loud(found), *_scale(found), *_twins(found)]
    yield from findings
    if not findings:
        sentence = "None is flat, at its rail, unusually loud, or the copy of another."
        yield Finding("ok", "channels", f"{len(found.channels)}", sentence)


def _still(found: Inspection) -> Iterator[Finding]:
    dead = [channel for channel in found.channels if channel.flat_trials > _DEAD * found.trials]
    if dead:
        sentence = f"{_names(dead)} {'holds' if len(dead) == 1 else 'hold'} one value in nearly every trial: "
        yield Finding("warn", "dead channels", f"{len(dead)}", f"{sentence}leave out what tells nothing.")
    flat = [channel for channel in found.channels if channel.flat_trials and channel not in dead]
    if flat:
        worst = max(flat, key=lambda channel: channel.flat_trials)
        often = worst.flat_trials > _OFTEN_FLAT * found.trials
        sentence = f"{_names(flat)} at times {'holds' if len(flat) == 1 else 'hold'} one value through a whole trial."
        figure = f"{worst.name} in {_of(worst.flat_trials, found.trials)}"
        yield Finding(_level(often), "flat channels", figure, sentence)
    broken = [channel for channel in found.channels if channel.not_finite]
    if broken:
        number = sum(channel.not_finite for channel in broken)
        sentence = f"{_names(broken)}: drop or repair these trials, since most decoders cannot compute with them."
        yield Finding("warn", "not finite", f"{number:,} samples", sentence)


def _rails(found: Inspection) -> Iterator[Finding]:
    least = max(HELD, _AT_RAIL * found.trials)
    clipped = [channel for channel in found.channels if channel.rail_trials >= least]
    if clipped:
        worst = max(clipped, key=lambda channel: channel.at_extremes)
        sentence = (
            f"{_names(clipped)} {'stays' if len(clipped) == 1 else 'stay'} at an extreme for up to "
            f"{max(channel.longest_at_rail for channel in clipped)} samples: the amplifier was at its limit."
        )
        figure = f"{worst.name}: {_percent(worst.at_extremes)} of the samples"
        yield Finding("warn", "clipped channels", figure, sentence)


def _loud(found: Inspection) -> Iterator[Finding]:
    spreads = np.array([channel.spread for channel in found.channels])
    alive = spreads[spreads > 0]
    if len(alive) > 2:
        usual = float(np.median(alive))
        outlying = [channel for channel in found.channels if channel.spread > _OUTLYING * usual]
        if outlying:
            sentence = f"{_names(outlying)} far beyond the {usual:.1f} µV that channels usually spread: a bad contact?"
            yield Finding("warn", "high amplitude", f"up to {spreads.max():,.0f} µV", sentence)
    loudest = max(found.channels, key=lambda channel: channel.loud_trials)
    if loudest.loud_trials:
        often = loudest.loud_trials > _OFTEN_LOUD * found.trials
        sentence = f"There the channel spreads more than {LOUD} times as far as usual: movement or a loose electrode."
        figure = f"{loudest.name} in {_of(loudest.loud_trials, found.trials)}"
        yield Finding(_level(often), "loud trials", figure, sentence)


def _scale(found: Inspection) -> Iterator[Finding]:
    odd = odd_unit([channel.spread for channel in found.channels])
    if odd is not None:
        figure, mend = odd
        yield Finding("warn", "unit", figure, f"An EEG spreads by some 5 to 100 µV. {mend}")


def _twins(found: Inspection) -> Iterator[Finding]:
    if found.twins:
        first = found.twins[0]
        sentence = f"{first.first} and {first.second} correlate by {first.correlation:.5f}"
        more = f", and {len(found.twins) - 1} further pairs do the like" if len(found.twins) > 1 else ""
        figure = f"{len(found.twins)} pair{'s' if len(found.twins) > 1 else ''}"
        bridged = "electrodes that are bridged, or a column copied"
        yield Finding("warn", "channels that are one", figure, f"{sentence}{more}: {bridged}.")


def _mains(found: Inspection) -> Iterator[Finding]:
    if all(above is None for channel in found.channels for above in channel.mains_db.values()):
        sentence = "Neither 50 nor 60 Hz can be seen at this rate and length of trial."
        yield Finding("note", "mains", "not visible", sentence)
    elif found.mains is None:
        yield Finding("ok", "mains", "not seen", "The spectrum has no peak at 50 or 60 Hz in most channels.")
    else:
        name = f"{found.mains:g}"
        above = {channel.name: channel.mains_db[name] or 0.0 for channel in found.channels}
        worst = max(above, key=lambda channel: above[channel])
        humming = sum(value >= SEEN for value in above.values())
        figure = f"{name} Hz, {above[worst]:.0f} dB at {worst}"
        sentence = f"{humming} of {len(above)} channels hum with it; the low-pass at 30 Hz takes most of it away."
        yield Finding(_level(above[worst] >= _STRONG_MAINS), "mains", figure, sentence)


def _copies(found: Inspection) -> Iterator[Finding]:
    yield from _copied(found.identical, "identical trials", "the same to the last bit", found.trials)
    yield from _copied(found.alike, "near-identical trials", "the same but for level, gain and rounding", found.trials)
    if not found.identical.groups and not found.alike.groups:
        yield Finding("ok", "copies", "none", "No trial is there twice, not even at another level or rounded.")
    if found.flat_trials:
        sentence = "In these every channel holds one value: nothing was recorded."
        yield Finding("warn", "empty trials", _of(found.flat_trials, found.trials), sentence)


def _copied(copies: Copies, about: str, how: str, n_trials: int) -> Iterator[Finding]:
    if not copies.groups:
        return
    events = " and ".join(str(event) for event in copies.examples[0]["events"])
    sentence = f"They are {how} as an earlier one (events {events}): a split would put them on both sides."
    yield Finding("warn", about, _of(copies.trials, n_trials), sentence)
    if copies.across_labels:
        labels = " and ".join(str(label) for label in copies.examples[0]["labels"])
        sentence = f"One signal carries different labels ({labels} at events {events}): one of them is wrong."
        yield Finding("warn", f"{about}, other label", f"{copies.across_labels:,} signals", sentence)


def _beside(found: Inspection) -> Iterator[Finding]:
    lost = [channel for channel in found.channels if not channel.placed]
    if lost:
        sentence = f"{_names(lost)}: no place on the head is known, so the head map leaves them out."
        yield Finding("note", "places", f"{len(lost)} of {len(found.channels)}", sentence)
    for extra in found.extras:
        flat = [entry["name"] for entry in extra.channels if entry["flat_trials"] > _DEAD * found.trials]
        if flat:
            yield Finding("note", extra.name, ", ".join(flat), "Holds one value in nearly every trial.")
    if found.pictures is not None and found.pictures.blank:
        sentence = "The picture shown is of one grey: a pause, or a picture that was lost."
        yield Finding("note", "blank pictures", _of(found.pictures.blank, found.trials), sentence)


def _level(grave: bool) -> Literal["note", "warn"]:
    return "warn" if grave else "note"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share >= 0.001 or not share else "< 0.1%"


def _of(number: int, total: int) -> str:
    return f"{number:,} of {total:,} trials ({_percent(number / total)})"


def _names(channels: list[Channel]) -> str:
    names = [channel.name for channel in channels]
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")
