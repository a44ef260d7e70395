import numpy as np
import pytest

from mindglyph.headsets import HEADSETS, IMAGENET, MNIST_8B, VISUAL_MNIST
from mindglyph.simulation.brain import RESPONSE_WINDOW, Brain, electrode_positions

ALL = {**HEADSETS, **VISUAL_MNIST, **MNIST_8B, "IMAGENET": IMAGENET}


@pytest.fixture(scope="module", params=sorted(ALL))
def brain(request: pytest.FixtureRequest) -> Brain:
    return Brain.draw(ALL[request.param], 10, np.random.default_rng(0))


def test_responses_stand_in_their_window_and_below_20_hz(brain: Brain) -> None:
    headset = brain.headset
    groups = [brain.evoked, *brain.digits, *brain.pictures]
    patterns = brain.patterns(groups, headset.n_times, latency=0.0)
    times = np.arange(headset.n_times) / headset.sfreq
    outside = (times < RESPONSE_WINDOW[0]) | (times > RESPONSE_WINDOW[1])
    assert np.abs(patterns[..., outside]).max() < 1e-12
    power = (np.abs(np.fft.rfft(patterns, axis=-1)) ** 2).sum(axis=(0, 1))
    frequencies = np.fft.rfftfreq(headset.n_times, 1 / headset.sfreq)
    assert power[frequencies > 20].sum() < 0.02 * power.sum()


def test_a_latency_shifts_the_response(brain: Brain) -> None:
    rate = brain.headset.sfreq
    early = brain.patterns(brain.digits, 400, latency=0.0)
    late = brain.patterns(brain.digits, 400, latency=10 / rate)
    # The scale is that of the response itself, whenever it comes.
    np.testing.assert_allclose(late[..., 10:], early[..., :-10], atol=1e-9)


def test_the_background_has_the_covariance_it_says(brain: Brain) -> None:
    assert np.trace(brain.spatial) == pytest.approx(len(brain.headset.channels))
    temporal = brain.temporal_covariance(256)
    np.testing.assert_allclose(np.diag(temporal), 1)
    assert np.linalg.eigvalsh(temporal).min() > 0
    assert np.linalg.eigvalsh(brain.spatial).min() > 0


def test_digits_differ_from_one_another(brain: Brain) -> None:
    patterns = brain.patterns(brain.digits, brain.headset.n_times, 0.0).reshape(10, -1)
    likeness = np.corrcoef(patterns) - np.eye(10)
    assert np.abs(likeness).max() < 0.95


def test_every_electrode_has_a_place_of_its_own(brain: Brain) -> None:
    positions = electrode_positions(brain.headset)
    np.testing.assert_allclose(np.linalg.norm(positions, axis=1), 1)
    distances = np.linalg.norm(positions[:, None] - positions, axis=2)
    assert (distances + np.eye(len(positions))).min() > 0.05


def test_the_cerebellar_electrodes_lie_below_the_parietal_ones() -> None:
    cap = VISUAL_MNIST["cap64"]
    place = dict(zip(cap.channels, electrode_positions(cap), strict=True))
    for side, cerebellar, parietal in ((-1, "CB1", "PO7"), (1, "CB2", "PO8")):
        assert place[cerebellar][2] < place[parietal][2]
        assert place[cerebellar][0] * side > 0 > place[cerebellar][1]
    assert place["Cz"][1] > place["CCPz"][1] > place["CPz"][1]


def test_a_headset_sees_of_a_head_what_another_one_sees_at_the_same_place() -> None:
    epoc, insight = (
        Brain.draw(HEADSETS[code], 10, np.random.default_rng(3), over_the_whole_head=True) for code in ("EP", "IN")
    )
    places = [HEADSETS["EP"].channels.index(name) for name in ("AF3", "AF4", "T7", "T8")]
    for one, other in zip(
        [source for group in [epoc.evoked, *epoc.digits, *epoc.pictures] for source in group],
        [source for group in [insight.evoked, *insight.digits, *insight.pictures] for source in group],
        strict=True,
    ):
        np.testing.assert_allclose(one.topography[places], other.topography[:4])
        assert (one.centre, one.width, one.frequency, one.phase) == (
            other.centre, other.width, other.frequency, other.phase
        )  # fmt: skip
        # No electrode is nearer to a source than the nearest on the whole head.
        assert np.abs(one.topography).max() <= 1.2
    own = Brain.draw(HEADSETS["IN"], 10, np.random.default_rng(3))
    assert all(np.abs(source.topography).max() == 1 for group in own.digits for source in group)
