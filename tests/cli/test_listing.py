import io
import json
import sys
from contextlib import redirect_stdout
from unittest import mock

import pytest

from mindglyph.cli import main
from mindglyph.decoders import DECODERS
from mindglyph.headsets import HEADSETS
from mindglyph.trials.braindecode import importing_braindecode


def _run(*words: str, status: int = 0) -> str:
    out = io.StringIO()
    with (
        mock.patch.object(sys, "argv", ["mindglyph", "decoders", *words]),
        redirect_stdout(out),
        pytest.raises(SystemExit) as ended,
    ):
        main()
    assert (ended.value.code or 0) == status
    return out.getvalue()


@pytest.mark.parametrize("headset", ["ep", "mw", "mu", "in"])
def test_every_decoder_is_listed_with_its_source_and_size(headset: str) -> None:
    found = json.loads(_run("--json", "--headset", headset, "--classes", "2"))
    device = HEADSETS[headset.upper()]
    assert found["headset"] == headset
    assert found["classes"] == 2
    assert found["shape"] == [len(device.channels), device.n_times]
    assert found["zoo"] is None
    assert set(found["decoders"]) == set(DECODERS)
    for name, entry in found["decoders"].items():
        assert entry["line"] == DECODERS[name].line
        assert entry["source"] == DECODERS[name].source
        assert entry["parameters"] is None or entry["parameters"] > 0
    assert found["decoders"]["chance"]["parameters"] == 2


def test_the_table_says_the_same() -> None:
    table = " ".join(_run().replace("│", " ").split())
    entry = json.loads(_run("--json"))["decoders"]["mlp"]
    assert f"parameters: {entry['parameters']:,}" in table
    assert "Emotiv EPOC (14 x 256 samples) and 10 classes" in table
    assert "zoo:NAME" in table
    assert all(name in table for name in DECODERS)


def test_the_zoo_is_listed_on_request(monkeypatch: pytest.MonkeyPatch) -> None:
    with importing_braindecode("tests of the zoo"):
        from braindecode.models.util import models_dict

    few = {name: models_dict[name] for name in ("EEGNet", "CBraMod")}
    monkeypatch.setattr("braindecode.models.util.models_dict", few)
    found = json.loads(_run("--json", "--zoo"))["zoo"]
    assert set(found) == {"zoo:EEGNet"}
    assert set(found["zoo:EEGNet"]) == {"line", "source", "parameters"}
    assert "zoo:EEGNet" in _run("--zoo")


def test_one_class_is_refused() -> None:
    assert _run("--classes", "1", status=2) == ""
