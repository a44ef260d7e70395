from collections.abc import Callable

import numpy as np
import pytest

from mindglyph.decoders import decoder_settings
from mindglyph.errors import UserError
from tests.decoders.test_decoders import LABELS, RATE, TEST_LABELS, _data


def _flat(signals: np.ndarray) -> np.ndarray:
    signals[:, 0] = 0
    return signals


def _copied(signals: np.ndarray) -> np.ndarray:
    signals[:, 1] = signals[:, 0]
    return signals


def _average_reference(signals: np.ndarray) -> np.ndarray:
    return signals - signals.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("spoil", [_flat, _copied, _average_reference])
@pytest.mark.parametrize("prototypes", ["xdawn", "erp"])
def test_a_direction_in_which_there_is_nothing_does_no_harm(
    prototypes: str, spoil: Callable[[np.ndarray], np.ndarray]
) -> None:
    decoder = decoder_settings("riemann", {"prototypes": prototypes}).build(sfreq=RATE)
    decoder.fit(spoil(_data(LABELS)), LABELS)
    assert np.isfinite(decoder.prototypes_).all()
    accuracy = np.mean(decoder.predict(spoil(_data(TEST_LABELS, seed=5))) == TEST_LABELS)
    assert accuracy > 1 / 3 + 5 * np.sqrt(2 / 9 / 200)


def test_what_has_no_covariance_is_said() -> None:
    decoder = decoder_settings("riemann", {"rate": 32.0}).build(sfreq=RATE)
    with pytest.raises(UserError, match="3 samples are too short for riemann"):
        decoder.fit(_data(LABELS)[..., :3], LABELS)
    with pytest.raises(UserError, match="nothing was recorded"):
        decoder.fit(np.zeros((300, 3, 80), dtype=np.float32), LABELS)
