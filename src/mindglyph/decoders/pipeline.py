"""Preprocessing and a decoder as one thing that is fitted, saved and loaded together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from mindglyph.channel_mapping import ChannelMapping, Recorded
from mindglyph.decoders.base import Decoder
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.registry import decoder_settings
from mindglyph.errors import UserError
from mindglyph.files import read_arrays, write_arrays
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.trials import Trials, positions_of

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
    mapping : ChannelMapping, optional
        What comes before that, where the decoder takes channels other than those of the trials.
    """

    def __init__(
        self,
        name: str,
        decoder: Decoder[Any],
        preprocessing: PreprocessingSettings,
        mapping: ChannelMapping | None = None,
    ) -> None:
        self.name = name
        self.decoder = decoder
        self.preprocessing = preprocessing
        self.mapping = mapping
        self.channels: list[str] = []
        self.tmin = 0.0
        self.positions: dict[str, list[float]] = {}
        steps = preprocessing.build(decoder.sfreq).steps
        self._transformer = Pipeline([*([] if mapping is None else [("mapping", mapping)]), *steps])

    @property
    def sfreq(self) -> float:
        """Rate in Hz of the trials that it takes."""
        return self.decoder.sfreq if self.mapping is None else self.mapping.recorded.sfreq

    @property
    def decoded(self) -> Recorded:
        """What the decoder itself takes, which a mapping makes of the trials if there is one."""
        if self.mapping is not None:
            return self.mapping.wanted
        n_times = self.decoder.shape_[1]
        return Recorded(tuple(self.channels), self.sfreq, n_times, self.tmin, self.positions)

    def fit(self, trials: Trials, monitor: Monitor | None = None) -> DecodingPipeline:
        """Fit preprocessing and decoder to trials in the order of recording."""
        self.channels = list(trials.info["ch_names"])
        self.tmin = trials.tmin
        self.positions = positions_of(trials.info)
        self.decoder.fit(self._transformer.fit_transform(trials.signals), trials.labels, monitor)
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
        return self.decoder.predict_proba(signals), self.decoder.embed(signals)

    def save(self, path: Path) -> None:
        """Write everything that was fitted as safetensors."""
        scaler = self._transformer["scale"]
        about = {
            "kind": _KIND,
            "name": self.name,
            "settings": self.decoder.settings_.model_dump(mode="json"),
            "preprocessing": self.preprocessing.model_dump(mode="json"),
            "sfreq": self.decoder.sfreq,
            "seed": self.decoder.seed,
            "channels": self.channels,
            "tmin": self.tmin,
            "positions": self.positions,
            "classes": self.decoder.classes_.tolist(),
            "shape": list(self.decoder.shape_),
        }
        arrays = {f"decoder.{name}": array for name, array in self.decoder.arrays().items()}
        if self.mapping is not None:
            about["mapping"] = self.mapping.about()
            arrays["mapping.matrix"] = self.mapping.matrix
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
            decoder = decoder_settings(about["name"], about["settings"]).build(about["sfreq"], about["seed"])
            mapping = None
            if "mapping" in about:
                mapping = ChannelMapping.restored(arrays.pop("mapping.matrix"), about["mapping"])
            pipeline = cls(about["name"], decoder, PreprocessingSettings(**about["preprocessing"]), mapping)
            pipeline.channels = about["channels"]
            # Files of before there were mappings do not say these.
            pipeline.tmin, pipeline.positions = about.get("tmin", 0.0), about.get("positions", {})
            scaler = pipeline._transformer["scale"]
            scaler.centre_, scaler.scale_ = arrays.pop("scale.centre"), arrays.pop("scale.scale")
            fitted = {name.removeprefix("decoder."): array for name, array in arrays.items()}
            decoder.restore(fitted, about["classes"], tuple(about["shape"]))
        except (KeyError, TypeError, RuntimeError, ValueError) as error:
            raise UserError(f"{path}: does not hold what a decoder needs ({error}): train it again") from error
        return pipeline
