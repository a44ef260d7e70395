"""Goes through a store once for what concerns all trials, and once more for what a few thousand show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from mindglyph.errors import UserError
from mindglyph.inspection.channels import ChannelTally, LikenessTally, RailTally, identical_trials
from mindglyph.inspection.copies import CopyTally
from mindglyph.inspection.findings import findings_of
from mindglyph.inspection.labels import count_labels
from mindglyph.inspection.means import MOST_TRIALS, mean_signals
from mindglyph.inspection.parts import Part, parts, slices
from mindglyph.inspection.rejections import read_rows
from mindglyph.inspection.result import Channel, Extra, Inspection, Pictures, Twins
from mindglyph.inspection.spectra import SpectrumMean, mains_db, mains_seen
from mindglyph.inspection.timing import measure_lengths, read_clock, read_order
from mindglyph.inspection.traces import Traces, block_counts, block_edges, block_medians, boundaries
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.store import Store
from mindglyph.trials import ExtraSignals, Trials, positions_of

Report = Callable[[int, int], None]


def inspect_store(store: Store, report: Report | None = None) -> tuple[Inspection, Traces]:
    """Look through a store.

    Parameters
    ----------
    store : Store
        Any store; its signals are read a few megabytes at a time.
    report : callable, optional
        Called with the trials gone through so far and in all.

    Returns
    -------
    inspection : Inspection
        Counts of all trials, and what to look at.
    traces : Traces
        What the figures are drawn from.

    Raises
    ------
    UserError
        If a file of the store is absent or cannot be read. A store whose content was changed is
        inspected, and the finding says so.
    """
    trials = store.trials()
    total = len(trials) + min(len(trials), MOST_TRIALS)
    tallies = _Tallies(trials)
    for part in parts(trials.signals):
        tallies.add(part)
        if report is not None:
            report(part.trials.stop, total)
    _, n_channels, n_times = trials.signals.shape
    spectrum = SpectrumMean(n_channels, n_times, trials.sfreq)
    usable = ~tallies.channels.loud & (tallies.channels.spreads > 0)
    drawn = 0

    def see(places: np.ndarray, signals: np.ndarray) -> None:
        nonlocal drawn
        spectrum.add(signals, usable[places])
        drawn += len(places)
        if report is not None:
            report(len(trials) + drawn, total)

    means = mean_signals(trials, PreprocessingSettings(), see)
    inspection = _inspection(store, trials, tallies, spectrum, drawn)
    edges = block_edges(len(trials))
    counts, labels = block_counts(trials.labels, edges)
    traces = Traces(
        info=trials.info,
        frequencies=spectrum.frequencies,
        power=spectrum.power,
        means=means,
        spread=tallies.channels.spread,
        block_edges=edges,
        block_spread=block_medians(tallies.channels.spreads, edges),
        block_labels=counts,
        labels=labels,
        boundaries=boundaries(trials.metadata),
    )
    return replace(inspection, findings=findings_of(inspection)), traces


class _Tallies:
    """All that is counted while the signals go by once."""

    def __init__(self, trials: Trials) -> None:
        n_trials, n_channels, _ = trials.signals.shape
        self.channels = ChannelTally(n_trials, n_channels)
        self.rails = RailTally(n_channels)
        self.likeness = LikenessTally(n_channels)
        self.copies = CopyTally(trials.signals)

    def add(self, part: Part) -> None:
        """Count a part."""
        for tally in (self.channels, self.rails, self.likeness, self.copies):
            tally.add(part)


def _inspection(store: Store, trials: Trials, tallies: _Tallies, spectrum: SpectrumMean, drawn: int) -> Inspection:
    about, imported = store.about, store.import_report
    decibels = mains_db(spectrum.frequencies, spectrum.power)
    identical, alike = tallies.copies.copies(trials.labels, trials.metadata)
    return Inspection(
        store=store.path.resolve().name,
        file=imported["file"],
        format=about["format"],
        device=about["device"],
        seen=imported["seen"],
        trials=len(trials),
        sfreq=trials.sfreq,
        simulated=about["simulated"],
        verified=_verified(store),
        warnings=list(about["warnings"]),
        drawn=drawn,
        mains=mains_seen(decibels),
        labels=count_labels(trials.labels, trials.metadata),
        lengths=measure_lengths(trials),
        clock=read_clock(trials),
        order=read_order(trials.metadata, about["ordered"]),
        channels=_channels(trials, tallies, decibels),
        twins=_twins(trials, tallies.likeness),
        identical=identical,
        alike=alike,
        flat_trials=int(tallies.channels.all_flat.sum()),
        rows=read_rows(store),
        extras=[_extra(name, extra) for name, extra in trials.extras.items()],
        pictures=None if trials.images is None else _pictures(trials.images),
        findings=[],
    )


def _verified(store: Store) -> bool:
    try:
        store.verify()
    except UserError:
        return False
    return True


def _channels(trials: Trials, tallies: _Tallies, decibels: dict[float, np.ndarray | None]) -> list[Channel]:
    names = tuple(trials.info["ch_names"])
    placed = positions_of(trials.info)
    counted, rails = tallies.channels, tallies.rails
    spread, loud = counted.spread, counted.loud.sum(axis=0)
    return [
        Channel(
            placed=name in placed,
            spread=float(spread[place]),
            loud_trials=int(loud[place]),
            at_extremes=float(rails.at_extremes[place]),
            rail_trials=int(rails.trials[place]),
            longest_at_rail=int(rails.longest[place]),
            mains_db={f"{mains:g}": _number(above, place) for mains, above in decibels.items()},
            **entry,
        )
        for place, (name, entry) in enumerate(zip(names, counted.as_list(names), strict=True))
    ]


def _number(values: np.ndarray | None, place: int) -> float | None:
    return None if values is None or not np.isfinite(values[place]) else float(values[place])


def _twins(trials: Trials, likeness: LikenessTally) -> list[Twins]:
    pairs = likeness.pairs()
    names = trials.info["ch_names"]
    identical = identical_trials(trials.signals, pairs)
    return [
        Twins(names[one], names[other], correlation, same)
        for (one, other, correlation), same in zip(pairs, identical, strict=True)
    ]


def _extra(name: str, extra: ExtraSignals) -> Extra:
    tally = ChannelTally(*extra.signals.shape[:2])
    for part in parts(extra.signals):
        tally.add(part)
    return Extra(name, float(extra.sfreq), extra.signals.shape[-1], tally.as_list(extra.ch_names))


def _pictures(images: np.ndarray) -> Pictures:
    digests: set[bytes] = set()
    blank = 0
    for stretch in slices(images):
        part = images[stretch].reshape(len(images[stretch]), -1)
        blank += int((part == part[:, :1]).all(axis=1).sum())
        digests.update(hashlib.blake2b(picture.data, digest_size=16).digest() for picture in part)
    return Pictures(len(digests), blank)
