import pytest
import torch
from torch import nn

from mindglyph.decoders.lstm_layers import TOGETHER, AllSteps, ChannelLSTM
from mindglyph.decoders.lstm_walk import walk


def _weights(lstm: nn.LSTM, turned: bool) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return the weights of torch's LSTM as the walk takes them: as views, or laid out anew."""
    weights = [weight.unsqueeze(0).transpose(1, 2) for weight in (lstm.weight_ih_l0, lstm.weight_hh_l0)]
    if turned:
        weights = [weight.contiguous() for weight in weights]
    return weights[0], weights[1], (lstm.bias_ih_l0 + lstm.bias_hh_l0).view(1, 1, -1)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("n_steps", [1, 6])
def test_the_walk_is_the_lstm_of_torch_and_so_are_all_its_gradients(n_steps: int, turned: bool) -> None:
    torch.manual_seed(0)
    lstm = nn.LSTM(5, 7)
    signals = torch.randn(n_steps, 4, 5, requires_grad=True)
    weights = torch.randn(n_steps, 4, 7)
    expected = lstm(signals)[0]
    wanted = torch.autograd.grad((expected * weights).sum(), [signals, *lstm.parameters()])
    found = walk(signals.unsqueeze(0), *_weights(lstm, turned))[0]
    torch.testing.assert_close(found, expected)
    gradients = torch.autograd.grad((found * weights).sum(), [signals, *lstm.parameters()])
    for gradient, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(gradient, other)


def test_its_slopes_are_exact() -> None:
    torch.manual_seed(0)
    inputs = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True)
        for shape in ((2, 3, 4, 2), (2, 2, 12), (2, 3, 12), (2, 1, 12))
    ]
    assert torch.autograd.gradcheck(walk, inputs)


@pytest.mark.parametrize("over_time", [False, True])
def test_in_bfloat16_outputs_and_gradients_stay_near_those_of_torch(over_time: bool) -> None:
    torch.manual_seed(0)
    layer = AllSteps(12, 16, over_time)
    signals = torch.randn(32, 12, 9) if over_time else torch.randn(32, 9, 12)
    weights = torch.randn(32, 9, 16)
    exact = layer(signals)
    wanted = torch.autograd.grad((exact * weights).sum(), list(layer.parameters()))
    with torch.autocast("cpu", torch.bfloat16):
        rough = layer(signals)
    assert rough.dtype == torch.bfloat16
    torch.testing.assert_close(rough.float(), exact, atol=0.02, rtol=0.02)
    for gradient, other in zip(
        torch.autograd.grad((rough.float() * weights).sum(), list(layer.parameters())), wanted, strict=True
    ):
        assert (gradient - other).norm() < 0.02 * other.norm()


def test_channels_taken_together_or_in_groups_give_the_same() -> None:
    torch.manual_seed(0)
    layer = ChannelLSTM(3, 2, 4)
    signals = torch.randn(TOGETHER, 3, 5, 2)
    grouped = layer(signals)
    torch.testing.assert_close(layer(signals[:8]), grouped[:8])
