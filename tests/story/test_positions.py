"""Positions and times: every notation, exact frames, and back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stories import RATES, few

from engine.story.model import After, At, Beat
from engine.story.positions import clock_text, frames_from, position_from, position_text, seconds_text


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("1.5", At(frame=72000)),
        ("0", At(frame=0)),
        (".25", At(frame=12000)),
        ("1e1", At(frame=480000)),
        ("0:01.500", At(frame=72000)),
        ("1:00", At(frame=2880000)),
        ("1:02:03", At(frame=3723 * 48000)),
        ("2|1", Beat(bar=2)),
        ("3 | 1.5", Beat(bar=3, beat=1.5)),
        ("after", After()),
        ("after + 0.4", After(gap_frames=19200)),
        ("after+0.4", After(gap_frames=19200)),
        ("after - 0:01", After(gap_frames=-48000)),
        ("after k1", After(clip="k1")),
        ("after k1 - 0.1", After(clip="k1", gap_frames=-4800)),
    ],
)
def test_each_notation(text, position):
    assert position_from(text, 48000) == position


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1:60", "1:2:3:4", "1:60:00", "nan", "inf", "0x10", "1_0", "2|", "|1", "after K1", "1e99", "1,5"],
)
def test_what_is_no_position(text):
    assert position_from(text, 48000) is None


@few(300)
@given(st.integers(0, 10**10), st.sampled_from(RATES))
def test_frames_survive_as_seconds_and_as_a_clock(frames, rate):
    assert frames_from(seconds_text(frames, rate), rate) == frames
    assert frames_from(clock_text(frames, rate), rate) == frames


@few(200)
@given(
    st.builds(At, frame=st.integers(-(10**9), 10**9))
    | st.builds(Beat, bar=st.integers(1, 10**6), beat=st.floats(1.0, 65.0))
    | st.builds(After, clip=st.sampled_from((None, "k-1", "9")), gap_frames=st.integers(-(10**9), 10**9)),
    st.sampled_from(RATES),
    st.sampled_from(("", "0:01", "1.5", "2|1", "after")),
)
def test_a_position_survives_its_text(position, rate, like):
    assert position_from(position_text(position, rate, like), rate) == position
