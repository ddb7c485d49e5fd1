"""A session that is gone: the one after it goes on with what was fired, to the frame where that can be."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.commands import GoCue, PauseAll, PauseCue, Play, ResumeAll, ResumeCue, SetSlotCold, StandBy
from engine.events import CueEnded, MessageDue
from engine.story.messages import SendController
from engine.story.model import At, Cue, FireCues, Marker, PlayClip, PlaySection, SendMessages, Slot
from tests.session.test_cue_waits import STEPS, Show, Step, expected, steady, story_of


@settings(deadline=None, max_examples=25, derandomize=True, phases=(Phase.generate,))
@given(STEPS, st.lists(st.integers(0, 60_000), min_size=1, max_size=4, unique=True), st.integers(0, 5_000))
def test_a_chain_goes_on_to_the_frame_however_often_the_session_dies(
    steps: list[Step], deaths: list[int], fired: int
) -> None:
    show = Show(story_of(steps), steady())
    show.do(GoCue(), fired)
    for frame in sorted(deaths):
        show.until(frame)
        show.die(0)
    wanted = expected(steps, fired, None)
    show.until(max(wanted) + 30_000)
    assert show.starts() == {str(n): [frame] for n, frame in enumerate(wanted, 1)}
    ended = [event.cue for event in show.told if isinstance(event, CueEnded)]
    assert sorted(ended) == [str(n) for n in range(1, len(wanted) + 1)]


def test_what_comes_due_while_nobody_is_there_is_late_and_what_follows_keeps_its_distance() -> None:
    show = Show(story_of([Step(20_000, 4_800, "continue", 500), Step(0, 0, "none", 500)]), steady())
    show.do(GoCue(), 0)
    show.until(4_800)
    show.die(48_000)
    show.until(100_000)
    assert show.starts() == {"1": [52_800], "2": [57_600]}


def test_what_was_handed_over_plays_and_ends_meanwhile_and_is_followed() -> None:
    show = Show(story_of([Step(0, 9_600, "end", 4_800), Step(0, 0, "none", 500)]), steady())
    show.do(GoCue(), 480)
    show.until(2_400)
    show.die(9_600)
    assert show.session.cues.state("1") == "ready" and CueEnded(cue="1") in show.told
    show.until(40_000)
    assert show.starts() == {"1": [480], "2": [480 + 4_800 + 9_600]}


def test_a_pause_outlives_a_session() -> None:
    show = Show(story_of([Step(20_000, 0, "none", 500), Step(20_000, 0, "none", 500)]), steady())
    show.do(GoCue(cue="1"), 0)
    show.do(GoCue(cue="2"), 0)
    show.do(PauseCue(cue="2"), 4_800)
    show.until(9_600)
    show.do(PauseAll(), 9_600)
    show.die(4_800)
    assert show.session.cues.state("1") == show.session.cues.state("2") == "paused"
    show.do(ResumeAll(), 19_200)
    show.until(60_000)
    assert show.starts()["1"] == [29_600]
    with pytest.raises(Exception, match="not paused"):
        show.do(ResumeCue(cue="2"))


def test_groups_sections_and_playheads_outlive_a_session() -> None:
    group = Cue(id="all", target=FireCues(cues=("1", "2")), follow="end")
    last = Cue(id="last", target=PlayClip(clip="c1"))
    show = Show(story_of([Step(0, 0, "none", 3_000), Step(9_600, 0, "none", 4_000)], group, last), steady())
    show.do(StandBy(cue="all"))
    show.do(GoCue(), 480)
    show.until(2_400)
    show.die(480)
    assert (show.session.cues.state("all"), show.session.cues.next_cue) == ("playing", "last")
    show.until(60_000)
    assert show.starts() == {"all": [480], "1": [480], "2": [10_080], "last": [14_080]}


def test_what_the_timeline_passed_meanwhile_is_fired_once() -> None:
    story = story_of([Step(0, 0, "none", 500)])
    cues = tuple(
        Cue(id=name, target=PlayClip(clip="c1"), at=At(frame=frame))
        for name, frame in (("early", 4_800), ("gone", 14_400), ("later", 48_000))
    )
    show = Show(replaced(story, cues=cues), steady())
    show.do(Play(), 0)
    show.until(9_600)
    show.die(9_600)
    show.until(96_000)
    starts = show.starts()
    assert (starts["early"], starts["later"], len(starts["gone"])) == ([4_800], [48_000], 1)


def test_a_pads_policy_and_bank_outlive_a_session() -> None:
    slots = tuple(Slot(bank=bank, index=1, target=PlayClip(clip="c1")) for bank in ("a", "b"))
    show = Show(replaced(story_of([Step(0, 0, "none", 500)]), slots=slots), steady())
    show.do(SetSlotCold(bank="b", index=1, cold="skip"))
    show.session.prefetch.select("b")
    show.do(SetSlotCold(bank="a", index=1, cold="wait"))
    show.die(480)
    assert show.session.cold.policy(show.session.slots.slot("b", 1)) == "skip"
    assert show.session.prefetch.bank == "b"


def test_a_section_that_runs_ends_where_it_should() -> None:
    story = replaced(
        story_of([Step(0, 0, "none", 500)]),
        markers=(Marker(id="begin", at=At(frame=0)), Marker(id="end", at=At(frame=24_000))),
        cues=(
            Cue(id="s", target=PlaySection(from_marker="begin", to_marker="end"), follow="end"),
            Cue(id="1", target=PlayClip(clip="c1")),
        ),
    )
    show = Show(story, steady())
    show.do(GoCue(cue="s"), 480)
    show.until(4_800)
    show.die(480)
    show.until(60_000)
    assert show.starts()["1"] == [24_480]


def replaced(story, **fields):  # type: ignore[no-untyped-def]
    from msgspec.structs import replace

    return replace(story, **fields)


@settings(deadline=None, max_examples=15, derandomize=True, phases=(Phase.generate,))
@given(st.lists(st.tuples(st.integers(0, 60_000), st.sampled_from((0, 480, 9_600))), min_size=1, max_size=3))
def test_messages_keep_frame_and_number_however_often_the_session_dies(deaths: list[tuple[int, int]]) -> None:
    messages = tuple(SendController(number=n, after_frames=2_400 * n) for n in range(20))
    cue = Cue(id="s", target=SendMessages(messages=messages), at=At(frame=9_600))
    show = Show(replaced(story_of([Step(0, 0, "none", 500)]), cues=(cue,)), steady())
    show.do(Play(), 0)
    for frame, away in sorted(deaths):
        show.until(frame)
        show.die(away)
    show.until(90_000)
    told = [event for event in show.told if isinstance(event, MessageDue)]
    by_number = {due.number: (due.frame, due.message) for due in told}
    start = show.starts()["s"][0]
    assert by_number == {n + 1: (start + 2_400 * n, message) for n, message in enumerate(messages)}
    assert {(due.number, due.frame) for due in told} == {(n, frame) for n, (frame, _) in by_number.items()}
    assert len(show.starts()["s"]) == 1
