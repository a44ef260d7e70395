"""Run every trap and print the tables of docs/leaks.md.

uv run python examples/leaks/run_all.py
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from importlib import import_module

from common import Figure

TRAPS = {
    "channels_as_samples": 1000,
    "chosen_trials": 5000,
    "best_epoch": 300,
    "block_design": 1000,
    "rows_by_position": 4000,
    "scaled_by_class": 1500,
    "overlapping_windows": 500,
    "copies_before_split": 600,
}
"""Each trap's module, and the trials that it is shown on."""


def main() -> None:
    """Measure all traps of one seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    print("| trap | the lie | n | the truth | 95% interval | p | n |\n|---|---|---|---|---|---|---|")
    measured, further = {}, []
    for name, events in TRAPS.items():
        start = time.perf_counter()
        trap = import_module(name).measure(events, seed)
        seconds = round(time.perf_counter() - start, 1)
        lie, truth = trap.lie, trap.truth
        low, high = (f"{end:.1%}" for end in truth.ci95)
        print(
            f"| {trap.name} | {lie.accuracy:.1%} | {lie.n_test:,} | {truth.accuracy:.1%} | {low} to {high} "
            f"| {truth.p_value:.2f} | {truth.n_test:,} |",
            flush=True,
        )
        further += [row(trap.name, figure) for figure in (lie, truth, *trap.further)]
        measured[name] = {"events": events, "seconds": seconds, **asdict(trap)}
    print("\n| trap | what | accuracy | guessing stays under, 19 of 20 | n |\n|---|---|---|---|---|")
    print("\n".join(further))
    print(json.dumps({"seed": seed, "chance": 0.1, "traps": measured}))


def row(name: str, figure: Figure) -> str:
    """Return a line of the second table."""
    return f"| {name} | {figure.what} | {figure.accuracy:.1%} | {figure.chance_bound:.1%} | {figure.n_test:,} |"


if __name__ == "__main__":
    main()
