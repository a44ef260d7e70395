"""A file of settings of a decoding, in YAML: a search writes it, and training and evaluation take it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mindglyph.decoders.registry import decoder_settings
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import UserError
from mindglyph.files import replaced_file
from mindglyph.settings import checked

_KEYS = ("decoder", "decoder_settings", "preprocessing", "autoencoder", "balance")


def write_settings(path: Path, settings: DecodingSettings) -> None:
    """Write which decoder is meant, with what differs from its defaults, and its preprocessing.

    Parameters
    ----------
    path : Path
        The file.
    settings : DecodingSettings
        The seed is left out: it is no part of what was found.

    Raises
    ------
    UserError
        If it cannot be written.
    """
    import yaml

    own = decoder_settings(settings.decoder).model_dump(mode="json")
    there = decoder_settings(settings.decoder, settings.decoder_settings).model_dump(mode="json")
    content: dict[str, Any] = {
        "decoder": settings.decoder,
        "decoder_settings": {name: value for name, value in there.items() if value != own[name]},
        "preprocessing": settings.preprocessing.model_dump(mode="json"),
    }
    if settings.autoencoder is not None:
        content["autoencoder"] = settings.autoencoder.model_dump(mode="json")
    if settings.balance != "none":
        content["balance"] = settings.balance
    with replaced_file(path) as temporary:
        temporary.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def read_settings(path: Path) -> DecodingSettings:
    """Read a file of settings.

    Parameters
    ----------
    path : Path
        YAML with `decoder`, and any of `decoder_settings`, `preprocessing`, `autoencoder`, `balance`.

    Returns
    -------
    DecodingSettings
        Checked, the decoder's own settings too.

    Raises
    ------
    UserError
        If the file is absent, no YAML, or says something that there is not.
    """
    import yaml

    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UserError(f"{path}: no such file") from error
    except IsADirectoryError as error:
        raise UserError(f"{path}: is a folder: name a file of settings, as 'mindglyph tune' writes it") from error
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        why = " ".join(str(error).split())
        raise UserError(f"{path}: cannot be read as YAML ({why})") from error
    if not isinstance(content, dict) or "decoder" not in content:
        raise UserError(f"{path}: is no file of settings: it must say 'decoder: NAME', as 'mindglyph tune' writes it")
    unknown = [str(key) for key in content if key not in _KEYS]
    if unknown:
        raise UserError(f"{path}: there is no '{unknown[0]}' in a file of settings: choose among {', '.join(_KEYS)}")
    settings = checked(DecodingSettings, str(path), **content)
    try:
        decoder_settings(settings.decoder, settings.decoder_settings)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    return settings
