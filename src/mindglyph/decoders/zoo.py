"""`zoo:NAME`: any classifier of braindecode that fits the trials, trained as ours are.

References
----------
Schirrmeister et al. (2017), https://doi.org/10.1002/hbm.23730.
"""

from __future__ import annotations

import inspect
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn

from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings
from mindglyph.decoders.pretrained import misfit, pretrained_arrays
from mindglyph.decoders.registry import ZOO_PREFIX
from mindglyph.decoders.start import Start
from mindglyph.errors import UserError
from mindglyph.trials.braindecode import importing_braindecode, quiet

_FETCHING = ("REVE",)
"""Networks that fetch something from the web when they are built: a list of what there is must not."""


class ZooSettings(NetworkSettings):
    """Which network.

    Attributes
    ----------
    network : str
        Name of a class in `braindecode.models`.
    options : dict
        Further arguments of that class.
    pretrained : str or None
        Weights to begin with, read when the decoder is fitted: a file of safetensors, a folder
        that holds `model.safetensors`, or `hub OWNER/NAME`. The decision begins anew where the
        number of classes is another one.
    frozen : {"none", "body"}
        What of these weights stays as it is: nothing, or all before the decision.
    training : Training
        How it is trained.
    """

    network: str
    options: dict[str, Any] = Field(default_factory=dict)
    pretrained: str | None = None
    frozen: Literal["none", "body"] = "none"

    def build(self, sfreq: float, seed: int = 0) -> Zoo:
        """Return the decoder.

        Parameters
        ----------
        sfreq : float
            Rate of the signals in Hz.
        seed : int
            Of all that is random.

        Returns
        -------
        Zoo
            Unfitted.

        Raises
        ------
        UserError
            If braindecode is not installed or has no such network.
        """
        _network_class(self.network)
        return Zoo(self, sfreq=sfreq, seed=seed)


class Zoo(NetworkDecoder[ZooSettings]):
    """A network of braindecode; its scores are the embedding, since where its head begins differs."""

    settings_class = ZooSettings

    def _network(self, n_chans: int, n_outputs: int, n_times: int) -> EmbeddingNetwork:
        settings = self.settings_
        network = _network_class(settings.network)
        # Each network has its own way to say that the trials do not suit it, and some only as they run.
        try:
            with quiet():
                body = network(
                    n_chans=n_chans, n_outputs=n_outputs, n_times=n_times, sfreq=self.sfreq, **settings.options
                )
                _try_out(body, n_chans, n_outputs, n_times)
        except Exception as error:
            raise UserError(
                f"{ZOO_PREFIX}{settings.network} cannot be built for {n_chans} channels of {n_times} samples: {error}"
            ) from error
        return EmbeddingNetwork(body, nn.Identity())

    def _first_network(self, start: Start | None) -> EmbeddingNetwork:
        settings = self.settings_
        if start is not None or settings.pretrained is None:
            return super()._first_network(start)
        published, config = pretrained_arrays(settings.pretrained)
        network = self._network(self.shape_[0], len(self.classes_), self.shape_[1])
        # Some networks have renamed their weights since they were published, and say so.
        renamed = getattr(network.body, "mapping", None) or {}
        arrays = {f"body.{renamed.get(name, name)}": array for name, array in published.items()}
        try:
            return super()._first_network(Start(arrays, frozen=settings.frozen == "body"))
        except UserError as error:
            known = misfit(config, n_chans=self.shape_[0], n_times=self.shape_[1], sfreq=self.sfreq)
            raise UserError(f"{settings.pretrained}: {error}{f'; {known}' if known else ''}") from error


def classifiers_of_braindecode() -> dict[str, type[nn.Module]]:
    """Return braindecode's networks that give scores of classes, by name.

    Returns
    -------
    dict of str to type
        Subclasses of torch's `Module`.

    Raises
    ------
    UserError
        If braindecode is not installed.
    """
    with importing_braindecode("decoders of the zoo"):
        from braindecode.models.util import models_dict, non_classification_models
    left_out = {*non_classification_models, *_FETCHING}
    return {name: models_dict[name] for name in sorted(models_dict) if name not in left_out}


@torch.no_grad()
def _try_out(body: nn.Module, n_chans: int, n_outputs: int, n_times: int) -> None:
    """Let a network score one trial, to see that it can, and leave it as it was."""
    scores = body.eval()(torch.zeros(1, n_chans, n_times))
    body.train()
    found = tuple(scores.shape) if isinstance(scores, torch.Tensor) else type(scores).__name__
    if found != (1, n_outputs):
        raise ValueError(f"it gives {found} for a trial, not {(1, n_outputs)}: it is no classifier of whole trials")


def _network_class(name: str) -> type[nn.Module]:
    with importing_braindecode("decoders of the zoo"):
        from braindecode import models
    found = getattr(models, name, None)
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise UserError(f"braindecode has no network '{name}': 'mindglyph decoders --zoo' lists them")
    return found
