"""Decoders: scikit-learn classifiers over (n_trials, n_channels, n_times), found by name."""

from mindglyph.decoders.autoencoder_settings import AutoencoderSettings
from mindglyph.decoders.pipeline import DecodingPipeline
from mindglyph.decoders.registry import DECODERS, ZOO_PREFIX, decoder_settings

__all__ = ["DECODERS", "ZOO_PREFIX", "AutoencoderSettings", "DecodingPipeline", "decoder_settings"]
