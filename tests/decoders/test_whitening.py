import numpy as np
import torch

from mindglyph.decoders.whitening import Whitening, learn_whitening


def _signals(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.einsum("cd,nds->ncs", rng.standard_normal((4, 4)), rng.standard_normal((60, 4, 50))).astype(np.float32)


def test_directions_differ_half_as_much_after_it() -> None:
    signals = _signals()
    layer = Whitening(4)
    learn_whitening(layer, signals, np.arange(60))

    def spread(some: np.ndarray) -> float:
        variances = np.linalg.eigvalsh(np.cov(some.transpose(1, 0, 2).reshape(4, -1)))
        return float(np.log(variances[-1] / variances[0]))

    assert spread(layer(torch.from_numpy(signals)).numpy()) < 0.65 * spread(signals)
    torch.testing.assert_close(layer.matrix, layer.matrix.T)


def test_only_trials_to_learn_from_count() -> None:
    signals, changed = _signals(), _signals()
    changed[40:] = _signals(3)[40:]
    one, other = Whitening(4), Whitening(4)
    learn_whitening(one, signals, np.arange(40))
    learn_whitening(other, changed, np.arange(40))
    assert torch.equal(one.matrix, other.matrix)


def test_what_came_with_other_weights_stays() -> None:
    layer = Whitening(4)
    learn_whitening(layer, _signals(), np.arange(60))
    before = layer.matrix.clone()
    learn_whitening(layer, _signals(5), np.arange(60))
    assert torch.equal(layer.matrix, before)


def test_silent_and_doubled_channels_give_finite_signals() -> None:
    signals = _signals()
    signals[:, 1], signals[:, 2] = 0, signals[:, 3]
    for some in (signals, np.zeros_like(signals)):
        layer = Whitening(4)
        learn_whitening(layer, some, np.arange(60))
        assert torch.isfinite(layer(torch.from_numpy(some))).all()
