"""Where work runs: in this process, in several processes of this machine, or on a Dask cluster.

One setting decides: `workers` counts processes here, `cluster` names a Dask scheduler instead. What
a task computes does not depend on it.
"""

from mindglyph.compute.place import Place
from mindglyph.compute.tasks import check_place, run_tasks

__all__ = ["Place", "check_place", "run_tasks"]
