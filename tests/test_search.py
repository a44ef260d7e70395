from typing import Annotated

import pytest

from mindglyph.decoders.registry import DECODERS, decoder_settings
from mindglyph.preprocessing import PreprocessingSettings
from mindglyph.search import Between, EachOf, OneOf, WholeBetween, space, under, value_at, with_values
from mindglyph.settings import Settings


class _Inner(Settings):
    rate: Annotated[float, Between(0.1, 10.0, log=True)] = 1.0
    name: str = "plain"


class _Outer(Settings):
    units: Annotated[tuple[int, ...], EachOf(WholeBetween(1, 9))] = (2, 3)
    kind: Annotated[str | None, OneOf("a", None)] = None
    inner: _Inner = _Inner()


@pytest.mark.parametrize("name", [*DECODERS, "zoo:EEGNet"])
def test_every_default_lies_within_its_range(name: str) -> None:
    settings = decoder_settings(name)
    values = settings.model_dump(mode="json")
    outside = {path: value_at(values, path) for path, where in space(settings).items()}
    outside = {path: value for path, value in outside.items() if not space(settings)[path].holds(value)}
    assert outside == {}
    assert bool(space(settings)) == (name != "chance")


def test_the_preprocessing_begins_within_its_ranges_and_no_two_of_them_cross() -> None:
    found = space(PreprocessingSettings())
    values = PreprocessingSettings().model_dump()
    assert all(where.holds(values[path]) for path, where in found.items())
    assert found["highpass"].high < found["lowpass"].low
    for decoder in ("lda", "evoked"):
        edges = space(decoder_settings(decoder))
        assert edges["start"].high < edges["stop"].low


def test_both_ends_of_each_range_are_settings_that_there_are() -> None:
    for name in [*DECODERS, "zoo:EEGNet"]:
        settings = decoder_settings(name)
        for path, where in space(settings).items():
            for end in where.values if isinstance(where, OneOf) else (where.low, where.high):
                values = with_values(settings.model_dump(mode="json"), {path: end})
                found = decoder_settings(name, values).model_dump(mode="json")
                assert value_at(found, path) == end, (name, path)


def test_ranges_are_found_within_settings_and_lists() -> None:
    found = space(_Outer(units=(1, 2, 3)), "x.")
    assert list(found) == ["x.units.0", "x.units.1", "x.units.2", "x.kind", "x.inner.rate"]
    assert found["x.inner.rate"] == Between(0.1, 10.0, log=True)


def test_values_are_put_where_they_belong_and_nothing_else_changes() -> None:
    before = _Outer().model_dump(mode="json")
    after = with_values(before, {"units.1": 7, "inner.rate": 2.0, "kind": "a"})
    assert after == {"units": [2, 7], "kind": "a", "inner": {"rate": 2.0, "name": "plain"}}
    assert before == _Outer().model_dump(mode="json")


def test_what_lies_outside_is_told_from_what_lies_within() -> None:
    assert WholeBetween(1, 3).holds(3)
    assert not WholeBetween(1, 3).holds(4)
    assert not WholeBetween(1, 3).holds(2.0)
    assert Between(0.0, 1.0).holds(0)
    assert not Between(0.0, 1.0).holds("0.5")
    assert OneOf(None, 1).holds(None)
    assert under("filters.0", "filters")
    assert not under("filters2", "filters")
