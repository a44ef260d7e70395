"""Batches of trials, fetched by their places straight from an array or a memory map."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch


def shuffled(places: np.ndarray, size: int, rng: np.random.Generator) -> list[np.ndarray]:
    """Divide places at random into batches of one size.

    Parameters
    ----------
    places : ndarray of int, shape (n_trials,)
        Of the trials to learn from.
    size : int
        Trials in a batch at most.
    rng : Generator
        Of the order.

    Returns
    -------
    list of ndarray
        The fewest equal batches. The few trials that this leaves over are others in each epoch.
        Within a batch the places ascend, so that a file is read from front to back.
    """
    length = batch_length(len(places), size)
    n_batches = len(places) // length
    order = rng.permutation(places)[: n_batches * length]
    return list(np.sort(order.reshape(n_batches, length), axis=1))


def batch_length(n_trials: int, size: int) -> int:
    """Return how many trials each of the fewest equal batches of at most `size` has."""
    return n_trials // -(-n_trials // size)


def in_order(places: np.ndarray, size: int) -> list[np.ndarray]:
    """Divide places into batches of `size`, the last of which may be smaller; one if there are none."""
    return [places[start : start + size] for start in range(0, max(1, len(places)), size)]


def fetched(signals: np.ndarray, batches: list[np.ndarray], device: torch.device) -> Iterator[torch.Tensor]:
    """Yield the trials of each batch, reading the next while one is worked on.

    Parameters
    ----------
    signals : ndarray, shape (n_trials, n_channels, n_times)
        All trials, possibly memory-mapped: only what a batch needs is read.
    batches : list of ndarray of int
        Places of the trials of each batch, ascending.
    device : torch.device
        Where they are needed.

    Yields
    ------
    Tensor, shape (n_batch, n_channels, n_times)
        float32.
    """

    def read(places: np.ndarray) -> torch.Tensor:
        # Indexing by an array copies, so nobody who gets a batch can write into the recording.
        return torch.from_numpy(np.asarray(signals[places], dtype=np.float32)).to(device)

    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(read, batches[0])
        for following in batches[1:]:
            batch, coming = coming.result(), reader.submit(read, following)
            yield batch
        yield coming.result()
