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
    source : str
        Where it comes from.
    """

    module: str
    settings: str
    line: str
    source: str


_THESIS = "the thesis 'Extracting Image from EEG signals'"

DECODERS: dict[str, Entry] = {
    "default": Entry(
        "stack",
        "StackSettings",
        "evoked, evoked at a fixed latency and riemann, joined by how they do on trials held out",
        "ours; doi:10.1214/ss/1177013825",
    ),
    "chance": Entry(
        "chance", "ChanceSettings", "Knows how often each digit occurs, and nothing else", "what others must beat"
    ),
    "lda": Entry(
        "lda",
        "LDASettings",
        "Linear discriminant analysis with shrinkage on smoothed samples",
        "doi:10.1016/j.neuroimage.2010.06.048",
    ),
    "riemann": Entry(
        "riemann",
        "RiemannSettings",
        "Covariances with the evoked responses, tangent space, logistic regression",
        "doi:10.48550/arXiv.1409.0107",
    ),
    "evoked": Entry(
        "evoked",
        "EvokedSettings",
        "Bayesian model of smooth responses of variable latency in separable noise",
        "ours; doi:10.1162/neco.1992.4.3.415, doi:10.1007/BF02474247",
    ),
    "common-lstm": Entry(
        "common_lstm", "CommonLSTMSettings", "One LSTM that walks over the channels, then dense layers", _THESIS
    ),
    "stacked-lstm": Entry(
        "stacked_lstm", "StackedLSTMSettings", "Four LSTMs in a row that walk over the channels", _THESIS
    ),
    "per-channel-lstm": Entry(
        "per_channel_lstm", "PerChannelLSTMSettings", "LSTMs of each channel along its own time, joined", _THESIS
    ),
    "per-channel-lstm-merged": Entry(
        "per_channel_lstm_merged",
        "PerChannelLSTMMergedSettings",
        "LSTMs of each channel along its own time, merged by another",
        _THESIS,
    ),
    "sparse-cnn": Entry("sparse_cnn", "SparseCNNSettings", "Two wide convolutions in time with heavy dropout", _THESIS),
    "sparse-forest": Entry(
        "sparse_forest",
        "SparseForestSettings",
        "Sparse CNNs for pairs of classes and for single ones, joined by a decision forest",
        _THESIS,
    ),
    "deep-cnn": Entry(
        "deep_cnn",
        "DeepCNNSettings",
        "Two convolutions over a picture of channels by time",
        _THESIS,
    ),
    "mlp": Entry("mlp", "MLPSettings", "Five dense layers over all samples at once", _THESIS),
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
        entry = Entry("zoo", "ZooSettings", "", "")
        values["network"] = name.removeprefix(ZOO_PREFIX)
    elif name in DECODERS:
        entry = DECODERS[name]
    else:
        raise UserError(f"there is no decoder '{name}': choose one of {', '.join(DECODERS)} or {ZOO_PREFIX}NAME")
    kind: type[DecoderSettings] = getattr(import_module(f"mindglyph.decoders.{entry.module}"), entry.settings)
    return checked(kind, f"settings of {name}", **values)
