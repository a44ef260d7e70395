"""Trials on disk: a folder with memory-mapped signals, a table, and what was refused.

`signals.npy`, `trials.parquet` (labels and metadata), `rejected.parquet`, `import.json`,
`store.json` (schema version, channels, content hash), `images.npy` where the pictures shown
are known, `extra-NAME.npy` for what was recorded beside the EEG; a simulated recording's
truth comes along as `truth.json`. The folder is written under a temporary name and renamed:
a crash leaves the old store or the new one.
"""

from mindglyph.store.from_trials import write_trials
from mindglyph.store.reading import Store
from mindglyph.store.writing import write_store

__all__ = ["Store", "write_store", "write_trials"]
