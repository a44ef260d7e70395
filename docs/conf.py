"""How the manual is built: `uv run --group docs sphinx-build -W docs docs/_build/html`. Nothing is fetched."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version as version_of
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
# A figure of the gallery is drawn without a screen, and the small work of an example is faster on one thread.
os.environ.setdefault("MPLBACKEND", "agg")
os.environ.setdefault("OMP_NUM_THREADS", "1")

project = "mindglyph"
author = "The mindglyph developers"
copyright = author
version = release = version_of("mindglyph")

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "sphinx_gallery.gen_gallery",
    "local_math",
]
exclude_patterns = ["_build", "_templates", "_ext"]
templates_path = ["_templates"]
# The guides that a version does not have yet leave their place in the list empty.
suppress_warnings = ["toc.empty_glob"]

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 3
html_math_renderer = "local"

html_theme = "furo"
html_title = f"mindglyph {release}"
html_show_sphinx = False

autodoc_typehints = "none"  # numpydoc's sections say the types, and the shapes
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False

sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "abort_on_example_error": True,
    "download_all_examples": False,
    "show_signature": False,
    "write_computation_times": False,
    "remove_config_comments": True,
    "min_reported_time": 600,
}
