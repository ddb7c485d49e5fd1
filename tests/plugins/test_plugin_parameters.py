"""What a plug-in shows becomes a range in its own unit; values and places map onto each other, both ways."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.params import ParamSpec
from engine.plugins.description import describe_params, parameter_name


class Knob(msgspec.Struct, kw_only=True):
    """A parameter as Pedalboard has it."""

    name: str
    shows: Callable[[float], str]
    label: str = ""
    default_raw_value: float = 0.0
    num_steps: int = 2**31 - 1
    is_automatable: bool = True

    def get_text_for_raw_value(self, raw_value: float) -> str:
        return self.shows(raw_value)


def one(knob: Knob) -> tuple[ParamSpec, tuple[str, ...]]:
    (param,) = describe_params([knob])
    return param.spec, param.choices


def test_a_straight_range_is_in_its_unit() -> None:
    spec, _ = one(Knob(name="Gain", label="dB", shows=lambda raw: f"{-60 + 84 * raw:.3f}", default_raw_value=60 / 84))
    assert (spec.low, spec.high, spec.default, spec.unit, spec.taper) == (-60.0, 24.0, 0.0, "dB", "linear")


def test_a_bent_range_keeps_its_bend() -> None:
    spec, _ = one(Knob(name="Cutoff", label="Hz", shows=lambda raw: f"{20 * 1000**raw:.1f} Hz"))
    assert spec.taper == "points"
    for raw in (0.0, 0.1, 0.5, 0.93, 1.0):
        assert spec.from_norm(raw) == pytest.approx(20 * 1000**raw, rel=0.01)
        assert spec.to_norm(20 * 1000**raw) == pytest.approx(raw, abs=0.01)


def test_a_falling_range_and_thousands_are_read() -> None:
    spec, _ = one(Knob(name="Time", shows=lambda raw: "2 kHz" if raw > 0.99 else f"{3000 - 1000 * raw:.0f} Hz"))
    assert (spec.low, spec.high) == (2000.0, 3000.0)
    assert spec.to_norm(2500.0) == pytest.approx(0.5)


def test_choices_count_from_0() -> None:
    words = ("Room", "Hall", "Plate")
    spec, choices = one(
        Knob(name="Kind", shows=lambda raw: words[min(2, int(raw * 3))], num_steps=3, default_raw_value=0.5)
    )
    assert choices == words
    assert (spec.low, spec.high, spec.default) == (0.0, 2.0, 1.0)
    assert spec.to_norm(1.0) == 0.5


def test_stairs_of_numbers_have_as_many_places() -> None:
    spec, _ = one(Knob(name="Voices", shows=lambda raw: str(1 + round(raw * 3))))
    assert [spec.from_norm(spec.to_norm(float(n))) for n in (1, 2, 3, 4)] == [1.0, 2.0, 3.0, 4.0]


def test_what_shows_nothing_useful_goes_from_0_to_1() -> None:
    spec, choices = one(
        Knob(name="Character", shows=lambda raw: "warm" if raw < 0.3 else "bright", default_raw_value=0.4)
    )
    assert (spec.low, spec.high, spec.default, choices) == (0.0, 1.0, 0.4, ())


def test_names_fit_addresses_and_differ() -> None:
    knobs = [Knob(name=name, shows=str) for name in ("Cut-Off", "Cut Off", "Größe", "", "MIDI CC 1|2")]
    knobs.append(Knob(name="Meter", shows=str, is_automatable=False))
    params = describe_params(knobs)
    assert [p.name for p in params] == ["cut_off", "cut_off_2", "gr_e", "param_3"]
    assert [p.index for p in params] == [0, 1, 2, 3]
    assert parameter_name("Mix", "%") == "mix_percent"


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=65, unique=True), st.booleans(), st.floats(0.0, 1.0))
def test_values_and_places_map_onto_each_other(values: list[float], falling: bool, place: float) -> None:
    points = tuple(sorted(values, reverse=falling))
    spec = ParamSpec(low=min(points), high=max(points), default=points[0], taper="points", points=points)
    value = spec.from_norm(place)
    assert spec.low <= value <= spec.high
    assert spec.from_norm(spec.to_norm(value)) == pytest.approx(value, abs=1e-6 * max(1.0, spec.high - spec.low))
    assert (spec.from_norm(0.0), spec.from_norm(1.0)) == (points[0], points[-1])
