import pytest
import torch
from torch import nn

from mindglyph.decoders.convolutions import TimeConvolution


@pytest.mark.parametrize(("n_outputs", "kernel"), [(1, 1), (1, 11), (9, 2), (50, 11), (51, 11), (120, 4)])
def test_it_is_the_convolution_of_torch_and_so_are_its_gradients(n_outputs: int, kernel: int) -> None:
    torch.manual_seed(0)
    ours, theirs = TimeConvolution(6, 4, kernel, n_outputs), nn.Conv1d(6, 4, kernel)
    theirs.load_state_dict(ours.state_dict())
    signals = torch.randn(n_outputs + kernel + 2, 5, 6, requires_grad=True)
    inputs = [*ours.parameters(), signals]
    found = ours(signals)
    expected = theirs(signals.permute(1, 2, 0)).permute(2, 0, 1)[:n_outputs]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    weights = torch.randn(found.shape)
    gradients = torch.autograd.grad((found * weights).sum(), inputs)
    wanted = torch.autograd.grad((expected * weights).sum(), [*theirs.parameters(), signals])
    for one, other in zip(gradients, wanted, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_in_bfloat16_it_is_as_exact_as_bfloat16() -> None:
    torch.manual_seed(0)
    convolution, signals = TimeConvolution(32, 16, 11, 50), torch.randn(60, 8, 32)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found = convolution(signals)
    expected = convolution(signals)
    assert found.dtype == torch.bfloat16
    assert (found - expected).norm() < 0.02 * expected.norm()
