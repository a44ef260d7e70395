"""Whether a channel is the label: a trigger or stimulus channel that was recorded among the electrodes."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from mindglyph.evaluation.audit.chance import ALPHA
from mindglyph.evaluation.audit.result import Finding
from mindglyph.inspection.parts import Part
from mindglyph.trials import Trials

_MARKER = 0.8
"""Share of the variance of a single sample over single trials. Of electrodes the label explained at most a twentieth in
real recordings, and 0.58 in simulated ones that give 95% of ten digits by one channel; of a trigger, nearly all."""

_FEWEST_FREE = 20  # trials more than labels
_FEWEST_OF_LABEL = 5  # one artifact must not be all that a label does
_MOST_BYTES = 1 << 26  # of sums: those of ten labels are a fraction of it, those of a thousand are not all taken
_NAMED = 6


class MarkerTally:
    """Sums over the trials of each label, of every channel and sample.

    Samples are taken from the median of their trial and channel, since levels wander by more than a
    trigger is high; the median itself stands behind them as one sample more.

    Parameters
    ----------
    codes : ndarray of int, shape (n_trials,)
        Number of each trial's label; -1 where nothing was shown.
    n_channels, n_times : int
        Of a trial. Where there are so many labels that their sums were large, the most frequent are taken.
    """

    def __init__(self, codes: np.ndarray, n_channels: int, n_times: int) -> None:
        counts = np.bincount(codes[codes >= 0])
        most = max(2, _MOST_BYTES // (8 * n_channels * (n_times + 1)))
        frequent = np.argsort(-counts, kind="stable")[:most]
        kept = np.sort(frequent[counts[frequent] >= _FEWEST_OF_LABEL])
        rows = np.full(len(counts) + 1, -1, dtype=np.int64)  # the last is that of code -1
        rows[kept] = np.arange(len(kept))
        self._rows = rows[codes]
        self._counts = counts[kept]
        self._sums = np.zeros((len(kept), n_channels, n_times + 1))
        self._squares = np.zeros((n_channels, n_times + 1))
        self._first: np.ndarray | None = None

    @property
    def enough(self) -> bool:
        """Whether there are trials enough to tell."""
        return len(self._counts) > 1 and int(self._counts.sum()) - len(self._counts) >= _FEWEST_FREE

    def add(self, part: Part) -> None:
        """Add the trials of a part."""
        rows = self._rows[part.trials]
        taken = rows >= 0
        if not self.enough or not taken.any():
            return
        signals, level = (part.signals, part.level) if taken.all() else (part.signals[taken], part.level[taken])
        values = np.empty((*signals.shape[:2], signals.shape[2] + 1), dtype=np.float32)
        np.subtract(signals, level[..., None], out=values[..., :-1])
        values[..., -1] = level
        if self._first is None:
            self._first = values[0].copy()
        # What is the same in all trials is nought then, and small steps on a high value are not rounded away.
        values -= self._first
        flat = values.reshape(len(values), -1)
        of_label = (rows[taken] == np.arange(len(self._counts))[:, None]).astype(np.float32)
        self._sums += (of_label @ flat).reshape(self._sums.shape)
        self._squares += np.einsum("ij,ij->j", flat, flat).reshape(self._squares.shape)

    def explained(self) -> tuple[np.ndarray, np.ndarray]:
        """Say how much of each sample the label explains.

        Returns
        -------
        shares, p_values : ndarray, shape (n_channels, n_times + 1)
            Share of the variance over trials, adjusted for the number of labels, and the p-value of
            the F test times the number of samples. The last sample is the level of the trial.
        """
        n, n_labels = float(self._counts.sum()), len(self._counts)
        mean = self._sums.sum(axis=0) / n
        total = self._squares - n * mean**2
        between = (self._sums**2 / self._counts[:, None, None]).sum(axis=0) - n * mean**2
        # What does not vary, and what is left of it by rounding, is explained by nothing.
        varies = total > 1e-6 * self._squares
        share = np.clip(np.divide(between, total, out=np.zeros_like(total), where=varies), 0, 1)
        # The share has a beta distribution by chance, which has no division by nought where it is 1.
        p_values = betainc((n - n_labels) / 2, (n_labels - 1) / 2, 1 - share)
        return 1 - (1 - share) * (n - 1) / (n - n_labels), np.minimum(1, p_values * share.size)


def marker_finding(tally: MarkerTally, trials: Trials, levels_tell: bool) -> Finding:
    """Say whether the label sets what a channel holds.

    Parameters
    ----------
    tally : MarkerTally
        With all trials that are looked at.
    trials : Trials
        Whose channels they are.
    levels_tell : bool
        Whether a level that goes with the label is one that the label sets: not where the label follows
        time, along which levels wander by themselves.

    Returns
    -------
    Finding
        A fail names the channels.
    """
    about = "a channel that is the label"
    if not tally.enough:
        return Finding("ok", about, "too few trials to tell", "Nothing is known against the recording.")
    shares, p_values = tally.explained()
    if not levels_tell:
        shares, p_values = shares[:, :-1], p_values[:, :-1]
    names, best = trials.info["ch_names"], shares.argmax(axis=1)
    figures = [
        f"{shares[channel, sample]:.0%} of {name} {_when(trials, sample)}"
        for channel, (name, sample) in enumerate(zip(names, best.tolist(), strict=True))
    ]
    marked = np.flatnonzero(((shares > _MARKER) & (p_values < ALPHA)).any(axis=1))
    if not len(marked):
        channel = int(shares.max(axis=1).argmax())
        why = "The label sets no sample of a channel, as it would that of a trigger channel."
        return Finding("ok", about, f"the label explains at most {figures[channel]}", why)
    more = f" and of {len(marked) - _NAMED} more" if len(marked) > _NAMED else ""
    figure = "the label explains " + ", ".join(figures[channel] for channel in marked[:_NAMED]) + more
    why = "No electrode measures so much of what was shown, so a decoder reads a trigger in place of the brain."
    listed = ", ".join(names[channel] for channel in marked[:_NAMED]) + more
    return Finding("fail", about, figure, why, f"Leave {listed} out of the recording's EEG.")


def _when(trials: Trials, sample: int) -> str:
    if sample == trials.signals.shape[-1]:
        return "throughout the trial"
    return f"at {1000 * (trials.tmin + sample / trials.sfreq):.0f} ms"
