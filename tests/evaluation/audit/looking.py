"""What the tests of the audit share: looking at a store, and finding what was said of one thing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mindglyph.evaluation.audit import Audit, Finding, audit_store, plans_of
from mindglyph.store import Store


def look(store: Store, plans: Mapping[str, Sequence[tuple[np.ndarray, np.ndarray]]] | None = None) -> Audit:
    return audit_store(store, plans_of(store) if plans is None else plans)


def said(audit: Audit, about: str, split: str | None = None) -> Finding:
    """Return the only finding about something, of a split where one is named."""
    (finding,) = [finding for finding in audit.findings if finding.about == about and split in (None, finding.split)]
    return finding


def shuffled_folds(n_trials: int, n_folds: int = 5, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return the folds of a random split."""
    parts = np.array_split(np.random.default_rng(seed).permutation(n_trials), n_folds)
    return [(np.setdiff1d(np.arange(n_trials), test), test) for test in parts]


def shuffled_labels(n_trials: int, n_labels: int = 5, seed: int = 0) -> np.ndarray:
    """Return labels in random order, each as often as any other."""
    return np.random.default_rng(seed).permutation(np.arange(n_trials) % n_labels)
