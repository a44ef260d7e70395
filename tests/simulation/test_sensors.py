import numpy as np

from mindglyph.headsets import MUSE2_SENSORS
from mindglyph.simulation.sensors import STEPS, Sensors


def _recorded(n: int = 60) -> dict[str, np.ndarray]:
    steps = Sensors(256.0, 512).record(np.arange(n) * 2.0, np.random.default_rng(0))
    assert tuple(steps) == tuple(MUSE2_SENSORS)
    return {name: values * STEPS[name][0] for name, values in steps.items()}


def test_the_pulse_beats_about_once_a_second() -> None:
    infrared = _recorded()["PPG"][:, 1].ravel()
    power = np.abs(np.fft.rfft(infrared - infrared.mean())) ** 2
    frequencies = np.fft.rfftfreq(len(infrared), 1 / 256)
    assert 0.8 < frequencies[power.argmax()] < 1.6


def test_the_accelerometer_shows_one_g_and_the_gyroscope_rests() -> None:
    recorded = _recorded()
    size = np.linalg.norm(recorded["ACC"], axis=1)
    assert abs(size.mean() - 1) < 0.05
    assert np.abs(recorded["GYRO"].mean(axis=(0, 2))).max() < 0.1


def test_the_slower_sensors_hold_their_values() -> None:
    light = _recorded(4)["PPG"]
    np.testing.assert_array_equal(light, np.repeat(light[..., ::4], 4, axis=2))
