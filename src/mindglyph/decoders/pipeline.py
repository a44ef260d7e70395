"""Preprocessing and a decoder as one thing that is fitted, saved and loaded together."""

from __future__ import annotations

import math
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from mindglyph.channel_mapping import ChannelMapping, Recorded
from mindglyph.decoders.autoencoder_settings import AutoencoderSettings
from mindglyph.decoders.base import Decoder, DecoderSettings
from mindglyph.decoders.model_files import read_model, write_model
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.registry import decoder_settings
from mindglyph.errors import UserError
from mindglyph.preprocessing import PreprocessingSettings, fit_in_parts, parts_of, transform_in_parts
from mindglyph.scratch import scratch_array
from mindglyph.trials import Trials

if TYPE_CHECKING:
    from mindglyph.decoders.autoencoder import Autoencoder

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
    autoencoder : Autoencoder, optional
        What stands between the two; the decoder is then one for signals of the rate that
        comes out of it.
    mapping : ChannelMapping, optional
        What comes before the preprocessing, where that is of channels other than the trials'.
    """

    def __init__(
        self,
        name: str,
        decoder: Decoder[Any],
        preprocessing: PreprocessingSettings,
        autoencoder: Autoencoder | None = None,
        mapping: ChannelMapping | None = None,
    ) -> None:
        self.name = name
        self.decoder = decoder
        self.preprocessing = preprocessing
        self.channels: list[str] = []
        self.autoencoder = autoencoder
        self.mapping = mapping
        self._mapped_sfreq: float = decoder.sfreq if autoencoder is None else autoencoder.sfreq
        steps = preprocessing.build(self._mapped_sfreq).steps
        self._transformer = Pipeline([*([] if mapping is None else [("mapping", mapping)]), *steps])

    @classmethod
    def build(
        cls,
        name: str,
        decoder: DecoderSettings,
        preprocessing: PreprocessingSettings,
        autoencoder: AutoencoderSettings | None,
        sfreq: float,
        seed: int,
        mapping: ChannelMapping | None = None,
    ) -> DecodingPipeline:
        """Return the pipeline of settings, unfitted, for recordings of `sfreq` Hz, or mapped to it.

        Parameters
        ----------
        name : str
            Of the decoder.
        decoder : DecoderSettings
            Its settings.
        preprocessing : PreprocessingSettings
            What comes before it.
        autoencoder : AutoencoderSettings or None
            The code that it sees instead of the signals, if any.
        sfreq : float
            Rate of the recordings in Hz.
        seed : int
            Of all that is random.
        mapping : ChannelMapping, optional
            What makes other recordings like those that the decoder is for.

        Returns
        -------
        DecodingPipeline
            Unfitted.
        """
        if autoencoder is None:
            return cls(name, decoder.build(sfreq, seed), preprocessing, mapping=mapping)
        decoded = decoder.build(autoencoder.decoded_sfreq(sfreq), seed)
        return cls(name, decoded, preprocessing, autoencoder.build(sfreq, seed), mapping)

    @property
    def sfreq(self) -> float:
        """Rate in Hz of the trials that it takes."""
        return self._mapped_sfreq if self.mapping is None else self.mapping.recorded.sfreq

    @property
    def preprocessed(self) -> Recorded:
        """What is preprocessed: the trials that it was fitted to, or what a mapping makes of them."""
        return self.recorded_ if self.mapping is None else self.mapping.wanted

    def fit(self, trials: Trials, monitor: Monitor | None = None) -> DecodingPipeline:
        """Fit preprocessing, auto-encoder and decoder.

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
        self.recorded_ = Recorded.of(trials)
        monitor = monitor or Monitor()
        taken = self.preprocessed
        shape = len(trials), len(taken.channels), max(0, self.preprocessing.kept(taken.n_times, taken.sfreq))
        with ExitStack() as stack:
            preprocessed = _room(shape, monitor, stack)
            # The margin is whole samples.
            cut = (taken.n_times - self.preprocessing.kept(taken.n_times, taken.sfreq)) // 2
            self.decoder.set_params(tmin=taken.tmin + cut / taken.sfreq)
            fit_in_parts(self._transformer, trials.signals)
            transform_in_parts(self._transformer, trials.signals, preprocessed)
            if self.autoencoder is not None:
                self.autoencoder.fit(preprocessed, monitor=monitor.of_part("autoencoder"))
                coded = _room((shape[0], *self.autoencoder.transformed_shape_), monitor, stack)
                transform_in_parts(self.autoencoder, preprocessed, coded)
                preprocessed = coded
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
            If channels, rate or the time of the first sample are not those of the training.
        """
        if list(trials.info["ch_names"]) != self.channels or trials.sfreq != self.sfreq:
            raise UserError(
                f"the decoder was trained on {', '.join(self.channels)} at {self.sfreq:g} Hz; these trials are "
                f"{', '.join(trials.info['ch_names'])} at {trials.sfreq:g} Hz: give a recording of the "
                "same headset, or carry the decoder to this one by 'mindglyph train STORE --from DECODER'"
            )
        # The picture is looked for where it stood in the trials of the training.
        if abs(trials.tmin - self.recorded_.tmin) * self.sfreq > 0.5:
            raise UserError(
                f"the decoder was trained on trials from {self.recorded_.tmin:g} s after the picture on, these begin "
                f"at {trials.tmin:g} s: import the recording with --tmin {self.recorded_.tmin:g}"
            )
        probabilities, embeddings = [], []
        for part in parts_of(trials.signals.shape):
            signals = self._transformer.transform(trials.signals[part])
            if self.autoencoder is not None:
                signals = self.autoencoder.transform(signals)
            probabilities.append(self.decoder.predict_proba(signals))
            embeddings.append(self.decoder.embed(signals))
        return np.concatenate(probabilities), np.concatenate(embeddings)

    def save(self, path: Path) -> list[Path]:
        """Write everything that was fitted: numbers as safetensors, forests as skops files beside them.

        Parameters
        ----------
        path : Path
            The file of the numbers.

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
            "autoencoder": None if self.autoencoder is None else self.autoencoder.settings_.model_dump(mode="json"),
            "sfreq": self._mapped_sfreq,
            "seed": self.decoder.seed,
            "tmin": self.decoder.tmin,
            "channels": self.channels,
            "recorded": asdict(self.recorded_),
            "classes": self.decoder.classes_.tolist(),
            "shape": list(self.decoder.shape_),
        }
        arrays = {f"decoder.{name}": array for name, array in self.decoder.arrays().items()}
        arrays |= {"scale.centre": scaler.centre_, "scale.scale": scaler.scale_}
        if self.mapping is not None:
            about["mapping"] = self.mapping.about()
            arrays["mapping.matrix"] = self.mapping.matrix
        if self.autoencoder is not None:
            arrays |= {f"autoencoder.{name}": array for name, array in self.autoencoder.arrays().items()}
        return write_model(path, arrays, about, self.decoder.forests())

    @classmethod
    def load(cls, path: Path) -> DecodingPipeline:
        """Read what `save` wrote; nothing in the files is executed.

        Parameters
        ----------
        path : Path
            The file of the numbers.

        Returns
        -------
        DecodingPipeline
            Fitted.

        Raises
        ------
        UserError
            If a file is absent, damaged, changed since it was written, or something else.
        """
        arrays, about, forests = read_model(path)
        if about.get("kind") != _KIND:
            raise UserError(f"{path}: holds '{about.get('kind')}', not a decoder: name another file")
        try:
            # Files that were written before there were auto-encoders do not name one.
            coding = about.get("autoencoder")
            mapping = None
            if "mapping" in about:
                mapping = ChannelMapping.restored(arrays["mapping.matrix"], about["mapping"])
            pipeline = cls.build(
                about["name"],
                decoder_settings(about["name"], about["settings"]),
                PreprocessingSettings(**about["preprocessing"]),
                None if coding is None else AutoencoderSettings(**coding),
                about["sfreq"],
                about["seed"],
                mapping,
            )
            pipeline.decoder.set_params(tmin=about["tmin"])
            pipeline.channels = about["channels"]
            pipeline.recorded_ = Recorded.restored(about["recorded"])
            scaler = pipeline._transformer["scale"]
            scaler.centre_, scaler.scale_ = arrays.pop("scale.centre"), arrays.pop("scale.scale")
            if pipeline.autoencoder is not None:
                pipeline.autoencoder.restore(_part(arrays, "autoencoder."))
            pipeline.decoder.restore(_part(arrays, "decoder."), about["classes"], tuple(about["shape"]), forests)
        except (KeyError, IndexError, TypeError, AttributeError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())
            raise UserError(f"{path}: does not hold what a decoder needs ({why}): train it again") from error
        return pipeline


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _room(shape: tuple[int, ...], monitor: Monitor, stack: ExitStack) -> np.ndarray:
    """Return an array in memory, or on disk where it is large, until the stack is closed."""
    if 4 * math.prod(shape) > MOST_IN_MEMORY:
        return stack.enter_context(scratch_array(shape, monitor.folder))
    return np.empty(shape, dtype=np.float32)
