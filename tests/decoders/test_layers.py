import pytest
import torch
from torch import nn

from mindglyph.decoders import decoder_settings
from mindglyph.decoders.layers import Dropout, pooled_tanh


@pytest.mark.parametrize("share", [0.25, 0.5, 0.9])
def test_dropout_drops_its_share_and_keeps_the_mean(share: float) -> None:
    torch.manual_seed(0)
    dropped = Dropout(share)(torch.ones(101, 1001))
    assert (dropped == 0).float().mean().item() == pytest.approx(share, abs=0.01)
    assert dropped.mean().item() == pytest.approx(1, abs=0.03)
    assert len(dropped.unique()) == 2
    neighbours = (dropped[:, 1:] == 0) & (dropped[:, :-1] == 0)
    assert neighbours.float().mean().item() == pytest.approx(share**2, abs=0.01)


def test_dropout_leaves_everything_in_evaluation_and_with_a_share_of_nothing() -> None:
    signals = torch.randn(7, 3)
    assert torch.equal(Dropout(0.5).eval()(signals), signals)
    assert torch.equal(Dropout(0.0)(signals), signals)


def test_the_pooled_tangent_and_its_gradient_are_those_of_torch() -> None:
    signals = torch.randn(3, 4, 5, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(pooled_tanh(signals, 1), signals.tanh().mean(1))
    assert torch.autograd.gradcheck(lambda inputs: pooled_tanh(inputs, 1), signals)


def test_sparse_cnn_decodes_as_its_layers_one_after_another_would() -> None:
    torch.manual_seed(0)
    network = decoder_settings("sparse-cnn", {"filters": (16, 8)}).build(128.0)._network(14, 10, 256)
    signals = 2 + 3 * torch.randn(6, 14, 256)
    network(signals)  # so that the running means are none that hide a mistake
    network.eval()
    layers = list(network.body)
    plain = nn.Conv1d(16, 8, 11)
    plain.load_state_dict(layers[7].state_dict())
    expected = nn.Sequential(*layers[:7], plain, *layers[8:], network.head)(signals)
    torch.testing.assert_close(network(signals), expected, rtol=1e-3, atol=1e-5)
