import numpy as np
import pytest

from mindglyph.decoders import decoder_settings, evoked
from tests.decoders.quick import QUICK


def test_of_more_trials_than_fit_evenly_spaced_ones_are_learned_from(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(3, size=240)
    signals = rng.standard_normal((240, 3, 64)).astype(np.float32)
    signals[np.arange(240), 0, 16 + 12 * labels] += 3
    monkeypatch.setattr(evoked, "MOST_TRIALS", 120)
    settings = decoder_settings("evoked", QUICK["evoked"])
    capped = settings.build(64.0).fit_scores(signals, labels)
    chosen = np.linspace(0, 239, 120).round().astype(int)
    few = settings.build(64.0).fit_scores(signals[chosen], labels[chosen])
    np.testing.assert_array_equal(capped.model_.responses_, few.model_.responses_)
    # How often each class occurs is counted in all of them.
    np.testing.assert_allclose(np.exp(capped.log_frequencies_), np.bincount(labels) / 240)
