"""`zoo:NAME`: any classifier of braindecode that fits the trials, trained as ours are.

References
----------
Schirrmeister et al. (2017), https://doi.org/10.1002/hbm.23730.
"""

from __future__ import annotations

import inspect
from typing import Any

from pydantic import Field
from torch import nn

from mindglyph.decoders.network import EmbeddingNetwork, NetworkDecoder, NetworkSettings
from mindglyph.decoders.registry import ZOO_PREFIX
from mindglyph.errors import UserError
from mindglyph.trials.braindecode import importing_braindecode, quiet


class ZooSettings(NetworkSettings):
    """Which network.

    Attributes
    ----------
    network : str
        Name of a class in `braindecode.models`.
    options : dict
        Further arguments of that class.
    training : Training
        How it is trained.
    """

    network: str
    options: dict[str, Any] = Field(default_factory=dict)

    def build(self, sfreq: float, seed: int = 0) -> Zoo:
        """Return the decoder.

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
        try:
            with quiet():
                body = network(
                    n_chans=n_chans, n_outputs=n_outputs, n_times=n_times, sfreq=self.sfreq, **settings.options
                )
        except (ValueError, TypeError, RuntimeError) as error:
            raise UserError(
                f"{ZOO_PREFIX}{settings.network} cannot be built for {n_chans} channels of {n_times} samples: {error}"
            ) from error
        return EmbeddingNetwork(body, nn.Identity())


def _network_class(name: str) -> type[nn.Module]:
    with importing_braindecode("decoders of the zoo"):
        from braindecode import models
    found = getattr(models, name, None)
    if not (inspect.isclass(found) and issubclass(found, nn.Module)):
        raise UserError(f"braindecode has no network '{name}': its own documentation lists them")
    return found
