"""What all pages have in common: their templates and how numbers are written in them."""

from __future__ import annotations

import math
from importlib.metadata import version

from jinja2 import Environment, PackageLoader

from mindglyph.evaluation.verdict import p_alone
from mindglyph.report.palette import as_variables


def pages() -> Environment:
    """Return the templates, with `percent`, `p`, `thousands` and `log_of` as filters."""
    environment = Environment(
        loader=PackageLoader("mindglyph", "report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.globals["version"] = version("mindglyph")
    environment.globals["colours"] = as_variables
    environment.filters["log_of"] = lambda value: math.log(value)
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}%"
    environment.filters["p"] = p_alone
    environment.filters["thousands"] = lambda value: f"{value:,}"
    return environment
