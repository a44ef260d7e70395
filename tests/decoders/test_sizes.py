import socket
from itertools import pairwise

import numpy as np
import pytest
import torch

from mindglyph.decoders import DECODERS, decoder_settings
from mindglyph.decoders.network import NetworkDecoder
from mindglyph.decoders.sizes import n_parameters, zoo_networks
from mindglyph.errors import UserError
from mindglyph.trials.braindecode import importing_braindecode
from tests.decoders.quick import QUICK

SHAPE = (3, 80)


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_what_is_counted_is_what_is_learned(name: str, n_classes: int) -> None:
    values = dict(QUICK[name])
    if "training" in values:
        values["training"] = {"max_epochs": 1}
    if name == "default":
        values["evenness"] = 1e9  # so that all are heard
    decoder = decoder_settings(name, values).build(64.0)
    counted = n_parameters(decoder, SHAPE, n_classes)
    if counted is None:
        pytest.skip("the trials decide how much is learned")
    labels = np.arange(120) % n_classes
    signals = np.random.default_rng(0).standard_normal((120, *SHAPE)).astype(np.float32)
    decoder.fit(signals, labels)
    if isinstance(decoder, NetworkDecoder):
        learned = sum(parameter.numel() for parameter in decoder.network_.parameters())
    else:
        # Who is heard is no number, and a member's temperature is never found.
        counted_for_nothing = ("heard", "temperature")
        learned = sum(array.size for name, array in decoder._arrays().items() if not name.endswith(counted_for_nothing))
    assert counted == learned


def test_counting_leaves_torchs_generator_alone() -> None:
    before = torch.get_rng_state()
    n_parameters(decoder_settings("stacked-lstm").build(128.0), (14, 256), 10)
    n_parameters(decoder_settings("zoo:EEGNet").build(128.0), (14, 256), 10)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_network_of_a_cap_of_128_is_counted_by_hand() -> None:
    units = (128 * 500, 4096, 4096, 4096, 2048, 1024, 10)
    by_hand = sum(before * after + after for before, after in pairwise(units))
    assert n_parameters(decoder_settings("mlp").build(250.0), (128, 500), 10) == by_hand


def test_every_decoder_says_where_it_comes_from() -> None:
    for name, entry in DECODERS.items():
        assert entry.line, name
        assert entry.source, name


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the zoo hold but a few networks, since trying all takes long."""
    with importing_braindecode("tests of the zoo"):
        from braindecode.models.util import models_dict

    names = ("CBraMod", "Deep4Net", "EEGNet", "EEGSym", "SignalJEPA", "REVE", "TSception")
    monkeypatch.setattr("braindecode.models.util.models_dict", {name: models_dict[name] for name in names})


@pytest.mark.usefixtures("few")
def test_only_networks_that_take_the_trials_are_of_the_zoo(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("a list was asked for, and nothing from the web")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    steps: list[tuple[int, int]] = []
    epoc = zoo_networks((14, 256), 10, 128.0, lambda done, total: steps.append((done, total)))
    # CBraMod is built for such trials, and fails as it sees one; EEGSym wants the places of the electrodes.
    assert list(epoc) == ["zoo:Deep4Net", "zoo:EEGNet", "zoo:TSception"]
    assert steps == [(number, 5) for number in range(1, 6)]
    found = epoc["zoo:EEGNet"]
    assert (found.line, found.source) == ("EEGNet model from Lawhern et al (2018).", "braindecode.models.EEGNet")
    assert found.parameters == n_parameters(decoder_settings("zoo:EEGNet").build(128.0), (14, 256), 10)
    assert list(zoo_networks((1, 880), 2, 512.0, lambda done, total: None)) == ["zoo:EEGNet", "zoo:TSception"]


def test_a_network_that_fails_on_the_trials_is_said() -> None:
    with pytest.raises(UserError, match="zoo:CBraMod cannot be built for 14 channels of 256 samples"):
        decoder_settings("zoo:CBraMod").build(128.0)._network(14, 10, 256)
