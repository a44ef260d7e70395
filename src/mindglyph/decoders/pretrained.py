"""Published weights of braindecode's networks: from a file, or from the Hugging Face hub.

Only safetensors are read. The other form in which weights are published is a pickle, which may
run anything when it is opened.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mindglyph.errors import UserError
from mindglyph.files import read_json

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
_PICKLES = (".pt", ".pth", ".bin", ".ckpt", ".pkl")
_OF_THE_TRIALS = ("n_chans", "n_times", "sfreq")


def pretrained_arrays(where: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read published weights.

    Parameters
    ----------
    where : str
        A file of safetensors, a folder that holds `model.safetensors`, or `hub OWNER/NAME` on the Hugging
        Face hub, from where they are fetched once and kept.

    Returns
    -------
    arrays : dict of str to ndarray
        The weights by name.
    config : dict
        What `config.json` beside them says of the network; empty where there is none.

    Raises
    ------
    UserError
        If there are no weights, they are a pickle, or the hub is out of reach.
    """
    if where.split(maxsplit=1)[:1] == ["hub"]:
        repository = where.removeprefix("hub").strip()
        return _arrays_of(_from_hub(repository, WEIGHTS, needed=True)), _config_of(
            _from_hub(repository, CONFIG, needed=False)
        )
    path = Path(where)
    if path.is_dir():
        if not (path / WEIGHTS).is_file():
            others = sorted(file.name for file in path.iterdir() if file.suffix in _PICKLES)
            why = f"only {others[0]}, a pickle that could run anything" if others else f"no {WEIGHTS}"
            raise UserError(f"{path}: holds {why}: give weights as safetensors")
        path = path / WEIGHTS
    return _arrays_of(path), _config_of(path.with_name(CONFIG))


def misfit(config: dict[str, Any], **here: float) -> str:
    """Return what the network was trained with where that differs from `here`; empty if nothing is known to."""
    different = [f"{name} {config[name]}" for name in _OF_THE_TRIALS if config.get(name) not in (None, here.get(name))]
    return f"they were trained with {', '.join(different)}" if different else ""


def _arrays_of(path: Path | None) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    assert path is not None
    if path.suffix in _PICKLES:
        raise UserError(f"{path}: is a pickle, which could run anything: give weights as safetensors")
    if not path.is_file():
        raise UserError(f"{path}: no such file or folder; weights on the hub are called 'hub OWNER/NAME'")
    try:
        # Half precision, in which some are published, NumPy does not know in all its forms.
        return {name: tensor.float().numpy() for name, tensor in load_file(path).items()}
    except (SafetensorError, OSError, ValueError) as error:
        raise UserError(f"{path}: is no file of safetensors, or is damaged: fetch it anew") from error


def _config_of(path: Path | None) -> dict[str, Any]:
    if path is None or not path.is_file():
        return {}
    config: dict[str, Any] = read_json(path)
    return config


def _from_hub(repository: str, name: str, needed: bool) -> Path | None:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import (
        EntryNotFoundError,
        HfHubHTTPError,
        HFValidationError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
    )

    try:
        return Path(hf_hub_download(repository, name))
    except LocalEntryNotFoundError as error:
        if not needed:
            return None
        raise UserError(
            f"hub {repository}: the hub cannot be reached, and the weights were never fetched: go online, or fetch "
            "them elsewhere and give their folder"
        ) from error
    except EntryNotFoundError as error:
        if not needed:
            return None
        raise UserError(f"hub {repository}: holds no {name}, and other weights could run anything") from error
    except RepositoryNotFoundError as error:
        raise UserError(f"hub {repository}: there is nothing of this name on the hub, or it is not open") from error
    except (HfHubHTTPError, HFValidationError, OSError, json.JSONDecodeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"hub {repository}: cannot be fetched ({why})") from error
