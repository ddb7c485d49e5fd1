"""Where clips lie in time."""

import pytest
from hypothesis import given
from msgspec.structs import replace
from stories import Maker, few, seeds

from engine.errors import StoryError
from engine.story.model import After, At, Beat, Clip, Marker, Story, Track
from engine.story.tempo import TempoMap
from engine.story.timeline import find_cycles, marker_frames, overlaps, place, story_end_frame


def clip(clip_id, start, **fields):
    return Clip(id=clip_id, start=start, audio="a.wav", **fields)


def story(*lanes):
    return Story(title="T", tracks=tuple(Track(id=f"t{i}", clips=lane) for i, lane in enumerate(lanes)))


def frames(placed):
    return {p.clip.id: (p.start_frame, p.length_frames) for p in placed}


def test_a_chain_with_gaps_across_tracks():
    tale = story(
        (clip("a", At(frame=10)), clip("b", After(gap_frames=5))),
        (clip("c", After(clip="b", gap_frames=-20)), clip("d", Beat(bar=2)), clip("e", After())),
    )
    lengths = {"a": 100, "b": 50, "c": 7, "d": 1, "e": 3}
    placed = place(tale, lengths)
    assert frames(placed) == {"a": (10, 100), "b": (115, 50), "c": (145, 7), "d": (96000, 1), "e": (96001, 3)}
    assert [p.start_frame for p in placed] == sorted(p.start_frame for p in placed)
    assert story_end_frame(placed) == 96004


@pytest.mark.parametrize(
    ("cut", "length", "left"), [(0, None, 100), (30, None, 70), (30, 20, 20), (90, 20, 10), (200, 5, 0)]
)
def test_trims_leave_what_the_source_has(cut, length, left):
    tale = story((clip("a", At(frame=0), trim_start_frames=cut, length_frames=length), clip("b", After())))
    assert frames(place(tale, {"a": 100, "b": 1})) == {"a": (0, left), "b": (left, 1)}


def test_missing_lengths_and_early_starts_are_named():
    with pytest.raises(StoryError, match="not known yet: a"):
        place(story((clip("a", At(frame=0)),)), {})
    with pytest.raises(StoryError, match="clip 'b' would start at frame -4: before"):
        place(story((clip("a", At(frame=0)), clip("b", After(gap_frames=-5)))), {"a": 1, "b": 1})


def test_rings_are_found():
    tale = story((clip("a", After(clip="c")), clip("b", After())), (clip("c", After(clip="b")),))
    assert find_cycles({"a": "c", "b": "a", "c": "b", "d": None}) == (("a", "c", "b"),)
    with pytest.raises(StoryError, match="wait for one another: a after c after b after a"):
        place(tale, {})


def test_markers_and_overlaps():
    tale = replace(
        story((clip("a", At(frame=0)), clip("b", At(frame=50)), clip("c", At(frame=60)))),
        markers=(Marker(id="m", at=After(clip="a", gap_frames=7)), Marker(id="n", at=Beat(bar=1, beat=2.0))),
    )
    placed = place(tale, {"a": 100, "b": 1, "c": 1})
    assert marker_frames(tale, placed) == {"m": 107, "n": 24000}
    assert [(x.clip.id, y.clip.id) for x, y in overlaps(placed)] == [("a", "b"), ("a", "c")]


@few(100)
@given(seeds())
def test_placing_equals_a_plain_reference(seed):
    maker = Maker(seed)
    tale = maker.story()
    lengths = {name: maker.frames(20 * maker.rate) for name in tale.clips()}
    above = {c.id: b.id if b else None for t in tale.tracks for b, c in zip((None, *t.clips), t.clips, strict=False)}
    tempo = TempoMap(tale.tempo, tale.sample_rate)

    def span(name):
        one = tale.clips()[name][1]
        match one.start:
            case At(frame=frame):
                start = frame
            case Beat(bar=bar, beat=beat):
                start = tempo.frame(bar, beat)
            case After(clip=after, gap_frames=gap):
                before = after or above[name]
                start = gap + (sum(span(before)) if before else 0)
        rest = max(0, lengths[name] - one.trim_start_frames)
        return start, rest if one.length_frames is None else min(rest, one.length_frames)

    wanted = {name: span(name) for name in tale.clips()}
    if any(start < 0 for start, _ in wanted.values()):
        with pytest.raises(StoryError, match="before the start"):
            place(tale, lengths)
    else:
        assert frames(place(tale, lengths)) == wanted
