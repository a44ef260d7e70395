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

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from mindglyph.channel_mapping import ChannelMapping, Recorded
from mindglyph.decoders import DecodingPipeline, decoder_settings
from mindglyph.decoders.balance import BALANCES
from mindglyph.decoders.network import NetworkSettings
from mindglyph.decoders.settings import DecodingSettings
from mindglyph.errors import UserError
from mindglyph.settings import Settings, checked
from mindglyph.trials import Trials

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
    """

    frozen: Literal["none", "body"] = "none"
    head: Literal["auto", "new"] = "auto"
    learning_rate: float | None = Field(None, gt=0)


@dataclass(frozen=True)
class Transfer:
    """A decoder to start from, and how.

    Attributes
    ----------
    source : DecodingPipeline
        Fitted.
    settings : TransferSettings
        How the new one goes on.
    """

    source: DecodingPipeline
    settings: TransferSettings = field(default_factory=TransferSettings)

    def decoding(
        self, changed: Mapping[str, Any] | None = None, seed: int = 0, balance: str = "none"
    ) -> DecodingSettings:
        """Return what is trained: the source's decoder after the source's preprocessing.

        Parameters
        ----------
        changed : mapping, optional
            What shall differ from the settings of the source's decoder; without a learning rate
            in it a network goes on at that of `settings`.
        seed : int
            Of all that is random.
        balance : {"none", "weights", "over", "under"}
            How classes of unequal size are made to count the same.

        Returns
        -------
        DecodingSettings
            Of the new decoder.

        Raises
        ------
        UserError
            If a value does not fit.
        """
        there = self.source.decoder.settings_
        values = {**there.model_dump(mode="json"), **(changed or {})}
        wished = decoder_settings(self.source.name, values)
        if isinstance(there, NetworkSettings) and isinstance(wished, NetworkSettings):
            wished = self._slowed(there, wished)
        elif self.settings.learning_rate is not None:
            raise UserError(f"{self.source.name} has no learning rate, which is for networks: leave it out")
        return checked(
            DecodingSettings,
            "train --from",
            decoder=self.source.name,
            decoder_settings=wished.model_dump(mode="json"),
            preprocessing=self.source.preprocessing,
            balance=balance,
            seed=seed,
        )

    def _slowed(self, there: NetworkSettings, wished: NetworkSettings) -> NetworkSettings:
        rate = self.settings.learning_rate
        if rate is None:
            rate = wished.training.learning_rate
            if rate == there.training.learning_rate and self.settings.frozen == "none":
                rate /= _SLOWER
        training = wished.training.model_copy(update={"learning_rate": rate})
        return wished.model_copy(update={"training": training})

    def pipeline(self, trials: Trials, decoding: DecodingSettings | None = None) -> DecodingPipeline:
        """Return a pipeline for trials that starts from the source.

        Parameters
        ----------
        trials : Trials
            Of the headset that it shall be fitted to.
        decoding : DecodingSettings, optional
            What is trained, as `decoding` gave it.

        Returns
        -------
        DecodingPipeline
            Unfitted; its `fit` goes on from what the source learned.

        Raises
        ------
        UserError
            If the trials cannot be mapped to what the source takes, or a decoder of its kind can
            only begin anew.
        """
        source, decoding = self.source, decoding or self.decoding()
        if source.autoencoder is not None:
            raise UserError("a decoder behind an auto-encoder cannot be started from: train the source without one")
        decoder = decoder_settings(source.name, {**decoding.decoder_settings, **BALANCES[decoding.balance]}).build(
            source.decoder.sfreq, decoding.seed
        )
        decoder.start_from(source.decoder, self.settings.frozen == "body", self.settings.head == "new")
        recorded, wanted = Recorded.of(trials), source.preprocessed
        mapping = None if recorded.alike(wanted) else ChannelMapping.between(recorded, wanted)
        return DecodingPipeline(source.name, decoder, source.preprocessing, mapping=mapping)

    def about(self) -> dict[str, Any]:
        """Return what tells this transfer from another, as JSON can hold it."""
        digest = hashlib.sha256()
        for name, array in sorted(self.source.decoder.arrays().items()):
            digest.update(name.encode() + np.ascontiguousarray(array).tobytes())
        return {"source": digest.hexdigest(), **self.settings.model_dump(mode="json")}
