"""Starts a decoder from one that was trained on another headset, subject or set.

The trials are mapped to what the source takes, so that its weights mean here what they mean
there; then it is trained on, or only its decision is. What comes of it is a pipeline like any
other: it takes the trials of the new headset, and the mapping is part of it.

References
----------
Kostas & Rudzicz (2020), "Thinker invariance: enabling deep neural networks for BCI across more
people", https://doi.org/10.1088/1741-2552/abb7a7, for training on at a lower rate.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from mindglyph.channel_mapping import ChannelMapping, Recorded
from mindglyph.decoders import DecodingPipeline
from mindglyph.errors import UserError
from mindglyph.settings import Settings
from mindglyph.trials import Trials

MODEL_FILES = ("model.safetensors", "decoder.safetensors")
"""What a decoder is called in a run's folder."""

_SLOWER = 3.0


class TransferSettings(Settings):
    """How a decoder goes on from its source.

    Attributes
    ----------
    frozen : {"none", "body"}
        What stays as the source has it: nothing, or all before the decision.
    head : {"auto", "new"}
        Whether the decision begins anew: where the classes differ, or always.
    learning_rate : float or None
        Of a network; None takes a third of the source's where the body is trained on, and the
        source's own where only the head is.
    seed : int
        Of all that is random.
    """

    frozen: Literal["none", "body"] = "none"
    head: Literal["auto", "new"] = "auto"
    learning_rate: float | None = Field(None, gt=0)
    seed: int = Field(0, ge=0)


def read_source(path: Path) -> DecodingPipeline:
    """Read the decoder to start from.

    Parameters
    ----------
    path : Path
        A model's file, or the folder of a run of `mindglyph train`.

    Returns
    -------
    DecodingPipeline
        Fitted.

    Raises
    ------
    UserError
        If there is no decoder.
    """
    if not path.is_dir():
        return DecodingPipeline.load(path)
    for name in MODEL_FILES:
        if (path / name).is_file():
            return DecodingPipeline.load(path / name)
    if (path / "folds").is_dir():
        raise UserError(
            f"{path}: is an evaluation, with a decoder a fold: name one of them, such as "
            f"{path / 'folds' / '00' / 'decoder.safetensors'}"
        )
    raise UserError(f"{path}: holds no trained decoder: name a file or folder that 'mindglyph train' wrote")


def transferred(source: DecodingPipeline, trials: Trials, settings: TransferSettings | None = None) -> DecodingPipeline:
    """Return a pipeline for the trials that starts from the source.

    Parameters
    ----------
    source : DecodingPipeline
        Fitted.
    trials : Trials
        Of the headset that it shall be fitted to.
    settings : TransferSettings, optional
        How it goes on.

    Returns
    -------
    DecodingPipeline
        Whose `fit` goes on from the source's weights.

    Raises
    ------
    UserError
        If the trials cannot be mapped to what the source takes, or a decoder of its kind can
        only begin anew.
    """
    settings = settings or TransferSettings()
    frozen = settings.frozen == "body"
    wanted, recorded = source.decoded, Recorded.of(trials)
    decoder_settings = _slowed(source.decoder.settings_, settings)
    decoder = decoder_settings.build(source.decoder.sfreq, settings.seed)
    decoder.start_from(source.decoder, frozen, settings.head == "new")
    mapping = None
    if not _same(recorded, wanted):
        mapping = ChannelMapping.between(recorded, wanted)
    return DecodingPipeline(source.name, decoder, source.preprocessing, mapping)


def _slowed(settings: Any, wished: TransferSettings) -> Any:
    """Return settings with the rate of going on, if it is a network that has one."""
    training = getattr(settings, "training", None)
    if training is None:
        if wished.learning_rate is not None:
            raise UserError("a learning rate is for networks, and this decoder is none: leave it out")
        return settings
    rate = wished.learning_rate
    if rate is None:
        rate = training.learning_rate / (1.0 if wished.frozen == "body" else _SLOWER)
    return settings.model_copy(update={"training": training.model_copy(update={"learning_rate": rate})})


def _same(recorded: Recorded, wanted: Recorded) -> bool:
    return (recorded.channels, recorded.sfreq, recorded.n_times, recorded.tmin) == (
        wanted.channels,
        wanted.sfreq,
        wanted.n_times,
        wanted.tmin,
    )
