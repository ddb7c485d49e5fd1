"""The tempo map: bars and beats to frames, without drift."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import Maker, few, seeds

from engine.errors import BadRange
from engine.story.model import Beat, TempoPoint
from engine.story.tempo import TempoMap


def test_a_waltz_at_ninety():
    tempo = TempoMap((TempoPoint(tempo_bpm=90.0, beats_per_bar=3),), 48000)
    assert [tempo.frame(1), tempo.frame(1, 2.0), tempo.frame(2), tempo.frame(2, 1.5)] == [0, 32000, 96000, 112000]


def test_a_change_counts_from_its_bar():
    tempo = TempoMap((TempoPoint(), TempoPoint(bar=3, tempo_bpm=60.0, beats_per_bar=2)), 48000)
    assert [tempo.frame(3), tempo.frame(3, 2.0), tempo.frame(4)] == [192000, 240000, 288000]


@pytest.mark.parametrize("bpm", [133.7, 119.999, 10.0, 400.0])
def test_a_million_bars_do_not_drift(bpm):
    exact = 999_999 * 4 * 60 * 44100 / Fraction(str(bpm))
    assert abs(TempoMap((TempoPoint(tempo_bpm=bpm),), 44100).frame(1_000_000) - exact) <= Fraction(1, 2)


@few(150)
@given(seeds(), st.integers(0, 10**8))
def test_a_frame_survives_as_bar_and_beat(seed, frame):
    tempo = TempoMap(Maker(seed).tempos(), 48000)
    place = tempo.position(frame)
    assert tempo.frame(place.bar, place.beat) == frame


def test_bars_and_beats_are_counted_from_one():
    tempo = TempoMap((), 48000)
    assert tempo.position(0) == Beat(bar=1)
    for bar, beat in ((0, 1.0), (1, 0.5)):
        with pytest.raises(BadRange, match="counted from 1"):
            tempo.frame(bar, beat)
    with pytest.raises(BadRange, match="before the start"):
        tempo.position(-1)
