import numpy as np
import pytest
import torch

from mindglyph.decoders.experts import NEITHER, THAT, THIS, Experts, ExpertTrunk, _ExpertTraining
from mindglyph.decoders.monitor import Monitor
from mindglyph.decoders.sparse_cnn import SparseCNNSettings

SMALL = SparseCNNSettings(filters=(4, 4), features=3)


@pytest.mark.parametrize(("n_classes", "n_experts"), [(2, 1), (3, 6), (4, 10), (10, 55)])
def test_there_is_one_for_each_pair_and_one_for_each_class(n_classes: int, n_experts: int) -> None:
    experts = Experts.of_classes(n_classes)
    assert len(experts) == n_experts
    assert len({tuple(roles) for roles in experts.roles.T.tolist()}) == n_experts


def test_what_each_has_to_tell_apart() -> None:
    roles = Experts.of_classes(3).roles.T.tolist()
    pairs = [[THIS, THAT, NEITHER], [THIS, NEITHER, THAT], [NEITHER, THIS, THAT]]
    singles = [[THIS, THAT, THAT], [THAT, THIS, THAT], [THAT, THAT, THIS]]
    assert roles == pairs + singles
    assert Experts.of_classes(2).roles.T.tolist() == [[THIS, THAT]]


def test_no_role_outweighs_the_first() -> None:
    codes = np.repeat(np.arange(10), np.arange(20, 120, 10))
    experts = Experts.of_classes(10)
    counts = np.bincount(codes)[:, None] * experts.shares(codes)
    sizes = np.stack([(counts * (experts.roles == role)).sum(axis=0) for role in range(3)])
    np.testing.assert_allclose(sizes[NEITHER, :45], sizes[:2, :45].mean(axis=0))
    np.testing.assert_allclose(sizes[THAT, 45:], sizes[THIS, 45:])
    np.testing.assert_allclose(sizes[THIS, 45:], np.bincount(codes))
    assert (Experts.of_classes(2).shares(np.repeat([0, 1], [5, 50])) == 1).all()


@pytest.mark.parametrize("n_classes", [2, 3, 10])
def test_balanced_shares_make_all_classes_count_the_same(n_classes: int) -> None:
    codes = np.repeat(np.arange(n_classes), np.arange(20, 20 + 10 * n_classes, 10))
    experts = Experts.of_classes(n_classes)
    shares = experts.shares(codes, balanced=True)
    counts = np.bincount(codes)[:, None] * shares
    # As they would be of classes of one size, all of them of the rarest.
    np.testing.assert_allclose(counts, 20 * experts.shares(np.arange(n_classes)))
    assert shares.max() <= 1


def test_the_loss_is_each_experts_own_and_counts_by_the_shares() -> None:
    experts = Experts.of_classes(3)
    shares = np.random.default_rng(0).random((3, 6))
    outputs = torch.randn(4, 6, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    codes = torch.tensor([0, 2, 1, 1])
    said = torch.log_softmax(outputs, dim=2).numpy()
    total = weight = 0.0
    for trial, code in enumerate(codes.tolist()):
        for expert in range(6):
            total -= shares[code, expert] * said[trial, expert, experts.roles[code, expert]]
            weight += shares[code, expert]
    training = _ExpertTraining(torch.nn.Identity(), experts, shares, settings=SMALL.training, seed=0)
    assert training._loss(outputs, codes, None).item() == pytest.approx(total / weight, rel=1e-6)
    votes = np.array([[said[0, range(6), experts.roles[code]].sum() for code in range(3)]])
    np.testing.assert_allclose(training._class_scores(outputs[:1]), votes, rtol=1e-5)
    means = torch.log_softmax(torch.from_numpy(votes / 3), dim=1)
    np.testing.assert_allclose(experts.vote(np.exp(said[:1])), means, rtol=1e-5)


def test_no_expert_alone_can_rule_a_class_out() -> None:
    experts = Experts.of_classes(4)
    sure = np.stack([experts.roles[2] == role for role in range(3)], axis=1)[None].astype(np.float32)
    vote = experts.vote(sure)
    assert vote.argmax() == 2
    assert np.isfinite(vote).all()
    wrong = sure.copy()
    wrong[0, -2] = [0, 1, 0]
    assert experts.vote(wrong).argmax() == 2


def test_the_network_of_a_shared_trunk_keeps_the_experts_apart() -> None:
    trunk = ExpertTrunk(SMALL, experts=Experts.of_classes(3))
    trunk.take_shape((2, 120))
    network = trunk._network(2, 3, 120).eval()
    signals = torch.randn(5, 2, 120)
    outputs = network(signals)
    assert outputs.shape == (5, 6, 3)
    outputs[:, 4].sum().backward()
    touched = network.head.scores.weight.grad.abs().sum(dim=1).reshape(6, 3).sum(dim=1) > 0
    assert touched.tolist() == [False, False, False, False, True, False]
    assert network.body[1].weight.grad.abs().sum() > 0


def test_an_expert_of_one_class_never_says_neither() -> None:
    experts = Experts.of_classes(3)
    trunk = ExpertTrunk(SMALL, experts=experts)
    trunk.take_shape((2, 120))
    said = torch.softmax(trunk._network(2, 3, 120)(torch.randn(5, 2, 120)), dim=2)
    assert (said[:, 3:, NEITHER] == 0).all()
    assert (said[:, :3] > 0).all()
    features = experts.features(said.detach().numpy())
    assert features.shape == (5, 3 * 3 + 3)
    np.testing.assert_allclose(features[:, :9].reshape(5, 3, 3), said[:, :3].detach().numpy(), rtol=1e-5)
    np.testing.assert_allclose(features[:, 9:], said[:, 3:, THIS].detach().numpy(), rtol=1e-5)


def test_only_the_places_to_learn_from_matter() -> None:
    rng = np.random.default_rng(0)
    signals, codes = rng.normal(size=(80, 2, 120)).astype(np.float32), np.arange(80) % 3
    settings = SMALL.model_copy(update={"training": SMALL.training.model_copy(update={"max_epochs": 2})})
    others = signals.copy()
    others[60:] = 1e6
    told = []
    outputs = []
    for each in (signals, others):
        trunk = ExpertTrunk(settings, experts=Experts.of_classes(3))
        trunk.train_on(each, codes, np.arange(40), np.arange(45, 60), Monitor(told.append, part="fold-1"))
        outputs.append(trunk.outputs(signals[:10]))
    np.testing.assert_array_equal(*outputs)
    assert [(progress.part, progress.epoch, progress.max_epochs) for progress in told[:2]] == [
        ("fold-1", 1, 2),
        ("fold-1", 2, 2),
    ]
    assert all(0 <= progress.valid_acc <= 1 for progress in told)
