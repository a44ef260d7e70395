import numpy as np
import pytest

from mindglyph.channel_mapping import ChannelMapping, Recorded, interpolation_matrix
from mindglyph.errors import UserError
from mindglyph.headsets import HEADSETS, MNIST_8B
from mindglyph.trials import Trials, make_info, positions_of

EPOC = HEADSETS["EP"].channels
INSIGHT = HEADSETS["IN"].channels


def _recorded(channels: tuple[str, ...], sfreq: float = 128.0, n_times: int = 256, tmin: float = 0.0) -> Recorded:
    return Recorded(channels, sfreq, n_times, tmin, positions_of(make_info(channels, sfreq)))


def _mapping(recorded: Recorded, wanted: Recorded) -> ChannelMapping:
    return ChannelMapping.between(recorded, wanted)


def test_shared_channels_are_taken_by_name_exactly() -> None:
    upper = tuple(name.upper() for name in reversed(EPOC))
    matrix = interpolation_matrix(_recorded(upper), _recorded(EPOC))
    np.testing.assert_array_equal(matrix, np.eye(14)[::-1])
    matrix = interpolation_matrix(_recorded(INSIGHT), _recorded(EPOC))
    for name in ("AF3", "AF4", "T7", "T8"):
        np.testing.assert_array_equal(matrix[EPOC.index(name)], np.eye(5)[INSIGHT.index(name)])
    # A level common to all channels, such as that of the reference, stays what it is.
    np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-6)
    assert _mapping(_recorded(INSIGHT), _recorded(EPOC)).interpolated == [n for n in EPOC if n not in INSIGHT]


def test_one_electrode_stands_for_all() -> None:
    mapping = _mapping(_recorded(("FP1",)), _recorded(EPOC))
    np.testing.assert_allclose(mapping.matrix, np.ones((14, 1)), atol=1e-6)


def test_a_smooth_potential_is_found_between_the_electrodes() -> None:
    cap = MNIST_8B["mnist8b"].channels
    kept = tuple(name for name in cap if name not in ("C3", "Pz", "POz", "FCz", "P3"))
    places = {name: np.array(place) - (0, 0, 0.04) for name, place in _recorded(cap).positions.items()}

    def potential(names: tuple[str, ...]) -> np.ndarray:
        units = np.stack([places[name] / np.linalg.norm(places[name]) for name in names])
        return units @ (3.0, -2.0, 1.0) + 2 * units[:, 0] * units[:, 2]

    found = interpolation_matrix(_recorded(kept), _recorded(cap)) @ potential(kept)
    np.testing.assert_allclose(found, potential(cap), atol=0.02)


@pytest.mark.parametrize("rates", [(220.0, 128.0), (128.0, 512.0), (250.0, 100.0)])
def test_a_wave_of_10_hz_keeps_its_phase(rates: tuple[float, float]) -> None:
    before, after = rates
    wave = np.sin(2 * np.pi * 10 * np.arange(round(2 * before)) / before)[None, None]
    recorded, wanted = (_recorded(("Cz",), rate, round(2 * rate)) for rate in rates)
    found = _mapping(recorded, wanted).transform(4200 + np.asarray(wave, dtype=np.float32))
    expected = np.sin(2 * np.pi * 10 * np.arange(round(2 * after)) / after)
    middle = slice(round(0.2 * after), round(1.8 * after))
    np.testing.assert_allclose(found[0, 0, middle], expected[middle], atol=0.02)
    assert found.dtype == np.float32


def test_times_are_aligned_by_their_distance_from_the_event() -> None:
    times = np.arange(300) / 128 - 0.5
    pulse = np.exp(-0.5 * ((times - 0.3) / 0.02) ** 2)[None, None]
    mapping = _mapping(_recorded(("Cz",), 128.0, 300, -0.5), _recorded(("Cz",), 256.0, 400, -0.125))
    found = mapping.transform(pulse)[0, 0]
    assert found.argmax() / 256 - 0.125 == pytest.approx(0.3, abs=1 / 256)


def test_what_is_missing_at_the_ends_draws_no_cliff() -> None:
    rng = np.random.default_rng(0)
    signals = 4200 + np.cumsum(rng.standard_normal((20, 1, 200)), axis=-1)
    mapping = _mapping(_recorded(("Cz",), 128.0, 200, 0.0), _recorded(("Cz",), 128.0, 400, -0.5))
    found = mapping.transform(signals)
    steps = np.abs(np.diff(found, axis=-1))
    inside = np.abs(np.diff(signals, axis=-1)).max()
    assert steps.max() <= inside + 1e-3
    np.testing.assert_allclose(found[..., [0, -1]], 0, atol=1e-6)
    np.testing.assert_allclose(found[..., 64:264], signals - np.median(signals, axis=-1, keepdims=True), atol=1e-3)


def test_trials_are_mapped_one_by_one_and_come_back_from_their_description() -> None:
    signals = np.random.default_rng(0).standard_normal((1100, 5, 256)).astype(np.float32)
    mapping = _mapping(_recorded(INSIGHT), _recorded(EPOC, 100.0, 180))
    whole = mapping.transform(signals)
    np.testing.assert_array_equal(mapping.transform(signals[700:703]), whole[700:703])
    again = ChannelMapping.restored(mapping.matrix, mapping.about())
    assert again.wanted == mapping.wanted
    np.testing.assert_array_equal(again.transform(signals[:3]), whole[:3])


def test_what_is_recorded_is_read_from_trials() -> None:
    trials = Trials.from_arrays(np.zeros((2, 2, 50)), [0, 1], 64.0, ["Cz", "own"], tmin=-0.25)
    recorded = Recorded.of(trials)
    assert (recorded.channels, recorded.sfreq, recorded.n_times, recorded.tmin) == (("Cz", "own"), 64.0, 50, -0.25)
    assert list(recorded.positions) == ["Cz"]


@pytest.mark.parametrize(
    ("channels", "wanted", "message"),
    [
        (("one", "two"), EPOC, "the channel AF3, .* the place of every one of theirs on the head is not known"),
        (INSIGHT, ("AF3", "mine"), "the channel mine, .* the place of it on the head is not known"),
    ],
)
def test_a_channel_without_a_place_cannot_be_interpolated(
    channels: tuple[str, ...], wanted: tuple[str, ...], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        _mapping(_recorded(channels), _recorded(wanted))
    # By name it can be had, wherever it is.
    assert interpolation_matrix(_recorded(("mine",)), _recorded(("MINE",))).tolist() == [[1]]


def test_stretches_of_time_that_do_not_meet_are_said() -> None:
    with pytest.raises(UserError, match="hold -3 to -1 s around the event, the decoder looks from 0 s for 2 s"):
        _mapping(_recorded(EPOC, tmin=-3.0), _recorded(EPOC))
