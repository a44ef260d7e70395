"""The architectures of the thesis: their documented sizes, and the headsets that they take."""

from typing import Any

import pytest
import torch
from torch import nn

from mindglyph.decoders import decoder_settings
from mindglyph.decoders.network import EmbeddingNetwork
from mindglyph.errors import UserError
from tests.decoders.quick import QUICK

EPOC = (14, 256)
HEADSETS = {
    "EP": EPOC, "MW": (1, 880), "MU": (4, 400), "IN": (5, 256), "Muse": (4, 231), "cap of 128": (128, 500)
}  # fmt: skip
NETWORKS = [
    "common-lstm",
    "stacked-lstm",
    "per-channel-lstm",
    "per-channel-lstm-merged",
    "sparse-cnn",
    "deep-cnn",
    "mlp",
]


def _network(
    name: str, shape: tuple[int, int] = EPOC, n_classes: int = 10, values: dict[str, Any] | None = None
) -> EmbeddingNetwork:
    decoder = decoder_settings(name, values).build(128.0)
    return decoder._network(shape[0], n_classes, shape[1])


def _sizes(network: nn.Module, shape: tuple[int, int], *kinds: type[nn.Module]) -> list[tuple[int, ...]]:
    """Return what each layer of these kinds gives for one trial."""
    sizes: list[tuple[int, ...]] = []
    for layer in network.modules():
        if isinstance(layer, kinds):
            layer.register_forward_hook(lambda _, __, output: sizes.append(tuple(output.shape[1:])))
    network.eval()(torch.zeros(1, *shape))
    return sizes


def _units(network: nn.Module) -> list[tuple[int, int]]:
    return [(layer.in_features, layer.out_features) for layer in network.modules() if isinstance(layer, nn.Linear)]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("headset", HEADSETS)
@pytest.mark.parametrize("n_classes", [2, 10])
def test_every_headset_and_number_of_classes_is_taken(name: str, headset: str, n_classes: int) -> None:
    network = _network(name, HEADSETS[headset], n_classes, QUICK[name])
    signals = torch.randn(3, *HEADSETS[headset])
    scores = network(signals)
    assert scores.shape == (3, n_classes)
    assert network.body(signals).ndim == 2
    scores.sum().backward()
    assert all(parameter.grad is not None for parameter in network.parameters())
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.isfinite(network(signals)).all()


def test_common_lstm_joins_14336_numbers() -> None:
    assert _sizes(_network("common-lstm"), EPOC, nn.Flatten) == [(14_336,)]


def test_common_lstm_can_walk_along_time() -> None:
    network = _network("common-lstm", values={"axis": "time", "units": 8})
    assert network(torch.zeros(2, *EPOC)).shape == (2, 10)


def test_sparse_cnn_has_the_thesis_convolutions() -> None:
    convolutions = [layer for layer in _network("sparse-cnn").modules() if isinstance(layer, nn.Conv1d)]
    assert [(layer.out_channels, layer.kernel_size) for layer in convolutions] == [(128, (11,)), (256, (11,))]


def test_stacked_lstm_keeps_its_steps_and_ends_in_896_numbers() -> None:
    network = _network("stacked-lstm")
    assert isinstance(network.body[1], nn.BatchNorm1d)
    assert _sizes(network, EPOC, nn.LeakyReLU, nn.Flatten) == [(14, 256), (14, 512), (14, 256), (14, 64), (896,)]
    assert _units(network) == [(896, 10)]
    dropouts = [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)]
    assert dropouts == [0.5] * 4


def test_stacked_lstm_takes_a_fifth_layer_and_walks_along_time() -> None:
    fifth = _network("stacked-lstm", values={"units": (256, 512, 256, 64, 16)})
    assert _units(fifth) == [(14 * 16, 10)]
    in_time = _network("stacked-lstm", values={"units": (8, 4), "axis": "time"})
    assert _sizes(in_time, EPOC, nn.LeakyReLU, nn.Flatten) == [(256, 8), (256, 4), (1024,)]


def test_per_channel_lstm_joins_3584_numbers() -> None:
    network = _network("per-channel-lstm")
    sizes = _sizes(network, EPOC, nn.LeakyReLU, nn.Flatten)
    assert sizes == [(14, 16, 128), (14, 16, 256), (3584,)]
    assert _units(network) == [(3584, 10)]


def test_the_merged_network_walks_over_the_channels_outputs() -> None:
    network = _network("per-channel-lstm-merged")
    merging = next(layer for layer in network.modules() if isinstance(layer, nn.LSTM))
    seen: list[tuple[int, ...]] = []
    merging.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape)))
    assert network(torch.zeros(2, *EPOC)).shape == (2, 10)
    assert seen == [(2, 14, 256)]
    assert _units(network) == [(256, 10)]


@pytest.mark.parametrize("name", ["per-channel-lstm", "per-channel-lstm-merged", "sparse-cnn"])
def test_trials_that_are_too_short_are_said(name: str) -> None:
    with pytest.raises(UserError, match="trials of 15 samples are .*: give longer ones"):
        _network(name, (4, 15))


def test_deep_cnn_sees_a_picture_of_channels_by_time() -> None:
    network = _network("deep-cnn")
    assert _sizes(network, EPOC, nn.Conv2d, nn.MaxPool2d) == [
        (32, 14, 256), (32, 7, 128), (64, 7, 128), (64, 3, 64)
    ]  # fmt: skip
    assert _units(network) == [(64 * 3 * 64, 1024), (1024, 10)]
    assert [layer.p for layer in network.modules() if isinstance(layer, nn.Dropout)] == [0.4]


def test_deep_cnn_pools_no_axis_that_is_too_short() -> None:
    assert _sizes(_network("deep-cnn", (1, 880)), (1, 880), nn.MaxPool2d) == [(32, 1, 440), (64, 1, 220)]
    assert _network("deep-cnn", (1, 1))(torch.zeros(2, 1, 1)).shape == (2, 10)


def test_mlp_has_the_thesis_layers() -> None:
    with torch.device("meta"):
        network = _network("mlp")
    assert _units(network) == [(3584, 4096), (4096, 4096), (4096, 4096), (4096, 2048), (2048, 1024), (1024, 10)]
