"""Measure how long networks take to learn, beside the plain loop that a peer would write.

    uv run python benchmarks/training.py            # five seeds, an hour or two on two cores
    uv run python benchmarks/training.py --quick    # one seed, under five minutes

Each network of the thesis is trained twice on the same simulated trials (EPOC, ceiling 0.9): as
torch's own layers in a plain loop in float32 (Adam at 1e-3, batches of 256), and by its decoder.
The two take turns, an epoch each, so that both see the same machine. What counts is the time to
the lowest loss that the plain loop reaches on trials held out; it is the product of what a
second and what an epoch is worth, which are shown beside it; a second's are what most epochs
came to, their validation included. Ends with one line of JSON; null
stands for what was not measured or not reached.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from mindglyph.decoders import DECODERS, decoder_settings
from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.simulation import Pictures, SimulatedRecording, SimulationSettings

RATE = 128.0
BATCH = 256
CEILING = 0.9
clock = time.perf_counter


class PlainLSTM(nn.Module):
    """LSTMs in a row over the channels, then dense layers."""

    def __init__(self, units: tuple[int, ...], dense: tuple[int, ...], norm: bool) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(14) if norm else nn.Identity()
        widths = (256, *units)
        self.lstms = nn.ModuleList(nn.LSTM(a, b, batch_first=True) for a, b in zip(widths, units, strict=False))
        self.between = nn.Sequential(nn.Dropout(0.5), nn.LeakyReLU()) if norm else nn.Identity()
        layers: list[nn.Module] = [nn.Flatten()]
        before = 14 * units[-1]
        for size in dense:
            layers += [nn.Linear(before, size), nn.ReLU(), nn.Dropout(0.5)]
            before = size
        self.head = nn.Sequential(*layers, nn.Linear(before, 10))

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        hidden = self.norm(signals)
        for lstm in self.lstms:
            hidden = self.between(lstm(hidden)[0])
        return self.head(hidden)


class PlainChannelLSTMs(nn.Module):
    """Two LSTMs for each channel, in a list, over steps of 16 samples."""

    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(14)
        self.first = nn.ModuleList(nn.LSTM(16, 128, batch_first=True) for _ in range(14))
        self.second = nn.ModuleList(nn.LSTM(128, 256, batch_first=True) for _ in range(14))
        self.between = nn.Sequential(nn.Dropout(0.5), nn.LeakyReLU())
        self.head = nn.Linear(14 * 256, 10)

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        """Return the scores."""
        steps = self.norm(signals).unflatten(-1, (16, 16))
        lasts = []
        for channel, (first, second) in enumerate(zip(self.first, self.second, strict=True)):
            hidden = self.between(first(steps[:, channel])[0])
            lasts.append(self.between(second(hidden)[0])[:, -1])
        return self.head(torch.cat(lasts, dim=1))


def plain_sparse_cnn(outputs: int = 10) -> nn.Module:
    """Return the sparse CNN of torch's own layers."""
    return nn.Sequential(
        *(nn.BatchNorm1d(14), nn.Conv1d(14, 128, 11), nn.Tanh(), nn.AvgPool1d(4), nn.Dropout(0.5)),
        *(nn.BatchNorm1d(128), nn.Conv1d(128, 256, 11), nn.Tanh(), nn.AvgPool1d(2), nn.Dropout(0.25)),
        *(nn.Flatten(), nn.Linear(6400, 10), nn.ELU(), nn.Linear(10, outputs)),
    )


PLAIN: dict[str, Callable[[], nn.Module]] = {
    "sparse-cnn": plain_sparse_cnn,
    "common-lstm": lambda: PlainLSTM((1024,), (256, 64), norm=False),
    "stacked-lstm": lambda: PlainLSTM((256, 512, 256, 64), (), norm=True),
    "per-channel-lstm": PlainChannelLSTMs,
}


@dataclass(frozen=True)
class Data:
    """Trials to learn from, the last stretch of which is held out, and others to test on."""

    signals: np.ndarray
    labels: np.ndarray
    test_signals: np.ndarray
    test_labels: np.ndarray


@dataclass(frozen=True)
class Limits:
    """Epochs at most, epochs without a better loss, and seconds for both together."""

    epochs: int
    patience: int
    seconds: float


@dataclass
class Course:
    """Seconds, held-out loss after each epoch, and what came of it."""

    seconds: list[float] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    accuracy: float = math.nan

    def reached(self, loss: float) -> int | None:
        """Return the first epoch, from 1, with at most this loss."""
        return next((epoch for epoch, value in enumerate(self.losses, 1) if value <= loss), None)


def simulated(n_trials: int, n_test: int, seed: int) -> Data:
    """Return preprocessed trials of a simulated EPOC; the scale is learned from those to learn from."""
    settings = SimulationSettings(format="ep", events=n_trials + n_test, ceiling=CEILING, seed=seed)
    blank = Pictures(np.zeros((10, 28, 28), np.uint8), np.arange(10), np.arange(10))
    recording = SimulatedRecording.draw(settings, blank)
    signals = np.concatenate([chunk[..., :256] for _, chunk in recording.chunks()]) * recording.headset.resolution
    labels = np.array(recording.labels)
    preprocessing = PreprocessingSettings().build(RATE)
    learned = preprocessing.fit_transform(signals[:n_trials].astype(np.float32))
    tested = preprocessing.transform(signals[n_trials:].astype(np.float32))
    return Data(learned, labels[:n_trials], tested, labels[n_trials:])


def plain_loop(network: nn.Module, data: Data, limits: Limits, seed: int) -> Iterator[Course]:
    """Train as a peer would; yield after each epoch."""
    learning, held_out = last_block(len(data.labels), 0.15)
    signals, labels = torch.from_numpy(data.signals), torch.from_numpy(data.labels)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    places, course, best = torch.from_numpy(learning), Course(), network.state_dict()
    for epoch in range(limits.epochs):
        torch.manual_seed(seed * 1000 + epoch)
        start = clock()
        network.train()
        for batch in places[torch.randperm(len(places))].split(BATCH):
            optimizer.zero_grad()
            cross_entropy(network(signals[batch]), labels[batch]).backward()
            optimizer.step()
        loss = cross_entropy(plain_scores(network, signals[held_out]), labels[held_out]).item()
        course.seconds.append(clock() - start)
        course.losses.append(loss)
        if loss == min(course.losses):
            best = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        elif epoch - int(np.argmin(course.losses)) >= limits.patience:
            break
        yield course
    network.load_state_dict(best)
    scores = plain_scores(network, torch.from_numpy(data.test_signals))
    course.accuracy = float((scores.argmax(1).numpy() == data.test_labels).mean())
    yield course


@torch.no_grad()
def plain_scores(network: nn.Module, signals: torch.Tensor) -> torch.Tensor:
    """Return the scores of trials, in batches."""
    network.eval()
    return torch.cat([network(batch) for batch in signals.split(BATCH)])


class TimeIsUpError(Exception):
    """Ends a race whose time is over."""


def race(name: str, data: Data, limits: Limits, seed: int) -> tuple[Course, Course]:
    """Train both by turns, an epoch each; accuracies are unknown if time is up before they are done."""
    torch.manual_seed(seed)
    plain = plain_loop(PLAIN[name](), data, limits, seed)
    ours, theirs = Course(), Course()
    begun = start = clock()

    def report(progress: Progress) -> None:
        nonlocal start, theirs
        ours.seconds.append(clock() - start)
        ours.losses.append(progress.valid_loss)
        theirs = next(plain, theirs)
        if clock() - begun > limits.seconds:
            raise TimeIsUpError
        start = clock()

    training = {**_training_of(name), "max_epochs": limits.epochs, "patience": limits.patience}
    decoder = decoder_settings(name, {"training": training}).build(RATE, seed)
    try:
        decoder.fit(data.signals, data.labels, Monitor(report))
        for course in plain:
            theirs = course
            if clock() - begun > limits.seconds:
                raise TimeIsUpError
    except TimeIsUpError:
        return theirs, ours
    ours.accuracy = float((decoder.predict(data.test_signals) == data.test_labels).mean())
    return theirs, ours


def _training_of(name: str) -> dict[str, Any]:
    settings: Any = decoder_settings(name)
    return settings.training.model_dump()


def compared(races: list[tuple[Course, Course]], n_trials: int) -> tuple[float | None, str]:
    """Return the ratio of the times to the same loss, and the line of the table."""
    speed = [n_trials / float(np.median(np.concatenate([pair[i].seconds for pair in races]))) for i in (0, 1)]
    seconds, epochs = np.zeros(2), np.zeros(2)
    for theirs, ours in races:
        reached = [course.reached(min(theirs.losses)) for course in (theirs, ours)]
        for i, course in enumerate((theirs, ours)):
            seconds[i] += sum(course.seconds[: reached[i]]) if reached[i] else math.inf
            epochs[i] += reached[i] or math.inf
    ratio = float(seconds[0] / seconds[1])
    needed = "not reached" if np.isinf(epochs[1]) else f"{epochs[1] / len(races):.1f}"
    differences = [100 * (ours.accuracy - theirs.accuracy) for theirs, ours in races]
    spread = f" ± {np.std(differences, ddof=1) / math.sqrt(len(races)):.1f}" if len(races) > 1 else ""
    points = "time was up" if np.isnan(differences).any() else f"{np.mean(differences):+.1f}{spread}"
    line = f"{speed[0]:>12.0f}{speed[1]:>8.0f}{speed[1] / speed[0]:>7.2f}{epochs[0] / len(races):>10.1f}"
    line += f"{needed:>12}{epochs[0] / epochs[1]:>7.2f}{ratio:>8.2f}   {points}"
    return (round(ratio, 2) if ratio > 0 else None), line


def forest_ratio(data: Data, limits: Limits) -> tuple[float | None, str]:
    """Compare the forest's training with its experts, one by one, in the plain loop.

    One expert for a pair of digits and one for a digit against the rest are trained, and stand
    for all of a kind, in each of the inner folds; the trees, which cost both the same, are left
    out there.
    """
    if "sparse-forest" not in DECODERS:
        return None, "not measured: there is no decoder of this name"
    settings: Any = decoder_settings("sparse-forest")
    expert = settings.expert.training.model_copy(update={"max_epochs": limits.epochs, "patience": limits.patience})
    settings = settings.model_copy(update={"expert": settings.expert.model_copy(update={"training": expert})})
    start = clock()
    settings.build(RATE, 0).fit(data.signals, data.labels)
    ours = clock() - start
    inside = np.arange(round(len(data.labels) * (1 - 1 / settings.inner_folds)))
    seconds = {}
    for kind, chosen in (("pair", inside[data.labels[inside] < 2]), ("rest", inside)):
        labels = (data.labels[chosen] == 0).astype(np.int64)
        some = Data(data.signals[chosen], labels, data.test_signals[:1], data.test_labels[:1])
        *_, course = plain_loop(plain_sparse_cnn(2), some, limits, 0)
        seconds[kind] = sum(course.seconds)
    plain = settings.inner_folds * (45 * seconds["pair"] + 10 * seconds["rest"])
    line = f"{plain:.0f} s one by one, scaled from two experts; {ours:.0f} s together: {plain / ours:.2f} times as long"
    return round(plain / ours, 2), line


def main() -> None:
    """Measure every network and print what came out."""
    parts = [*PLAIN, "sparse-forest"]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed, few trials, 45 s a network at most")
    parser.add_argument("--only", nargs="+", choices=parts, default=parts)
    parser.add_argument("--trials", type=int)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument(
        "--processor-time", action="store_true", help="count what processors worked, where others use them too"
    )
    arguments = parser.parse_args()
    global clock
    if arguments.processor_time:
        clock = time.process_time
    n_trials = arguments.trials or (2000 if arguments.quick else 8000)
    epochs = arguments.epochs or (8 if arguments.quick else 40)
    seeds = arguments.seeds or (1 if arguments.quick else 5)
    limits = Limits(epochs, 6, 45.0 if arguments.quick else math.inf)
    data = simulated(n_trials, 1000, 0)
    few = replace(data, signals=data.signals[:300], labels=data.labels[:300])
    print(f"{n_trials:,} trials, {seeds} seed(s), at most {epochs} epochs, {torch.get_num_threads()} thread(s)")
    print(f"{'':<17}{'trials a second':>20}{'':>7}{'epochs to a loss':>22}{'':>7}{'time':>8}   points")
    print(
        f"{'':<17}{'plain':>12}{'ours':>8}{'ratio':>7}{'plain':>10}{'ours':>12}{'ratio':>7}{'ratio':>8}   ours - plain"
    )
    ratios: dict[str, float | None] = dict.fromkeys(parts)
    for name in arguments.only:
        if name == "sparse-forest":
            # An epoch costs both what any other does, so that fewer tell the ratio as well.
            ratios[name], line = forest_ratio(data, replace(limits, epochs=2) if arguments.quick else limits)
        else:
            # What is loaded once is no matter of the training, and would fall to whoever begins.
            race(name, few, Limits(1, 1, math.inf), seed=0)
            ratios[name], line = compared([race(name, data, limits, seed) for seed in range(seeds)], n_trials)
        print(f"{name:<17}{line}", flush=True)
    print(json.dumps(ratios))


if __name__ == "__main__":
    main()
