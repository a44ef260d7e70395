"""Stores as data sets of MOABB, so that its pipelines and evaluations run on them.

MOABB's `WithinSessionEvaluation` shuffles the trials of a session before it splits them. What
drifts during a session then tells neighbouring trials apart from distant ones on both sides of
the split, so its scores are too high wherever labels and time go together. `CrossSessionEvaluation`
tests each session by what was learned in the others: it is the honest one here.

References
----------
Chevallier et al. (2024), https://doi.org/10.48550/arXiv.2404.15319.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import mne
import numpy as np
import pandas as pd

from mindglyph.errors import UserError
from mindglyph.store import Store
from mindglyph.trials import MICROVOLTS, Trials

try:
    from moabb.datasets.base import BaseDataset
    from moabb.paradigms.base import BaseParadigm
except ImportError as error:
    raise UserError(
        "stores as MOABB's data sets need MOABB: pip install 'mindglyph[moabb]', or in a clone 'uv run --extra moabb …'"
    ) from error

_STIM = "STIM"


class StoreDataset(BaseDataset):  # type: ignore[misc]
    """Stores as a data set of MOABB.

    A session is given to MOABB as one continuous recording: its trials one after the other, each
    held at its first and last value beyond its ends, so that a band-pass filter sees no step near
    a trial; half way between two trials, one level passes over to the next. MOABB's epochs are
    then the trials, sample by sample.

    Parameters
    ----------
    stores : mapping of int or str to Path, or sequence of Path
        The folder of each subject's store; without names, subjects are numbered from 1. Where
        the metadata of store 1 name several subjects, they are "1-NAME", "1-OTHER" and so on.
    blocks : int
        Where the metadata name no `session`, or one only: how many stretches of the recording to
        call sessions.
    gap : int
        Trials left out between two such stretches, which would resemble each other.
    padding : float
        How long a trial is held beyond each of its ends, in s. With 2 s, a step of 40 microvolts
        between trials moves what MOABB's filter from 1 Hz on gives by at most 0.15 microvolts.
        A subject's sessions are in memory together, 8 bytes a sample and channel, padding
        included, and take nearly twice that while they are made.

    Raises
    ------
    UserError
        If a store cannot be opened, knows no order of recording or holds too few trials, or if
        stores differ in channels, rate or length of a trial.
    """

    def __init__(
        self,
        stores: Mapping[int | str, Path | str] | Sequence[Path | str],
        blocks: int = 5,
        gap: int = 10,
        padding: float = 2.0,
    ) -> None:
        if isinstance(stores, str | Path):
            stores = [stores]
        named = stores if isinstance(stores, Mapping) else dict(enumerate(stores, start=1))
        if not named:
            raise UserError("no store was given: name at least one")
        if blocks < 1 or gap < 0 or padding < 0:
            raise UserError(f"blocks {blocks}, gap {gap}, padding {padding}: give at least 1, 0 and 0")
        self.blocks, self.gap, self.padding = blocks, gap, padding
        opened = [Store(Path(path)) for path in named.values()]
        trials = [store.trials(extras=False) for store in opened]
        _refuse_what_differs(opened, trials)
        self.stores: dict[int | str, Path] = {}
        self.sessions: dict[int | str, list[np.ndarray]] = {}
        for name, store, part in zip(named, opened, trials, strict=True):
            for subject, places in _subjects(name, part.metadata):
                self.stores[subject] = store.path
                self.sessions[subject] = self._sessions_of(part.metadata, places, f"{store.path}: subject {subject}")
        labels = dict.fromkeys(str(label) for part in trials for label in np.unique(part.labels))
        super().__init__(
            subjects=list(self.stores),
            sessions_per_subject=min(map(len, self.sessions.values())),
            events={label: code for code, label in enumerate(labels, start=1)},
            code=f"StoreDataset-{self._digest(opened)}",
            interval=_interval(trials[0]),
            paradigm="labels",
            unit_factor=1 / MICROVOLTS,
        )

    def data_path(
        self,
        subject: int | str,
        path: Any = None,
        force_update: bool = False,
        update_path: Any = None,
        verbose: Any = None,
    ) -> list[str]:
        """Return the folder of a subject's store; the other parameters are MOABB's, for downloads."""
        if subject not in self.stores:
            raise UserError(f"there is no subject {subject!r}: there are {', '.join(map(str, self.stores))}")
        return [str(self.stores[subject])]

    def _get_single_subject_data(self, subject: int | str) -> dict[str, dict[str, mne.io.RawArray]]:
        (path,) = self.data_path(subject)
        trials = Store(Path(path)).trials(extras=False)
        sessions = enumerate(self.sessions[subject])
        return {str(number): {"0": self._continuous(trials.select(places))} for number, places in sessions}

    def _sessions_of(self, metadata: pd.DataFrame, places: np.ndarray, whose: str) -> list[np.ndarray]:
        """Return where in the store the trials of each session lie; `places` are those of the subject."""
        if "session" in metadata:
            numbers, names = pd.factorize(metadata["session"].iloc[places], use_na_sentinel=False)
            if len(names) > 1:
                return [places[numbers == number] for number in range(len(names))]
        stretches = np.array_split(places, self.blocks)
        kept = [stretch[self.gap :] if number else stretch for number, stretch in enumerate(stretches)]
        if not all(map(len, kept)):
            raise UserError(
                f"{whose}: {len(places)} trials are too few for {self.blocks} blocks with {self.gap} left out "
                "between: ask for fewer blocks or a smaller gap"
            )
        return kept

    def _continuous(self, trials: Trials) -> mne.io.RawArray:
        n_trials, n_channels, n_times = trials.signals.shape
        at_event = -_first_sample(trials)
        # The event may lie outside its trial, but must lie in the recording and not on its first sample.
        pad = max(round(self.padding * trials.sfreq), 1 - at_event, at_event - n_times + 1, 1)
        data = np.zeros((n_channels + 1, n_trials * (pad + n_times + pad)))
        padded = data[:-1].reshape(n_channels, n_trials, -1)
        signals = np.multiply(trials.signals, MICROVOLTS, dtype=np.float64).transpose(1, 0, 2)
        padded[..., pad:-pad] = signals
        _hold_ends(padded, pad)
        codes = [self.event_id[str(label)] for label in trials.labels]
        data[-1, np.arange(n_trials) * padded.shape[2] + pad + at_event] = codes
        raw = mne.io.RawArray(data[:-1], trials.info, verbose="error")
        stim = mne.create_info([_STIM], trials.sfreq, "stim", verbose="error")
        return raw.add_channels([mne.io.RawArray(data[-1:], stim, verbose="error")], force_update_info=True)

    def _digest(self, opened: Sequence[Store]) -> str:
        # MOABB files its results under the code and takes what is there for done: other trials need another code.
        told = [self.blocks, self.gap, self.padding, *self.stores, *(store.about["content_hash"] for store in opened)]
        return hashlib.sha256(repr(told).encode()).hexdigest()[:12]


class LabelParadigm(BaseParadigm):  # type: ignore[misc]
    """Tell the labels of a `StoreDataset` apart, however many there are.

    Parameters
    ----------
    fmin, fmax : float or None
        Band in Hz that is kept; both None leave the trials as they are.
    events : sequence of str, optional
        Labels to tell apart, such as the ten digits without "-1"; None takes all.
    **options : object
        Further parameters of MOABB's `BaseParadigm`: `tmin`, `tmax`, `baseline`, `channels`,
        `resample`, `scorer` (accuracy, if none is given).
    """

    def __init__(
        self,
        fmin: float | None = 1.0,
        fmax: float | None = 40.0,
        events: Sequence[str] | None = None,
        **options: Any,
    ) -> None:
        # A label that begins with "bad" would be taken for an annotation of what to reject.
        options = {"reject_by_annotation": False, **options}
        super().__init__(filters=[[fmin, fmax]], events=None if events is None else list(events), **options)

    @property
    def datasets(self) -> list[BaseDataset]:
        """MOABB's own data sets for it: none."""
        return []

    @property
    def scoring(self) -> Any:
        """What is computed."""
        return "accuracy" if self.scorer is None else self.scorer

    def is_valid(self, dataset: BaseDataset) -> bool:
        """Say whether the data set holds at least two of the labels, and all that were named."""
        used = self.used_events(dataset)
        return len(used) > 1 and (self.events is None or len(used) == len(set(self.events)))

    def used_events(self, dataset: BaseDataset) -> dict[str, int]:
        """Return the codes of the labels to tell apart."""
        known: dict[str, int] = dataset.event_id
        return {name: code for name, code in known.items() if self.events is None or name in self.events}


def _subjects(name: int | str, metadata: pd.DataFrame) -> list[tuple[int | str, np.ndarray]]:
    """Return the subjects of a store, with the places of their trials."""
    everything = np.arange(len(metadata))
    if "subject" not in metadata:
        return [(name, everything)]
    numbers, names = pd.factorize(metadata["subject"], use_na_sentinel=False)
    if len(names) < 2:
        return [(name, everything)]
    return [(f"{name}-{one}", everything[numbers == number]) for number, one in enumerate(names)]


def _first_sample(trials: Trials) -> int:
    return round(trials.tmin * trials.sfreq)


def _interval(trials: Trials) -> list[float]:
    """Return when trials begin and end in s after the event; MOABB takes both ends into an epoch."""
    first = _first_sample(trials)
    return [first / trials.sfreq, (first + trials.signals.shape[2] - 1) / trials.sfreq]


def _hold_ends(padded: np.ndarray, pad: int) -> None:
    """Fill `pad` samples before and after each trial of (n_channels, n_trials, n_times)."""
    padded[..., :pad] = padded[..., pad, None]
    padded[..., -pad:] = padded[..., -pad - 1, None]


def _refuse_what_differs(opened: Sequence[Store], trials: Sequence[Trials]) -> None:
    """Refuse stores that MOABB's one data set cannot hold together."""
    first = trials[0]
    for store, part in zip(opened, trials, strict=True):
        if not store.about["ordered"]:
            raise UserError(f"{store.path}: the order of recording is not known, so no split of it is honest")
        for what, one, other in (
            ("channels", part.info["ch_names"], first.info["ch_names"]),
            ("rate in Hz", part.sfreq, first.sfreq),
            ("samples of a trial", part.signals.shape[2], first.signals.shape[2]),
            ("first sample", _first_sample(part), _first_sample(first)),
        ):
            if one != other:
                raise UserError(f"{store.path}: {what} {one}, but {opened[0].path} has {other}: give stores that agree")
