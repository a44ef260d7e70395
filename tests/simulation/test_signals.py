import numpy as np

from mindglyph.simulation import Pictures, SimulatedRecording, SimulationSettings


def _microvolts(pictures: Pictures, **settings: object) -> tuple[SimulatedRecording, np.ndarray]:
    recording = SimulatedRecording.draw(SimulationSettings(**settings), pictures)
    signals = np.concatenate(list(recording.signals.chunks(recording.order)))
    return recording, signals


def test_sessions_change_level_and_gain_and_nothing_else(pictures: Pictures) -> None:
    plain, before = _microvolts(pictures, format="in", events=60, ceiling=0.1)
    divided, after = _microvolts(pictures, format="in", events=60, ceiling=0.1, sessions=3)
    np.testing.assert_array_equal(before[:20], after[:20])
    assert plain.signals.ceiling == divided.signals.ceiling
    for session in (slice(20, 40), slice(40, 60)):
        for channel in range(5):
            inner, outer = (
                signals[session, channel] - signals[session, channel].mean(axis=1, keepdims=True)
                for signals in (before, after)
            )
            gain = (outer * inner).sum() / (inner**2).sum()
            np.testing.assert_allclose(outer, gain * inner, atol=1e-6)
            assert 0.6 < gain < 1.6
            assert abs(gain - 1) > 1e-3
            assert abs(np.mean(after[session, channel] - gain * before[session, channel])) > 1


def test_artifacts_spoil_only_the_trials_that_are_named(pictures: Pictures) -> None:
    _, clean = _microvolts(pictures, format="in", events=200, ceiling=0.1)
    recording, spoilt = _microvolts(pictures, format="in", events=200, ceiling=0.1, artifacts=True)
    artifacts = recording.signals.artifacts
    assert artifacts is not None
    named = (artifacts.blink + artifacts.muscle + artifacts.line > 0) | (artifacts.dead >= 0)
    np.testing.assert_array_equal((clean != spoilt).any(axis=(1, 2)), named)
    assert named.any()


def test_nothing_answers_where_nothing_was_shown(pictures: Pictures) -> None:
    recording, signals = _microvolts(pictures, format="in", events=1600, rest=0.5, ceiling=0.9)
    centred = signals - np.median(signals, axis=2, keepdims=True)
    shown = recording.plan.shown
    window = slice(int(0.15 * 128), int(0.55 * 128))
    answer = [np.abs(centred[chosen][..., window].mean(axis=0)).max() for chosen in (shown, ~shown)]
    assert answer[0] > 3 * answer[1]


def test_the_same_recording_can_be_drawn_twice(pictures: Pictures) -> None:
    settings = {"format": "in", "events": 40, "ceiling": 0.1, "artifacts": True, "sessions": 2, "rest": 0.2}
    recording, once = _microvolts(pictures, **settings)
    again = np.concatenate(list(recording.signals.chunks(recording.order)))
    np.testing.assert_array_equal(once, again)
    np.testing.assert_array_equal(once, _microvolts(pictures, **settings)[1])
