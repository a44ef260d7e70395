"""The decoders by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mindglyph.errors import UserError
from mindglyph.settings import checked

if TYPE_CHECKING:
    from mindglyph.decoders.base import DecoderSettings

ZOO_PREFIX = "zoo:"


@dataclass(frozen=True)
class Entry:
    """A decoder that can be asked for by name.

    Attributes
    ----------
    module : str
        Where its settings class stands; imported only when it is asked for.
    settings : str
        Name of the settings class.
    line : str
        What it is, in a line.
    """

    module: str
    settings: str
    line: str


DECODERS: dict[str, Entry] = {
    "chance": Entry("chance", "ChanceSettings", "Knows how often each digit occurs, and nothing else"),
    "lda": Entry("lda", "LDASettings", "Linear discriminant analysis with shrinkage on smoothed samples"),
    "riemann": Entry(
        "riemann", "RiemannSettings", "Covariances with the evoked responses, tangent space, logistic regression"
    ),
    "common-lstm": Entry("common_lstm", "CommonLSTMSettings", "One LSTM that walks over the channels (thesis)"),
    "sparse-cnn": Entry("sparse_cnn", "SparseCNNSettings", "Two wide convolutions in time with heavy dropout (thesis)"),
    "sparse-forest": Entry(
        "sparse_forest", "SparseForestSettings", "Sparse CNNs for pairs and single digits under a forest (thesis)"
    ),
}
"""Every decoder of our own; `zoo:NAME` names one of braindecode's."""


def decoder_settings(name: str, values: Mapping[str, Any] | None = None) -> DecoderSettings:
    """Return the settings of a decoder.

    Parameters
    ----------
    name : str
        A name of `DECODERS`, or `zoo:NAME` for a classifier of braindecode.
    values : mapping, optional
        What shall differ from the defaults.

    Returns
    -------
    DecoderSettings
        Whose `build` gives the classifier.

    Raises
    ------
    UserError
        If there is no such decoder, or a value does not fit.
    """
    values = dict(values or {})
    if name.startswith(ZOO_PREFIX):
        entry = Entry("zoo", "ZooSettings", "")
        values["network"] = name.removeprefix(ZOO_PREFIX)
    elif name in DECODERS:
        entry = DECODERS[name]
    else:
        raise UserError(f"there is no decoder '{name}': choose one of {', '.join(DECODERS)} or {ZOO_PREFIX}NAME")
    kind: type[DecoderSettings] = getattr(import_module(f"mindglyph.decoders.{entry.module}"), entry.settings)
    return checked(kind, f"settings of {name}", **values)
