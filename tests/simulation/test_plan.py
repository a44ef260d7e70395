import numpy as np
import pytest

from mindglyph.errors import UserError
from mindglyph.simulation.plan import NOTHING, Plan
from mindglyph.simulation.settings import SimulationSettings

LABELS = np.repeat(np.arange(10), 6)


def _plan(**settings: object) -> Plan:
    rngs = (np.random.default_rng(seed) for seed in (1, 2))
    return Plan.draw(SimulationSettings(**settings), LABELS, *rngs)


def test_every_digit_is_shown_as_often_as_every_other_with_its_own_pictures() -> None:
    plan = _plan(events=205)
    counts = np.bincount(plan.digits, minlength=10)
    assert counts.min() == 20
    assert counts.max() == 21
    np.testing.assert_array_equal(LABELS[plan.pictures], plan.digits)
    # Six pictures of each digit: all are shown before one is shown again.
    assert np.bincount(plan.pictures, minlength=60).min() >= 3


def test_rests_are_as_many_as_asked_and_show_nothing() -> None:
    plan = _plan(events=200, rest=0.25)
    assert (plan.digits == NOTHING).sum() == (plan.pictures == NOTHING).sum() == 50
    np.testing.assert_array_equal(plan.digits == NOTHING, plan.pictures == NOTHING)
    assert len(set(np.diff(np.flatnonzero(~plan.shown)))) > 1, "they do not come at regular times"


def test_a_black_picture_follows_each_digit_where_the_format_has_pixels() -> None:
    plan = _plan(events=41, format="cap64")
    assert plan.shown[::2].all()
    assert not plan.shown[1::2].any()


def test_sessions_are_counted_and_stand_apart() -> None:
    plan = _plan(events=300, sessions=3)
    np.testing.assert_array_equal(np.unique(plan.sessions, return_counts=True), [[1, 2, 3], [100] * 3])
    borders = np.diff(plan.sessions) > 0
    assert np.diff(plan.seconds)[borders].min() > 3600
    assert np.diff(plan.seconds)[~borders].max() < 60
    assert plan.skips[1:][borders].min() > 400 > plan.skips[1:][~borders].max()
    for session in (1, 2, 3):
        chosen = plan.sessions == session
        np.testing.assert_array_equal(plan.blocks[chosen], 1 + np.arange(100) // 40)
        np.testing.assert_array_equal(plan.positions[chosen], 1 + np.arange(100) % 40)


def test_in_the_world_of_drift_digits_come_in_runs_whatever_lies_between() -> None:
    plan = _plan(events=400, format="mnist8b", confound="drift", ceiling=0.1)
    runs = plan.digits[plan.shown].reshape(-1, 20)
    assert (runs == runs[:, :1]).all()


def test_sessions_and_rests_leave_what_is_shown_as_it_was() -> None:
    plain, divided = _plan(events=200), _plan(events=200, sessions=2)
    np.testing.assert_array_equal(plain.pictures, divided.pictures)


def test_a_digit_without_a_picture_is_said() -> None:
    rngs = (np.random.default_rng(seed) for seed in (1, 2))
    with pytest.raises(UserError, match="holds no 9"):
        Plan.draw(SimulationSettings(events=100), LABELS[LABELS < 9], *rngs)
