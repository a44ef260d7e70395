"""Preprocessing and a decoder as one thing that is fitted, saved and loaded together."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from mindglyph.decoders.base import Decoder
from mindglyph.decoders.model_files import read_model, write_model
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.registry import decoder_settings
from mindglyph.errors import UserError
from mindglyph.preprocessing import PreprocessingSettings, fit_in_parts, parts_of, transform_in_parts
from mindglyph.scratch import scratch_array
from mindglyph.trials import Trials

_KIND = "decoder"

MOST_IN_MEMORY = 512 * 2**20
"""Bytes of preprocessed signals that are held in memory; more are kept on disk during a training."""


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
    """

    def __init__(self, name: str, decoder: Decoder[Any], preprocessing: PreprocessingSettings) -> None:
        self.name = name
        self.decoder = decoder
        self.preprocessing = preprocessing
        self.channels: list[str] = []
        self._transformer: Pipeline = preprocessing.build(decoder.sfreq)

    def fit(self, trials: Trials, monitor: Monitor | None = None) -> DecodingPipeline:
        """Fit preprocessing and decoder.

        Preprocessed signals of more than half a gigabyte are kept on disk while the decoder learns,
        in the monitor's folder if it has one: a store may be larger than the memory.

        Parameters
        ----------
        trials : Trials
            In the order of recording, possibly memory-mapped.
        monitor : Monitor, optional
            Who is told of each epoch, and where an unfinished training is kept.

        Returns
        -------
        DecodingPipeline
            Itself.

        Raises
        ------
        UserError
            If the trials do not suit the decoder, or the disk has too little room.
        """
        self.channels = list(trials.info["ch_names"])
        monitor = monitor or Monitor()
        shape = trials.signals.shape
        with ExitStack() as stack:
            if 4 * math.prod(shape) > MOST_IN_MEMORY:
                preprocessed = stack.enter_context(scratch_array(shape, monitor.folder))
            else:
                preprocessed = np.empty(shape, dtype=np.float32)
            self.decoder.set_params(tmin=trials.tmin)
            fit_in_parts(self._transformer, trials.signals)
            transform_in_parts(self._transformer, trials.signals, preprocessed)
            self.decoder.fit(preprocessed, trials.labels, monitor)
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
        if list(trials.info["ch_names"]) != self.channels or trials.sfreq != self.decoder.sfreq:
            raise UserError(
                f"the decoder was trained on {', '.join(self.channels)} at {self.decoder.sfreq:g} Hz; these trials are "
                f"{', '.join(trials.info['ch_names'])} at {trials.sfreq:g} Hz: give a recording of the same headset"
            )
        probabilities, embeddings = [], []
        for part in parts_of(trials.signals.shape):
            signals = self._transformer.transform(trials.signals[part])
            probabilities.append(self.decoder.predict_proba(signals))
            embeddings.append(self.decoder.embed(signals))
        return np.concatenate(probabilities), np.concatenate(embeddings)

    def save(self, path: Path) -> list[Path]:
        """Write everything that was fitted: numbers as safetensors, forests as skops files beside them.

        Returns
        -------
        list of Path
            The files written, `path` first.
        """
        scaler = self._transformer["scale"]
        about = {
            "kind": _KIND,
            "name": self.name,
            "settings": self.decoder.settings_.model_dump(mode="json"),
            "preprocessing": self.preprocessing.model_dump(mode="json"),
            "sfreq": self.decoder.sfreq,
            "seed": self.decoder.seed,
            "tmin": self.decoder.tmin,
            "channels": self.channels,
            "classes": self.decoder.classes_.tolist(),
            "shape": list(self.decoder.shape_),
        }
        arrays = {f"decoder.{name}": array for name, array in self.decoder.arrays().items()}
        arrays |= {"scale.centre": scaler.centre_, "scale.scale": scaler.scale_}
        return write_model(path, arrays, about, self.decoder.forests())

    @classmethod
    def load(cls, path: Path) -> DecodingPipeline:
        """Read what `save` wrote; nothing in the files is executed.

        Raises
        ------
        UserError
            If a file is absent, damaged, changed since it was written, or something else.
        """
        arrays, about, forests = read_model(path)
        if about.get("kind") != _KIND:
            raise UserError(f"{path}: holds '{about.get('kind')}', not a decoder: name another file")
        try:
            decoder = decoder_settings(about["name"], about["settings"]).build(about["sfreq"], about["seed"])
            decoder.set_params(tmin=about["tmin"])
            pipeline = cls(about["name"], decoder, PreprocessingSettings(**about["preprocessing"]))
            pipeline.channels = about["channels"]
            scaler = pipeline._transformer["scale"]
            scaler.centre_, scaler.scale_ = arrays.pop("scale.centre"), arrays.pop("scale.scale")
            fitted = {name.removeprefix("decoder."): array for name, array in arrays.items()}
            decoder.restore(fitted, about["classes"], tuple(about["shape"]), forests)
        except (KeyError, IndexError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise UserError(f"{path}: does not hold what a decoder needs ({why}): train it again") from error
        return pipeline
