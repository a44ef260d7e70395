"""Preprocessing and a decoder as one thing that is fitted, saved and loaded together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from mindglyph.decoders.autoencoder_settings import AutoencoderSettings
from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.registry import decoder_settings
from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.trials import Trials

if TYPE_CHECKING:
    from mindglyph.decoders.autoencoder import Autoencoder

_KIND = "decoder"


class DecodingPipeline:
    """From raw trials to probabilities and embedding.

    Parameters
    ----------
    name : str
        Name of the decoder in the registry.
    decoder : Decoder
        As its settings built it.
    preprocessing : PreprocessingSettings
        What is done before.
    autoencoder : Autoencoder, optional
        What stands between the two; the decoder is then one for signals of the rate that
        comes out of it.
    """

    def __init__(
        self,
        name: str,
        decoder: Decoder[Any],
        preprocessing: PreprocessingSettings,
        autoencoder: Autoencoder | None = None,
    ) -> None:
        self.name = name
        self.decoder = decoder
        self.preprocessing = preprocessing
        self.channels: list[str] = []
        self.autoencoder = autoencoder
        self.sfreq: float = decoder.sfreq if autoencoder is None else autoencoder.sfreq
        self._transformer: Pipeline = preprocessing.build(self.sfreq)

    @classmethod
    def build(
        cls,
        name: str,
        decoder: DecoderSettings,
        preprocessing: PreprocessingSettings,
        autoencoder: AutoencoderSettings | None,
        sfreq: float,
        seed: int,
    ) -> DecodingPipeline:
        """Return the pipeline of settings, unfitted, for recordings of `sfreq` Hz."""
        if autoencoder is None:
            return cls(name, decoder.build(sfreq, seed), preprocessing)
        decoded = decoder.build(autoencoder.decoded_sfreq(sfreq), seed)
        return cls(name, decoded, preprocessing, autoencoder.build(sfreq, seed))

    def fit(self, trials: Trials) -> DecodingPipeline:
        """Fit preprocessing, auto-encoder and decoder to trials in the order of recording."""
        self.channels = list(trials.info["ch_names"])
        signals = self._transformer.fit_transform(trials.signals)
        if self.autoencoder is not None:
            signals = self.autoencoder.fit(signals).transform(signals)
        self.decoder.fit(signals, trials.labels)
        return self

    def outputs(self, trials: Trials) -> tuple[np.ndarray, np.ndarray]:
        """Decode trials.

        Parameters
        ----------
        trials : Trials
            Of the headset that it was fitted to.

        Returns
        -------
        probabilities : ndarray, shape (n_trials, n_classes)
            In the order of `decoder.classes_`.
        embedding : ndarray, shape (n_trials, n_features)
            What the decision was made from.

        Raises
        ------
        UserError
            If channels or rate are not those of the training.
        """
        if list(trials.info["ch_names"]) != self.channels or trials.sfreq != self.sfreq:
            raise UserError(
                f"the decoder was trained on {', '.join(self.channels)} at {self.sfreq:g} Hz; these trials are "
                f"{', '.join(trials.info['ch_names'])} at {trials.sfreq:g} Hz: give a recording of the same headset"
            )
        signals = self._transformer.transform(trials.signals)
        if self.autoencoder is not None:
            signals = self.autoencoder.transform(signals)
        return self.decoder.predict_proba(signals), self.decoder.embed(signals)

    def save(self, path: Path) -> None:
        """Write everything that was fitted as safetensors."""
        scaler = self._transformer["scale"]
        about = {
            "kind": _KIND,
            "name": self.name,
            "settings": self.decoder.settings_.model_dump(mode="json"),
            "preprocessing": self.preprocessing.model_dump(mode="json"),
            "autoencoder": None if self.autoencoder is None else self.autoencoder.settings_.model_dump(mode="json"),
            "sfreq": self.sfreq,
            "seed": self.decoder.seed,
            "channels": self.channels,
            "classes": self.decoder.classes_.tolist(),
            "shape": list(self.decoder.shape_),
        }
        arrays = {f"decoder.{name}": array for name, array in self.decoder.arrays().items()}
        if self.autoencoder is not None:
            arrays |= {f"autoencoder.{name}": array for name, array in self.autoencoder.arrays().items()}
        write_arrays(path, {"scale.centre": scaler.centre_, "scale.scale": scaler.scale_, **arrays}, about)

    @classmethod
    def load(cls, path: Path) -> DecodingPipeline:
        """Read what `save` wrote; nothing in the file is executed.

        Raises
        ------
        UserError
            If the file is absent, damaged or something else.
        """
        arrays, about = read_arrays(path)
        if about.get("kind") != _KIND:
            raise UserError(f"{path}: holds '{about.get('kind')}', not a decoder: name another file")
        try:
            # Files that were written before there were auto-encoders do not name one.
            coding = about.get("autoencoder")
            pipeline = cls.build(
                about["name"],
                decoder_settings(about["name"], about["settings"]),
                PreprocessingSettings(**about["preprocessing"]),
                None if coding is None else AutoencoderSettings(**coding),
                about["sfreq"],
                about["seed"],
            )
            pipeline.channels = about["channels"]
            scaler = pipeline._transformer["scale"]
            scaler.centre_, scaler.scale_ = arrays.pop("scale.centre"), arrays.pop("scale.scale")
            if pipeline.autoencoder is not None:
                pipeline.autoencoder.restore(_part(arrays, "autoencoder."))
            pipeline.decoder.restore(_part(arrays, "decoder."), about["classes"], tuple(about["shape"]))
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: does not hold what a decoder needs ({error}): train it again") from error
        return pipeline


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
