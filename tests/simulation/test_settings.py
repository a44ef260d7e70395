from typing import get_args

import pytest
from pydantic import ValidationError

from mindglyph.cli import recordings
from mindglyph.simulation.settings import SimulatedFormat, SimulationSettings
from mindglyph.simulation.writers import WRITERS


@pytest.mark.parametrize(
    ("wish", "mend"),
    [
        ({"confound": "drift", "ceiling": 0.6}, "leave the ceiling at"),
        ({"ceiling": 0.1, "picture_signal": 0.2}, "take a ceiling above 0.1"),
        ({"format": "ep", "headset": "mw"}, "give a headset with hf2022 only"),
        ({"format": "muse2", "rest": 0.1}, "give rest with one of ep, mw, mu, in"),
        ({"format": "hf2022", "rest": 0.1}, "give rest with one of ep, mw, mu, in"),
        ({"format": "imagenet", "picture_signal": 0.1}, "leave picture_signal at 0"),
        ({"events": 30, "sessions": 4}, "take 10 or more in each"),
        ({"format": "EP1"}, "'ep', 'mw'"),
    ],
)
def test_impossible_wishes_are_refused_with_the_mend(wish: dict[str, object], mend: str) -> None:
    with pytest.raises(ValidationError, match=mend):
        SimulationSettings(**wish)


def test_every_format_can_be_asked_for_and_written() -> None:
    assert set(get_args(SimulatedFormat)) == set(WRITERS)
    assert get_args(recordings.SimulatedFormat) == get_args(SimulatedFormat)
