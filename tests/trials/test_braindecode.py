import json
import sys

import numpy as np
import pandas as pd
import pytest

from mindglyph import Trials
from mindglyph.errors import UserError

# What braindecode uses of libraries that are about to give it up.
pytestmark = [
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Montage name 'standard_1020' is deprecated:FutureWarning"),
]


def _trials(n: int = 48, **columns: object) -> Trials:
    rng = np.random.default_rng(0)
    y = np.array(["face", "house"] * (n // 2))
    X = rng.normal(size=(n, 3, 64))
    X[y == "house", 0] *= 4
    table = pd.DataFrame({"event": np.arange(n) + 10, **columns})
    return Trials.from_arrays(X, y, 128.0, ["TP9", "AF7", "AF8"], table)


def test_an_item_is_a_trial_in_microvolts() -> None:
    windows = (trials := _trials()).to_braindecode()
    assert len(windows) == 48
    for place in (0, 7, 47):
        X, y, ids = windows[place]
        np.testing.assert_array_equal(X, trials.signals[place])
        assert X.dtype == np.float32
        assert (y, ids) == (place % 2, [0, 0, 64])
    assert json.loads(windows.description.loc[0, "labels"]) == ["face", "house"]
    table = windows.get_metadata()
    assert table["event"].tolist() == list(range(10, 58))
    assert table["label"].tolist() == trials.labels.tolist()


def test_subjects_and_sessions_can_be_split() -> None:
    trials = _trials(subject=np.repeat([1, 2], 24), session=np.tile(["day", "night"], 24))
    windows = trials.to_braindecode()
    assert windows.description[["subject", "session"]].to_numpy().tolist() == [
        [1, "day"], [1, "night"], [2, "day"], [2, "night"],
    ]  # fmt: skip
    night = windows.split("session")["night"]
    assert night.get_metadata()["event"].tolist() == list(range(11, 58, 2))
    np.testing.assert_array_equal(night[12][0], trials.signals[25])


def test_a_classifier_of_braindecode_learns_from_it() -> None:
    import torch
    from braindecode import EEGClassifier
    from braindecode.models import ShallowFBCSPNet

    torch.manual_seed(0)
    session = np.repeat(["0", "1"], 24)
    parts = _trials(session=session).to_braindecode().split("session")
    network = ShallowFBCSPNet(n_chans=3, n_outputs=2, n_times=64, pool_time_length=20, pool_time_stride=5)
    classifier = EEGClassifier(
        network, optimizer=torch.optim.AdamW, lr=0.01, batch_size=8, max_epochs=8, train_split=None, verbose=0,
        classes=[0, 1],
    )  # fmt: skip
    classifier.fit(parts["0"], y=None)
    assert np.mean(classifier.predict(parts["1"]) == parts["1"].get_metadata()["target"]) > 0.9


def test_without_braindecode_the_mend_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("braindecode")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "braindecode", None)
    with pytest.raises(UserError, match="pip install 'mindglyph\\[zoo\\]'"):
        _trials().to_braindecode()


def test_no_trials_are_refused() -> None:
    with pytest.raises(UserError, match="no trials"):
        _trials().select(np.zeros(48, dtype=bool)).to_braindecode()
