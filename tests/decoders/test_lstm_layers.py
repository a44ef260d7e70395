import pytest
import torch
from torch import nn

from mindglyph.decoders.lstm_layers import AllSteps, ChannelLSTM, CutIntoSteps, LastStep


def _separate(together: ChannelLSTM, width: int, units: int) -> list[nn.LSTM]:
    """Return an LSTM of torch's own for each channel, with the weights of those that walk together."""
    lstms = []
    for channel in range(len(together.bias)):
        lstm = nn.LSTM(width, units, batch_first=True)
        with torch.no_grad():
            lstm.weight_ih_l0.copy_(together.from_input[channel].T)
            lstm.weight_hh_l0.copy_(together.from_hidden[channel].T)
            lstm.bias_ih_l0.copy_(together.bias[channel, 0])
            lstm.bias_hh_l0.zero_()
        lstms.append(lstm)
    return lstms


@pytest.mark.parametrize("n_chans", [1, 5])
def test_channels_together_equal_channels_apart_in_outputs_and_gradients(n_chans: int) -> None:
    torch.manual_seed(0)
    together = ChannelLSTM(n_chans, 7, 6)
    apart = _separate(together, 7, 6)
    signals = torch.randn(4, n_chans, 9, 7)
    found = together(signals)
    expected = torch.stack([lstm(signals[:, channel])[0] for channel, lstm in enumerate(apart)], dim=1)
    assert found.shape == (4, n_chans, 9, 6)
    torch.testing.assert_close(found, expected)
    weights = torch.randn_like(found)
    (found * weights).sum().backward()
    (expected * weights).sum().backward()
    for channel, lstm in enumerate(apart):
        torch.testing.assert_close(together.from_input.grad[channel].T, lstm.weight_ih_l0.grad)
        torch.testing.assert_close(together.from_hidden.grad[channel].T, lstm.weight_hh_l0.grad)
        torch.testing.assert_close(together.bias.grad[channel, 0], lstm.bias_hh_l0.grad)


def test_a_channel_hears_nothing_of_the_others() -> None:
    torch.manual_seed(0)
    layer = ChannelLSTM(3, 2, 4)
    signals = torch.randn(2, 3, 5, 2)
    changed = signals.clone()
    changed[:, 1] += 1
    same = (layer(signals) == layer(changed)).flatten(2).all(dim=2)
    assert same.tolist() == [[True, False, True]] * 2


def test_cells_begin_by_keeping() -> None:
    torch.manual_seed(0)
    units = 64
    bias = ChannelLSTM(2, 8, units).bias[:, 0]
    keep = bias[:, units : 2 * units]
    assert (keep - 1).abs().max() <= units**-0.5
    assert torch.cat([bias[:, :units], bias[:, 2 * units :]], dim=1).abs().max() <= units**-0.5


def test_it_runs_in_bfloat16_and_stays_near() -> None:
    torch.manual_seed(0)
    layers = nn.Sequential(CutIntoSteps(4), ChannelLSTM(3, 4, 8), nn.LeakyReLU(), ChannelLSTM(3, 8, 8), LastStep())
    signals = torch.randn(5, 3, 82)
    exact = layers(signals)
    with torch.autocast("cpu", torch.bfloat16):
        rough = layers(signals)
    torch.testing.assert_close(rough.float(), exact, atol=0.02, rtol=0.05)
    rough.float().sum().backward()
    assert all(torch.isfinite(parameter.grad).all() for parameter in layers.parameters())


def test_steps_hold_the_samples_in_order_and_leave_out_the_rest() -> None:
    steps = CutIntoSteps(3)(torch.arange(22.0).view(1, 2, 11))
    assert steps.tolist() == [[[[0, 1, 2], [3, 4, 5], [6, 7, 8]], [[11, 12, 13], [14, 15, 16], [17, 18, 19]]]]


def test_the_axis_says_along_what_an_lstm_walks() -> None:
    signals = torch.randn(2, 3, 10)
    assert AllSteps(10, 4)(signals).shape == (2, 3, 4)
    over_time = AllSteps(3, 4, over_time=True)
    changed = signals.clone()
    changed[..., 6:] += 1
    same = (over_time(signals) == over_time(changed)).all(dim=2)
    assert same.tolist() == [[True] * 6 + [False] * 4] * 2
