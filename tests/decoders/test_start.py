import numpy as np
import pytest
import torch
from torch import nn

from mindglyph.decoders.network import EmbeddingNetwork
from mindglyph.decoders.start import Start, freeze, head_names
from mindglyph.errors import UserError

CLASSES = np.array([3, 5])


def _network(n_outputs: int = 2, seed: int = 0) -> EmbeddingNetwork:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        body = nn.Sequential(
            nn.Flatten(), nn.Linear(12, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.Linear(4, n_outputs)
        )
        return EmbeddingNetwork(body, nn.Linear(n_outputs, n_outputs))


HEAD = head_names(_network(), _network(3))


def _arrays(seed: int = 9) -> dict[str, np.ndarray]:
    return {name: tensor.numpy() for name, tensor in _network(seed=seed).state_dict().items()}


def test_the_decision_is_what_hangs_on_the_number_of_classes() -> None:
    assert {"body.4.weight", "body.4.bias", "head.weight", "head.bias"} == HEAD


@pytest.mark.parametrize(
    ("classes", "new_head", "kept"),
    [((3, 5), False, True), ((3, 5), True, False), ((3, 6), False, False), (None, False, True), (None, True, False)],
)
def test_the_head_is_kept_where_it_means_the_same(classes: tuple[int, ...] | None, new_head: bool, kept: bool) -> None:
    network, anew, given = _network(), _arrays(0), _arrays()
    Start(given, classes, new_head=new_head).apply(network, HEAD, CLASSES)
    for name, tensor in network.state_dict().items():
        expected = anew if name in HEAD and not kept else given
        np.testing.assert_array_equal(tensor.numpy(), expected[name], err_msg=name)


def test_frozen_layers_count_nothing_and_drop_nothing_in_training() -> None:
    network = _network()
    Start(_arrays(), (3, 5), frozen=True).apply(network, HEAD, CLASSES)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network.train()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.1, weight_decay=0.5)
    signals = torch.randn(20, 3, 4, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(network.body(signals), network.body(signals))
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(signals), torch.arange(20) % 2).backward()
        optimizer.step()
    changed = {name for name, tensor in network.state_dict().items() if not torch.equal(tensor, before[name])}
    assert changed == HEAD


def test_what_is_not_frozen_trains_as_ever() -> None:
    network = _network().train()
    assert all(module.training for module in network.modules())
    freeze(network, ["body.1.weight", "body.1.bias"])
    network.train()
    assert [name for name, module in network.named_modules() if isinstance(module, nn.BatchNorm1d) and module.training]
    assert not any(module.training for module in network.eval().modules())


def test_other_weights_are_refused_by_name() -> None:
    arrays = _arrays()
    with pytest.raises(UserError, match=r"body.1.weight is 4 × 12 here and 4 × 11 there"):
        Start({**arrays, "body.1.weight": np.zeros((4, 11), np.float32)}, (3, 5)).apply(_network(), HEAD, CLASSES)
    del arrays["body.2.running_mean"]
    with pytest.raises(UserError, match="body.2.running_mean is 4 here and missing there"):
        Start(arrays, (3, 5)).apply(_network(), HEAD, CLASSES)


def test_a_start_is_told_from_another() -> None:
    prints = {
        Start(_arrays(seed), classes, frozen, new_head).fingerprint()
        for seed in (1, 2)
        for classes in ((3, 5), (3, 6))
        for frozen in (False, True)
        for new_head in (False, True)
    }
    assert len(prints) == 16
    assert Start(_arrays(1), (3, 5)).fingerprint() in prints
