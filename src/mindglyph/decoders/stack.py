"""`default`: several decoders that fail in different ways, joined by what they do on trials held out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import numpy as np
from pydantic import Field

from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.decoders.pooling import LogLinearPool
from mindglyph.decoders.registry import decoder_settings
from mindglyph.preprocessing import parts_of
from mindglyph.search import Between
from mindglyph.settings import Settings

_GAP = 10  # trials left out on either side of those held out
_LEAST_PROBABILITY = 1e-12


class Member(Settings):
    """A decoder of the stack.

    Attributes
    ----------
    decoder : str
        Name in the registry.
    settings : dict
        What differs from its defaults.
    """

    decoder: str
    settings: dict[str, Any] = Field(default_factory=dict)


class StackSettings(DecoderSettings):
    """Which decoders, and how they are joined.

    Attributes
    ----------
    members : tuple of Member
        The decoders.
    folds : int
        Stretches of the training trials that are held out in turn, to weigh the members.
    enough : int
        Trials held out after which the weights are certain, and no further stretch is taken.
    evenness : float
        Pull of the weights towards one another.
    """

    members: tuple[Member, ...] = Field(
        (
            Member(decoder="evoked"),
            Member(decoder="evoked", settings={"latency": 0.0}),
            Member(decoder="riemann"),
        ),
        min_length=1,
    )
    folds: int = Field(5, ge=2)
    enough: int = Field(1000, ge=1)
    evenness: Annotated[float, Between(1e-4, 1.0, log=True)] = Field(0.01, ge=0)

    @property
    def in_parts(self) -> bool:
        """Whether a member is trained in parts; one member waits for the other."""
        return any(decoder_settings(member.decoder, member.settings).in_parts for member in self.members)

    def build(self, sfreq: float, seed: int = 0) -> Stack:
        """Return the decoder.

        Parameters
        ----------
        sfreq : float
            Rate of the signals in Hz.
        seed : int
            Of all that is random.

        Returns
        -------
        Stack
            Unfitted.

        Raises
        ------
        UserError
            If there is no such member, or its settings do not fit.
        """
        for member in self.members:
            decoder_settings(member.decoder, member.settings)
        return Stack(self, sfreq=sfreq, seed=seed)


class Stack(Decoder[StackSettings]):
    """Pools the members' probabilities; their embeddings side by side are its embedding.

    Attributes
    ----------
    members_ : dict of int, Decoder
        Those that are heard, by their place among the members of the settings, fitted to all
        training trials.
    pool_ : LogLinearPool
        Their weights.
    """

    settings_class = StackSettings

    def _fit(self, signals: np.ndarray, codes: np.ndarray, monitor: Monitor) -> tuple[np.ndarray, np.ndarray]:
        n_members, n_classes = len(self.settings_.members), len(self.classes_)
        stretches = [
            (learning, places)
            for learning, places in self._stretches(len(codes))
            if np.bincount(codes[learning], minlength=n_classes).min() >= 2
        ]
        steps = _Steps(monitor, n_members * (len(stretches) + 1))
        outputs = []
        for number, (learning, places) in enumerate(stretches, start=1):
            fitted = self._fitted(
                range(n_members), _cut(signals, learning), codes[learning], steps, f"stretch-{number}"
            )
            outputs.append(self._outputs(fitted, _cut(signals, places)))
        if outputs:
            held_out = np.concatenate([places for _, places in stretches])
            log_probabilities = np.concatenate(outputs, axis=1)
            pool = LogLinearPool.fit(
                log_probabilities, codes[held_out], self.settings_.evenness, self._held_out_weights(codes)
            )
            scores = pool.scores(log_probabilities)
        else:
            held_out, scores = np.arange(0), np.empty((0, n_classes))
            pool = LogLinearPool.even(n_members, codes, n_classes)
        heard, self.pool_ = pool.heard()
        self.members_ = self._fitted(heard.tolist(), signals, codes, steps, "all")
        return held_out, scores

    def _stretches(self, n_trials: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return places to learn from and places held out, of as many stretches as are needed."""
        stretches = []
        parts = np.array_split(np.arange(n_trials), self.settings_.folds)
        # The last stretch first: it is the one most like what comes after the training.
        for part in reversed([part for part in parts if len(part)]):
            learning = np.concatenate([np.arange(max(0, part[0] - _GAP)), np.arange(part[-1] + 1 + _GAP, n_trials)])
            stretches.append((learning, part))
            if sum(len(held_out) for _, held_out in stretches) >= self.settings_.enough:
                break
        return stretches

    def _fitted(
        self, places: Iterable[int], signals: np.ndarray, codes: np.ndarray, steps: _Steps, name: str
    ) -> dict[int, Decoder[Any]]:
        members = {place: self._member(place) for place in places}
        for place, member in members.items():
            with steps.step(f"{name}-{place}-{self.settings_.members[place].decoder}") as monitor:
                member.fit_scores(signals, codes, monitor)
        return members

    def _member(self, place: int) -> Decoder[Any]:
        about = self.settings_.members[place]
        balance = {"class_weight": self.settings_.class_weight, "resample": self.settings_.resample}
        member = decoder_settings(about.decoder, balance | about.settings).build(self.sfreq, self.seed)
        member.set_params(tmin=self.tmin)
        return member

    @staticmethod
    def _outputs(members: Mapping[int, Decoder[Any]], signals: np.ndarray) -> np.ndarray:
        """Return the members' log-probabilities: (n_members, n_trials, n_classes)."""
        # A member may make much of a trial: part by part that is never much at once.
        probabilities = np.concatenate(
            [
                np.stack([member.predict_proba(signals[part]) for member in members.values()])
                for part in parts_of(signals.shape)
            ],
            axis=1,
        )
        return np.log(probabilities.clip(_LEAST_PROBABILITY))

    def _scores(self, signals: np.ndarray) -> np.ndarray:
        return self.pool_.scores(self._outputs(self.members_, signals))

    def _embedding(self, signals: np.ndarray) -> np.ndarray:
        return np.concatenate([member.embed(signals) for member in self.members_.values()], axis=1)

    def n_parameters(self, shape: tuple[int, int], n_classes: int) -> int | None:
        """Return how many numbers are learned where all members are heard; None where one cannot tell."""
        counts = [self._member(place).n_parameters(shape, n_classes) for place in range(len(self.settings_.members))]
        known = [count for count in counts if count is not None]
        return len(counts) + n_classes + sum(known) if len(known) == len(counts) else None

    def _arrays(self) -> dict[str, np.ndarray]:
        arrays = {
            "weights": self.pool_.weights,
            "log_frequencies": self.pool_.log_frequencies,
            "heard": np.array(list(self.members_)),
        }
        for place, member in self.members_.items():
            arrays.update({f"{place}.{name}": array for name, array in member.arrays().items()})
        return arrays

    def _forests(self) -> dict[str, Any]:
        return {
            f"{place}.{name}": forest
            for place, member in self.members_.items()
            for name, forest in member.forests().items()
        }

    def _restore(self, arrays: dict[str, np.ndarray]) -> None:
        self.pool_ = LogLinearPool(arrays["weights"], arrays["log_frequencies"])
        self.members_ = {int(place): self._member(int(place)) for place in arrays["heard"]}
        self._member_arrays = {place: _of(place, arrays) for place in self.members_}

    def _restore_forests(self, forests: Mapping[str, Any]) -> None:
        # A member takes arrays and forests together.
        for place, arrays in self.__dict__.pop("_member_arrays").items():
            self.members_[place].restore(arrays, range(len(self.classes_)), self.shape_, _of(place, forests))


class _Steps:
    """Counts the fits of all members in all rounds, each of which is a step of the whole."""

    def __init__(self, monitor: Monitor, n_steps: int) -> None:
        self._monitor = monitor
        self._n_steps = n_steps
        self._done = 0

    @contextmanager
    def step(self, name: str) -> Iterator[Monitor]:
        """Give the monitor of a fit, and tell of it when it is done."""
        yield self._monitor.of_part(name)
        self._done += 1
        nothing = float("nan")
        progress = Progress(self._monitor.part, self._done, self._n_steps, nothing, nothing, nothing, unit="fit")
        self._monitor.report(progress)


def _cut(signals: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the signals at ascending places; a stretch is cut, which copies nothing."""
    first, last = int(places[0]), int(places[-1])
    return signals[first : last + 1] if last - first + 1 == len(places) else signals[places]


def _of(place: int, named: Mapping[str, Any]) -> dict[str, Any]:
    prefix = f"{place}."
    return {name.removeprefix(prefix): value for name, value in named.items() if name.startswith(prefix)}
