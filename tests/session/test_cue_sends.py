"""Cues that send, and cues that stand on the timeline: each message and each start on its frame, once per pass."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from studio import Studio, small_story

from engine.commands import AddCueMessage, GoCue, Panic, PauseCue, ResumeCue, SetLoop, StopCue
from engine.errors import StoryError
from engine.events import CueEnded, CueStarted, MessageDue
from engine.realtime.records import Report
from engine.story.messages import SendController, SendNote
from engine.story.model import At, Cue, Follow, SendMessages

CHORD = SendMessages(
    messages=(
        SendNote(note=60, duration_frames=9600),
        SendNote(note=64, duration_frames=9600, after_frames=4800),
        SendController(number=7, value=1, after_frames=24_000),
    )
)


def sends(cue: str, *, follow: Follow = "none", at: int | None = None, pre_wait_frames: int = 0) -> Cue:
    moment = None if at is None else At(frame=at)
    return Cue(id=cue, target=CHORD, follow=follow, at=moment, pre_wait_frames=pre_wait_frames)


def studio(*cues: Cue) -> Studio:
    return Studio(replace(small_story(), cues=(*cues, *small_story().cues)))


def run(show: Studio, frames: Iterable[int]) -> list[tuple[int, object]]:
    """Let the time pass; return what was sent, and when: (frame, note and velocity, or cc)."""
    show.told.clear()
    for frame in frames:
        show.now = frame
        show.session.advance()
    return sent(show)


def sent(show: Studio) -> list[tuple[int, object]]:
    found: list[tuple[int, object]] = []
    for event in show.told:
        if isinstance(event, MessageDue):
            m = event.message
            found.append((event.frame, (m.note, m.velocity) if isinstance(m, SendNote) else "cc"))
    return found


ALL = [(0, (60, 100)), (4800, (64, 100)), (9600, (60, 0)), (14_400, (64, 0)), (24_000, "cc")]


@given(step=st.integers(100, 3000))
def test_messages_go_out_at_their_frames_whatever_the_pace(step: int) -> None:
    show = studio(sends("9"))
    show.session.apply(GoCue(cue="9"), 1000)
    first = sent(show)
    assert first[0] == (1000, (60, 100))
    assert first + run(show, range(0, 40_000, step)) == [(1000 + frame, what) for frame, what in ALL]
    assert [e for e in show.told if isinstance(e, CueEnded)] == [CueEnded(cue="9")]


def test_what_follows_comes_after_the_last_message() -> None:
    show = studio(sends("8", follow="end"), sends("9"))
    show.session.apply(GoCue(cue="8"), 0)
    run(show, range(0, 60_000, 480))
    assert [(e.cue, e.actual_frame) for e in show.told if isinstance(e, CueStarted)] == [("9", 24_000)]


def test_a_wait_and_a_hold_move_every_message() -> None:
    show = studio(sends("9", pre_wait_frames=48_000))
    show.session.apply(GoCue(cue="9"), 0)
    assert sent(show) == []
    assert run(show, range(0, 47_000, 480))[:1] == [(48_000, (60, 100))]
    show.session.apply(PauseCue(cue="9"), 48_500)
    assert run(show, range(48_500, 90_000, 480)) == []
    show.session.apply(ResumeCue(cue="9"), 90_500)
    later = 48_000 + 90_500 - 48_500
    assert run(show, range(90_500, 140_000, 480)) == [(later + frame, what) for frame, what in ALL[1:]]


def test_a_cue_that_is_stopped_lets_its_notes_go() -> None:
    show = studio(sends("9"))
    show.session.apply(GoCue(cue="9"), 0)
    run(show, [5000])
    show.told.clear()
    show.session.apply(StopCue(cue="9"), 6000)
    assert sent(show) == [(6000, (60, 0)), (6000, (64, 0))]
    assert run(show, range(6000, 60_000, 480)) == []


def test_panic_lets_all_notes_go_and_sends_nothing_more() -> None:
    show = studio(sends("9"))
    show.session.apply(GoCue(cue="9"), 0)
    run(show, [5000])
    show.told.clear()
    show.session.apply(Panic())
    assert sent(show) == [(5000, (60, 0)), (5000, (64, 0))]
    assert run(show, range(5000, 60_000, 480)) == []


def test_an_edit_is_kept_and_sent_from_the_next_time_on() -> None:
    show = studio(sends("9"))
    more = AddCueMessage(cue="9", message="cc: 9, after: 1")
    show.session.apply(more)
    assert show.keeper.edits == [more]
    show.session.apply(GoCue(cue="9"), 0)
    assert (48_000, "cc") in run(show, range(0, 60_000, 480))
    with pytest.raises(StoryError):
        show.session.apply(AddCueMessage(cue="1", message="cc: 9"))
    assert show.keeper.edits == [more]


class Timeline:
    """A studio whose timeline runs where the test says; the cue ``9`` stands on frame 20,000."""

    def __init__(self, *cues: Cue) -> None:
        self.show = studio(*(cues or (sends("9", at=20_000),)))

    def moved(self, timeline_frame: int, engine_frame: int, *, playing: bool = True) -> None:
        self.show.report(
            Report.TRANSPORT, value=float(playing), requested_frame=timeline_frame, actual_frame=engine_frame
        )

    def fired(self, frames: Iterable[int]) -> list[int]:
        run(self.show, frames)
        return [e.actual_frame for e in self.show.told if isinstance(e, CueStarted)]


@given(step=st.integers(200, 9000), start=st.integers(0, 20_000))
def test_a_cue_on_the_timeline_is_fired_once_and_to_the_frame(step: int, start: int) -> None:
    line = Timeline()
    line.moved(start, 100)
    assert line.fired(range(100, 60_000, step)) == [100 + 20_000 - start]


def test_a_standing_timeline_and_one_behind_the_cue_fire_nothing() -> None:
    line = Timeline()
    assert line.fired(range(0, 60_000, 480)) == []
    line.moved(20_001, 60_000)
    assert line.fired(range(60_000, 120_000, 480)) == []


def test_a_correction_forwards_fires_what_it_leaps_over_and_one_backwards_nothing_twice() -> None:
    line = Timeline()
    line.moved(0, 0)
    assert line.fired(range(0, 10_000, 480)) == []
    line.moved(25_000, 10_000)
    (fired,) = line.fired(range(10_000, 12_000, 480))
    assert 10_000 <= fired <= 12_500, "late, and not forgotten"
    line.moved(19_000, 12_000)
    assert line.fired(range(12_000, 60_000, 480)) == []


def test_another_pass_fires_it_again() -> None:
    line = Timeline()
    line.moved(0, 0)
    assert line.fired(range(0, 90_000, 480)) == [20_000]
    line.moved(0, 90_000)
    assert line.fired(range(90_000, 150_000, 480)) == [110_000]


def test_a_jump_fires_nothing_of_what_it_leaps_over() -> None:
    line = Timeline()
    line.moved(0, 0)
    line.fired(range(0, 4800, 480))
    line.moved(100_000, 4800)
    assert line.fired(range(4800, 90_000, 480)) == []


def test_a_stop_just_before_the_cue_and_on_again_fires_it_once() -> None:
    line = Timeline()
    line.moved(0, 0)
    assert line.fired(range(0, 18_000, 480)) == [20_000], "handed over a little ahead"
    line.moved(18_000, 18_000, playing=False)
    assert line.fired(range(18_000, 30_000, 480)) == []
    line.moved(18_000, 30_000)
    assert line.fired(range(30_000, 60_000, 480)) == []


def test_every_round_of_a_loop_is_a_pass() -> None:
    line = Timeline()
    line.show.session.apply(SetLoop(start_frame=10_000, end_frame=30_000))
    line.moved(0, 0)
    assert line.fired(range(0, 29_000, 480)) == [20_000]
    line.show.report(Report.LOOPED, requested_frame=10_000, actual_frame=30_000)
    assert line.fired(range(29_000, 75_000, 480)) == [40_000, 60_000]
