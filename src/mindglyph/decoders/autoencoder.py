"""A convolutional auto-encoder: what trials have in common, learned without their labels.

It stands between preprocessing and a decoder. Its code keeps time: code channels at a lower
rate, so that whatever decodes signals decodes codes as well.

References
----------
Hinton & Salakhutdinov (2006), "Reducing the dimensionality of data with neural networks",
https://doi.org/10.1126/science.1127647.
"""

from __future__ import annotations

import math
from contextlib import AbstractContextManager

import numpy as np
import torch
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted
from torch import nn
from torch.nn import functional

from mindglyph.decoders.autoencoder_settings import AutoencoderSettings
from mindglyph.decoders.calibration import last_block
from mindglyph.decoders.hardware import has_bfloat16
from mindglyph.decoders.monitor import Monitor, Progress
from mindglyph.errors import UserError


class Autoencoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Learns a code of preprocessed trials, and signals from the code.

    Parameters
    ----------
    settings : AutoencoderSettings or None
        None takes the defaults.
    sfreq : float
        Rate of the signals in Hz.
    seed : int
        Of the start weights and the order of the trials.

    Attributes
    ----------
    shape_ : tuple of int
        (n_channels, n_times) of the trials it was fitted to.
    code_centre_, code_scale_ : ndarray, shape (dimension,)
        Mean and standard deviation of the code channels, by which codes are standardised.
    reconstruction_error_ : float
        Share of the variance of the block held out that the reconstruction does not explain.
    history_ : list of dict
        Per epoch: `epoch`, `train_loss`, `valid_loss`, both as such shares.
    """

    def __init__(self, settings: AutoencoderSettings | None = None, sfreq: float = 128.0, seed: int = 0) -> None:
        self.settings = settings
        self.sfreq = sfreq
        self.seed = seed

    @property
    def settings_(self) -> AutoencoderSettings:
        """The settings in force."""
        return self.settings if self.settings is not None else AutoencoderSettings()

    def fit(
        self,
        X: np.ndarray,  # noqa: N803
        y: np.ndarray | None = None,
        monitor: Monitor | None = None,
    ) -> Autoencoder:
        """Learn from trials; labels are not looked at.

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed signals of the training fold in the order of recording. May be
            memory-mapped: it is read batch by batch.
        y : ndarray, optional
            Not looked at.
        monitor : Monitor, optional
            Who is told of each epoch.

        Returns
        -------
        Autoencoder
            Itself.

        Raises
        ------
        UserError
            If the trials have another shape or are too few, or if training diverges.
        """
        if X.ndim != 3:
            raise UserError(f"signals of shape {X.shape}: give (n_trials, n_channels, n_times)")
        training = self.settings_.training
        learning, held_out = last_block(len(X), training.held_out)
        if len(X) < 2 or learning[-1] >= held_out[0]:
            raise UserError(f"{len(X)} trials are too few for an auto-encoder: give a longer recording")
        self.shape_: tuple[int, int] = X.shape[1:]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            network = self._network()
        self._train(network, X, learning, held_out, monitor or Monitor())
        self.network_ = network.eval()
        self._standardise(X, learning)
        return self

    def transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return what the decoder shall see, float32.

        The code, (n_trials, dimension, n_code_times), each channel with about mean 0 and
        standard deviation 1; or the reconstruction, (n_trials, n_channels, n_times).

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed signals.

        Returns
        -------
        ndarray, shape (n_trials, dimension, n_code_times) or (n_trials, n_channels, n_times)
            The code or the reconstruction.
        """
        return self.reconstruct(X) if self.settings_.output == "reconstruction" else self._codes(X)

    @property
    def transformed_shape_(self) -> tuple[int, int]:
        """(n_channels, n_times) of what `transform` gives."""
        check_is_fitted(self, "network_")
        settings = self.settings_
        if settings.output == "reconstruction":
            return self.shape_
        return settings.dimension, -(-self.shape_[1] // settings.step(self.sfreq))

    def inverse_transform(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return signals (n_trials, n_channels, n_times), float32, of what `transform` gave.

        Parameters
        ----------
        X : ndarray, shape (n_trials, dimension, n_code_times) or (n_trials, n_channels, n_times)
            What `transform` gave.

        Returns
        -------
        ndarray, shape (n_trials, n_channels, n_times)
            Signals, float32.
        """
        check_is_fitted(self, "network_")
        if self.settings_.output == "reconstruction":
            return np.asarray(X, dtype=np.float32)
        codes = X * self.code_scale_[:, None] + self.code_centre_[:, None]
        return self._in_batches(self.network_.decode, codes)

    def reconstruct(self, X: np.ndarray) -> np.ndarray:  # noqa: N803
        """Return signals without what the code does not hold: (n_trials, n_channels, n_times).

        Parameters
        ----------
        X : ndarray, shape (n_trials, n_channels, n_times)
            Preprocessed signals.

        Returns
        -------
        ndarray, shape (n_trials, n_channels, n_times)
            What the code holds of them, float32.
        """
        self._check(X)
        return self._in_batches(self.network_, X)

    def arrays(self) -> dict[str, np.ndarray]:
        """Return what was fitted, as arrays of numbers."""
        check_is_fitted(self, "network_")
        return {
            "shape": np.array(self.shape_),
            "code_centre": self.code_centre_,
            "code_scale": self.code_scale_,
            "reconstruction_error": np.array([self.reconstruction_error_]),
            **{f"network.{name}": tensor.numpy() for name, tensor in self.network_.state_dict().items()},
        }

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """Take back what `arrays` gave."""
        n_channels, n_times = (int(size) for size in arrays["shape"])
        self.shape_ = n_channels, n_times
        self.code_centre_, self.code_scale_ = arrays["code_centre"], arrays["code_scale"]
        self.reconstruction_error_ = float(arrays["reconstruction_error"][0])
        self.history_: list[dict[str, float]] = []
        with torch.random.fork_rng(devices=[]):
            network = self._network()
        weights = {name: array for name, array in arrays.items() if name.startswith("network.")}
        network.load_state_dict({name.removeprefix("network."): torch.tensor(a) for name, a in weights.items()})
        self.network_ = network.eval()

    def _network(self) -> _Network:
        settings = self.settings_
        return _Network(self.shape_, settings.dimension, settings.filters, settings.kernel, settings.step(self.sfreq))

    def _train(
        self, network: _Network, signals: np.ndarray, learning: np.ndarray, held_out: np.ndarray, monitor: Monitor
    ) -> None:
        training = self.settings_.training
        generator = np.random.default_rng(self.seed)
        optimizer = torch.optim.AdamW(
            network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
        )
        n_batches = math.ceil(len(learning) / training.batch_size)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, training.max_epochs * n_batches)
        best, best_weights, waited = math.inf, network.state_dict(), 0
        self.history_ = []
        for epoch in range(1, training.max_epochs + 1):
            network.train()
            errors = total = 0.0
            for places in np.array_split(generator.permutation(learning), n_batches):
                batch = _tensor(signals[np.sort(places)])
                with _fast():
                    rebuilt = network(batch)
                loss = functional.mse_loss(rebuilt.float(), batch)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                errors += loss.item() * batch.numel()
                total += float(batch.square().sum())
            valid = _unexplained(network.eval(), signals, held_out)
            self.history_.append({"epoch": epoch, "train_loss": errors / max(total, 1e-12), "valid_loss": valid})
            monitor.report(
                Progress(monitor.part, epoch, training.max_epochs, errors / max(total, 1e-12), valid, math.nan)
            )
            waited = 0 if valid < best else waited + 1
            if valid < best:
                best, best_weights = valid, {name: value.clone() for name, value in network.state_dict().items()}
            if waited == training.patience or not math.isfinite(errors):
                break
        if not math.isfinite(best):
            raise UserError("the auto-encoder diverged: take a smaller learning rate")
        network.load_state_dict(best_weights)
        self.reconstruction_error_ = best

    def _standardise(self, signals: np.ndarray, learning: np.ndarray) -> None:
        """Find mean and spread of each code channel over the trials learned from."""
        dimension = self.settings_.dimension
        count, total, squares = 0, np.zeros(dimension), np.zeros(dimension)
        for start in range(0, len(learning), _BATCH):
            codes = self._in_batches(self.network_.encode, signals[learning[start : start + _BATCH]])
            count += codes.shape[0] * codes.shape[2]
            total += codes.sum(axis=(0, 2), dtype=np.float64)
            squares += np.square(codes, dtype=np.float64).sum(axis=(0, 2))
        mean = total / count
        spread = np.sqrt(np.maximum(squares / count - mean**2, 0))
        self.code_centre_ = mean.astype(np.float32)
        # A code channel that nothing moves has no spread; dividing by 1 leaves it at zero.
        self.code_scale_ = np.where(spread > 1e-6, spread, 1).astype(np.float32)

    def _codes(self, signals: np.ndarray) -> np.ndarray:
        self._check(signals)
        codes = self._in_batches(self.network_.encode, signals)
        codes -= self.code_centre_[:, None]
        codes /= self.code_scale_[:, None]
        return codes

    def _check(self, signals: np.ndarray) -> None:
        check_is_fitted(self, "network_")
        if signals.shape[1:] != self.shape_:
            raise UserError(
                f"the auto-encoder was trained on (channels, samples) {self.shape_}, these are {signals.shape[1:]}: "
                "give a recording of the same headset"
            )

    @staticmethod
    @torch.inference_mode()
    def _in_batches(part: nn.Module, signals: np.ndarray) -> np.ndarray:
        # In float32, so that the codes of a trial are the same on every processor but for rounding.
        starts = range(0, max(1, len(signals)), _BATCH)
        return np.concatenate([part(_tensor(signals[start : start + _BATCH])).numpy() for start in starts])


_BATCH = 256
"""Trials that are coded at a time."""


class _Network(nn.Module):
    """Two convolutions to the code, the second in steps, and two back.

    Sample i of the code stands at sample i * step of the signals, so codes keep their times.
    """

    def __init__(self, shape: tuple[int, int], dimension: int, filters: int, kernel: int, step: int) -> None:
        super().__init__()
        n_channels, n_times = shape
        # Odd, so that a convolution has a middle; and so long that steps leave no sample out.
        short, long = kernel | 1, max(kernel, 2 * step) | 1
        spill = (n_times - 1) % step
        self.encode = nn.Sequential(
            nn.Conv1d(n_channels, filters, short, padding=short // 2),
            nn.GELU(),
            nn.Conv1d(filters, dimension, long, stride=step, padding=long // 2),
        )
        self.decode = nn.Sequential(
            nn.ConvTranspose1d(dimension, filters, long, stride=step, padding=long // 2, output_padding=spill),
            nn.GELU(),
            nn.Conv1d(filters, n_channels, short, padding=short // 2),
        )

    def forward(self, signals: torch.Tensor) -> torch.Tensor:
        return self.decode(self.encode(signals))


@torch.inference_mode()
def _unexplained(network: _Network, signals: np.ndarray, places: np.ndarray) -> float:
    """Return the share of the signals' variance around zero that the network does not rebuild."""
    errors = total = 0.0
    for start in range(0, len(places), _BATCH):
        batch = _tensor(signals[places[start : start + _BATCH]])
        errors += float((network(batch) - batch).square().sum(dtype=torch.float64))
        total += float(batch.square().sum(dtype=torch.float64))
    # Signals that are zero throughout leave nothing to explain.
    return errors / total if total else 0.0


def _tensor(signals: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(signals, dtype=np.float32))


def _fast() -> AbstractContextManager[object]:
    """Compute in bfloat16 where the processor has units for it; elsewhere it is slower than float32."""
    return torch.autocast("cpu", torch.bfloat16, enabled=has_bfloat16("cpu"))
