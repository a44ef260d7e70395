"""Settings of the auto-encoder that may stand between preprocessing and a decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from mindglyph.settings import Settings

if TYPE_CHECKING:
    from mindglyph.decoders.autoencoder import Autoencoder


class AutoencoderTraining(Settings):
    """How an auto-encoder is trained.

    Attributes
    ----------
    max_epochs : int
        Passes over the trials at most.
    patience : int
        Passes without a better reconstruction of the block held out, after which training
        stops; the weights of the best pass are kept.
    held_out : float
        Share of the training fold, its last stretch in time, that decides when to stop. It is
        the share that the linear decoders find their temperature on, so that they find it on
        codes of trials whose signals the auto-encoder was not fitted to either.
    batch_size : int
        Trials a step.
    learning_rate, weight_decay : float
        Of AdamW; the rate falls to nothing along a half cosine.
    """

    max_epochs: int = Field(15, ge=1)
    patience: int = Field(3, ge=1)
    held_out: float = Field(0.2, gt=0, lt=1)
    batch_size: int = Field(16, ge=1)
    learning_rate: float = Field(1e-2, gt=0)
    weight_decay: float = Field(1e-3, ge=0)


class AutoencoderSettings(Settings):
    """Size of an auto-encoder, and what the decoder sees of it.

    None stands before a decoder unless it is asked for. What it keeps is what varies most, and the
    response to a picture varies little beside the ongoing rhythms: on simulated recordings of 2,000
    trials `lda` and `sparse-cnn` lost by it (benchmarks/autoencoder.py).

    Attributes
    ----------
    dimension : int
        Code channels.
    rate : float
        Samples a second of the code, as near as a whole number of samples gets to it. Twice
        the band that preprocessing leaves loses nothing by the rate alone.
    filters : int
        Of the hidden layers.
    kernel : int
        Length of the convolutions in samples; made longer where a step of the code is.
    output : {"code", "reconstruction"}
        With `code` the decoder sees (n_trials, dimension, n_code_times) at the lower rate: fewer
        numbers for a trial, and less to compute. With `reconstruction` it sees signals of the old
        shape without what the code could not hold, for decoders that need the channels
        themselves; but there the channels depend on one another, and covariances are nearly singular.
    training : AutoencoderTraining
        How it is trained.
    """

    dimension: int = Field(8, ge=1)
    rate: float = Field(64.0, gt=0)
    filters: int = Field(32, ge=1)
    kernel: int = Field(9, ge=1)
    output: Literal["code", "reconstruction"] = "code"
    training: AutoencoderTraining = AutoencoderTraining()

    def step(self, sfreq: float) -> int:
        """Return how many samples at `sfreq` Hz become one of the code."""
        return max(1, round(sfreq / self.rate))

    def decoded_sfreq(self, sfreq: float) -> float:
        """Return the rate in Hz of what the decoder sees, of signals of `sfreq` Hz."""
        return sfreq / self.step(sfreq) if self.output == "code" else sfreq

    def build(self, sfreq: float, seed: int = 0) -> Autoencoder:
        """Return an unfitted auto-encoder for signals of `sfreq` Hz."""
        # Whoever takes no auto-encoder need not wait for torch.
        from mindglyph.decoders.autoencoder import Autoencoder

        return Autoencoder(self, sfreq=sfreq, seed=seed)
