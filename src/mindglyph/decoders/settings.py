"""What is asked of a decoding: which decoder, with which settings, after which preprocessing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from mindglyph.decoders.autoencoder_settings import AutoencoderSettings
from mindglyph.decoders.balance import BALANCES, Balance
from mindglyph.decoders.base import DecoderSettings
from mindglyph.decoders.pipeline import DecodingPipeline
from mindglyph.decoders.registry import decoder_settings
from mindglyph.errors import UserError
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.settings import Settings, checked


class DecodingSettings(Settings):
    """What is trained.

    Attributes
    ----------
    decoder : str
        Name in the registry.
    decoder_settings : dict
        What differs from its defaults.
    preprocessing : PreprocessingSettings
        Fitted to the training trials.
    autoencoder : AutoencoderSettings or None
        What stands between preprocessing and decoder, fitted to the training trials too, without
        their labels; None leaves it out.
    balance : {"none", "weights", "over", "under"}
        How classes of unequal size are made to count the same, in training only; see
        `mindglyph.decoders.balance`. What it sets goes before `decoder_settings`.
    seed : int
        Of all that is random.
    """

    decoder: str = "default"
    decoder_settings: dict[str, Any] = Field(default_factory=dict)
    preprocessing: PreprocessingSettings = PreprocessingSettings()
    autoencoder: AutoencoderSettings | None = None
    balance: Balance = "none"
    seed: int = Field(0, ge=0)

    def pipeline(self, sfreq: float) -> DecodingPipeline:
        """Return preprocessing and decoder, unfitted."""
        decoder = self._decoder()
        return DecodingPipeline.build(self.decoder, decoder, self.preprocessing, self.autoencoder, sfreq, self.seed)

    @property
    def in_parts(self) -> bool:
        """Whether parts of the decoder can be trained apart from one another, in several processes."""
        return self._decoder().in_parts

    def _decoder(self) -> DecoderSettings:
        return decoder_settings(self.decoder, {**self.decoder_settings, **BALANCES[self.balance]})


def chosen_settings(name: str, wishes: Sequence[str], base: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Read what a user wants of a decoder's settings.

    Parameters
    ----------
    name : str
        Name of the decoder.
    wishes : sequence of str
        Each `setting=value`; `training.max_epochs=5` is a setting within a setting; lists are
        `[8,8]`, and `null` is none.
    base : mapping, optional
        Settings that stand in for the decoder's own defaults.

    Returns
    -------
    dict
        What differs from the defaults, as `decoder_settings` takes it: numbers are numbers, and a
        setting that has settings is whole, with the decoder's own defaults for the rest.

    Raises
    ------
    UserError
        If there is no such decoder or setting, or a value does not fit.
    """
    values = decoder_settings(name, base).model_dump(mode="json")
    touched = _set_all(values, wishes, "--set", "training.max_epochs=5", name)
    changed = {**(base or {}), **{key: values[key] for key in touched}}
    checked_values = decoder_settings(name, changed).model_dump(mode="json")
    return {key: checked_values[key] for key in values if key in touched}


def chosen_preprocessing(wishes: Sequence[str], base: PreprocessingSettings | None = None) -> PreprocessingSettings:
    """Read what a user wants of the preprocessing, in the same way.

    Parameters
    ----------
    wishes : sequence of str
        Each `setting=value`.
    base : PreprocessingSettings, optional
        What stands in for its defaults.

    Returns
    -------
    PreprocessingSettings
        The defaults, or `base`, with what was wished for.

    Raises
    ------
    UserError
        If there is no such setting, or a value does not fit.
    """
    values = (base or PreprocessingSettings()).model_dump(mode="json")
    _set_all(values, wishes, "--preprocess", "highpass=1", "the preprocessing")
    return checked(PreprocessingSettings, "settings of the preprocessing", **values)


def _set_all(values: dict[str, Any], wishes: Sequence[str], option: str, example: str, inside: str) -> set[str]:
    """Put what is wished into the values, and return the names of those that it touched."""
    touched = set()
    for wish in wishes:
        path, equals, value = (part.strip() for part in wish.partition("="))
        if not equals or not path:
            raise UserError(f"{option} {wish}: give setting=value, such as {example}")
        _set(values, path.split("."), value, f"{option} {wish}", inside)
        touched.add(path.split(".")[0])
    return touched


def _set(values: dict[str, Any], path: list[str], value: str, wish: str, inside: str) -> None:
    name, *further = path
    # An empty mapping is one whose names are free, such as the options of a network of braindecode.
    if name not in values and values:
        raise UserError(f"{wish}: there is no setting '{name}' of {inside}: choose one of {', '.join(values)}")
    if not further:
        values[name] = _value(value, as_json=name not in values)
    elif isinstance(values.get(name), dict):
        _set(values[name], further, value, wish, f"{inside}'s {name}")
    else:
        raise UserError(f"{wish}: the setting '{name}' of {inside} has no settings of its own: give {name}=value")


def _value(text: str, as_json: bool) -> Any:
    """Return a list, a mapping or nothing where the text is one; the settings make numbers of other texts."""
    if text.lower() in ("null", "none"):
        return None
    if as_json or text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
