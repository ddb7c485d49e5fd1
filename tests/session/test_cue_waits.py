"""Waits and follow-ons against a real mixer and a clock in the test's hand: every start on its frame."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from engine.commands import Command, GoCue, Panic, PauseAll, PauseCue, ResumeAll, ResumeCue, StopCue
from engine.errors import NotReady
from engine.events import CueChanged, CueEnded, CueStarted, Event
from engine.mixer.graph import compile_graph
from engine.mixer.mixer import Mixer
from engine.realtime.notes import Notes
from engine.realtime.records import RECORD, Kind, Report
from engine.session.library import Loaded
from engine.session.memory import Memory
from engine.session.session import Session
from engine.story.model import At, Clip, Cue, FireCues, Follow, Line, Master, PlayClip, Story, Track
from tests.session.studio import HandLoader, Studio, small_story

RATE = 48000
FADE = 240


class Step(NamedTuple):
    """A cue: its waits, what follows, how long it sounds."""

    pre: int
    post: int
    follow: Follow
    frames: int


def story_of(steps: Iterable[Step], *groups: Cue) -> Story:
    clips, cues = [], []
    for number, step in enumerate(steps, 1):
        line = Line(text=f"line {number}", voice="narrator")
        clips.append(Clip(id=f"c{number}", start=At(frame=0), line=line, length_frames=step.frames))
        cues.append(
            Cue(
                id=str(number),
                target=PlayClip(clip=f"c{number}"),
                pre_wait_frames=step.pre,
                post_wait_frames=step.post,
                follow=step.follow,
            )
        )
    track = Track(id="a", voice="narrator", clips=tuple(clips))
    return Story(title="waits", tracks=(track,), cues=(*cues, *groups), master=Master(limiter_db=None))


class Show:
    """A session whose stage is a mixer; ``until`` lets the time pass in uneven blocks."""

    def __init__(self, story: Story, blocks: Iterator[int]) -> None:
        self.arena = np.full(1_000_000, 0.01, np.float32)
        self.mixer = Mixer(compile_graph(story), sample_rate=RATE, arena=self.arena)
        self.told: list[Event] = []
        self.begun: list[tuple[int, int]] = []
        """Every player: when it began, and its number."""
        self.blocks = blocks
        self.story, self.notes = story, Notes()
        self.begin()
        self.told.clear()

    def begin(self) -> None:
        """Have a session go on from what the one before has noted, if there was one."""
        loader = HandLoader()
        self.session = Session(self.story, self, loader, soon=lambda: self.mixer.frame, notes=self.notes)
        self.session.listen(self.told.extend)
        memory = Memory(self.session, self.notes)
        memory.recall()
        self.session.context.scribes.append(memory.hear)
        self.session.open()
        for source, _ in tuple(loader.asked):
            self.session.loaded(source, Loaded(offset=0, frames=1_000_000, channels=1, digest=""))
        self.session.publish()

    def die(self, frames: int) -> None:
        """Lose the session in the middle of it all; another one is there so many frames later."""
        reports = []
        for start in range(0, frames, 480):
            self.mixer.process(min(480, frames - start))
            reports.append(self.mixer.take_reports().copy())
        self.begin()
        for heard in reports:
            self.session.hear(heard)
        self.session.advance()

    def push(self, records: np.ndarray) -> int:
        self.mixer.dispatch(records.astype(RECORD))  # numpy packs what it joins; the ring unpacks it
        return len(records)

    def publish(self, entries: np.ndarray) -> int:
        return 1

    def automate(self, moves: np.ndarray) -> None:
        """No story here moves anything."""

    def do(self, command: Command, at_frame: int | None = None) -> None:
        self.session.apply(command, at_frame)

    def until(self, frame: int) -> None:
        while self.mixer.frame < frame:
            self.mixer.process(min(next(self.blocks), frame - self.mixer.frame))
            reports = self.mixer.take_reports()
            self.begun.extend(
                (int(r["actual_frame"]), int(r["player"])) for r in reports[reports["kind"] == Report.STARTED]
            )
            self.session.hear(reports)
            self.session.advance()

    def starts(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for event in self.told:
            if isinstance(event, CueStarted):
                found.setdefault(event.cue, []).append(event.actual_frame)
        return found


def steady() -> Iterator[int]:
    while True:
        yield 480


def expected(steps: list[Step], fired: int, pause: tuple[int, int] | None) -> list[int]:
    """Return every start, by counting: the plain rules, written down a second time."""
    held, back = pause or (1 << 60, 1 << 60)

    def wait(begin: int, frames: int) -> int:
        return begin + frames + (back - held if begin <= held < begin + frames else 0)

    starts = []
    for step in steps:
        start = wait(fired, step.pre)
        starts.append(start)
        if step.follow == "continue":
            fired = wait(start, step.post)
        elif step.follow == "end":
            end = start + step.frames
            if start <= held and end > held + FADE:
                fired = wait(end + max(0, back - held - FADE), step.post)
            elif start <= held < end:
                fired = end + step.post + back - held
            else:
                fired = wait(end, step.post)
        else:
            break
    return starts


WAITS = st.integers(0, 20_000)
STEPS = st.lists(
    st.builds(Step, WAITS, WAITS, st.sampled_from(["continue", "end"]), st.integers(500, 20_000)),
    min_size=1,
    max_size=5,
)


@settings(deadline=None, max_examples=25, derandomize=True, phases=(Phase.generate,))
@given(
    STEPS,
    st.lists(st.sampled_from([333, 480, 1024, 2048]), min_size=1, max_size=4),
    st.none() | st.tuples(st.integers(0, 80_000), st.integers(0, 40_000)),
    st.integers(0, 5_000),
)
def test_every_cue_of_a_chain_starts_on_its_frame(
    steps: list[Step], blocks: list[int], pause: tuple[int, int] | None, fired: int
) -> None:
    endless = (blocks[i % len(blocks)] for i in range(1 << 60))
    show = Show(story_of(steps), endless)
    show.do(GoCue(), fired)
    held = None
    if pause is not None:
        held = (fired + pause[0], fired + sum(pause))
        show.until(held[0])
        show.do(PauseAll())
        show.until(held[1])
        show.do(ResumeAll())
    wanted = expected(steps, fired, held)
    show.until(max(wanted) + 5_000)
    heard = {cue: starts[0] for cue, starts in show.starts().items()}
    assert heard == {str(n): frame for n, frame in enumerate(wanted, 1)}
    assert all(len(starts) == 1 for starts in show.starts().values())


def test_a_pre_wait_counts_from_go_and_is_told() -> None:
    show = Show(story_of([Step(9_600, 0, "none", 4_800)]), steady())
    show.until(1_000)
    show.do(GoCue())
    assert show.told[-1] == CueChanged(cue="1", state="waiting")
    show.until(5_000)
    assert (show.session.cues.state("1"), show.session.cues.times("1", None)) == ("waiting", (-5_600, 4_800, 4_800))
    show.until(12_000)
    assert show.starts() == {"1": [10_600]}
    assert show.session.cues.times("1", None)[:2] == (1_400, 3_400)
    show.until(16_000)
    assert CueEnded(cue="1") in show.told
    assert (show.session.cues.state("1"), show.session.cues.times("1", None)) == ("ready", (0, 0, 4_800))


def test_the_playhead_follows_what_follows() -> None:
    steps = [Step(0, 100, "continue", 500), Step(0, 0, "end", 500), Step(0, 0, "none", 500), Step(0, 0, "none", 500)]
    show = Show(story_of(steps), steady())
    show.do(GoCue())
    assert show.session.cues.next_cue == "2" or show.session.cues.next_cue == "4"
    show.until(5_000)
    assert show.session.cues.next_cue == "4"
    assert show.starts() == {"1": [0], "2": [100], "3": [600]}


def test_a_stop_forgets_waits_and_what_follows() -> None:
    show = Show(story_of([Step(20_000, 0, "end", 500), Step(0, 0, "none", 500)]), steady())
    show.do(GoCue())
    show.until(1_000)
    show.do(StopCue(cue="1"))
    assert show.told[-1] == CueEnded(cue="1")
    show.until(40_000)
    assert show.starts() == {}
    sounding = Show(story_of([Step(0, 0, "end", 20_000), Step(0, 0, "none", 500)]), steady())
    sounding.do(GoCue())
    sounding.until(1_000)
    sounding.do(StopCue(cue="1"))
    sounding.until(40_000)
    assert sounding.starts() == {"1": [0]}
    assert sounding.told.count(CueEnded(cue="1")) == 1


def test_one_cue_is_held_and_the_others_go_on() -> None:
    show = Show(story_of([Step(10_000, 0, "none", 500), Step(10_000, 0, "none", 500)]), steady())
    show.do(GoCue(cue="1"))
    show.do(GoCue(cue="2"))
    show.until(4_800)
    show.do(PauseCue(cue="1"))
    assert show.session.cues.state("1") == "paused"
    show.until(24_000)
    show.do(ResumeCue(cue="1"))
    show.until(48_000)
    assert show.starts() == {"2": [10_000], "1": [10_000 + 19_200]}
    with pytest.raises(NotReady, match="neither waits nor plays"):
        show.do(PauseCue(cue="1"))
    with pytest.raises(NotReady, match="not paused"):
        show.do(ResumeCue(cue="2"))


def test_a_paused_sound_waits_silently_and_goes_on() -> None:
    show = Show(story_of([Step(0, 0, "none", 20_000)]), steady())
    show.do(GoCue())
    show.until(4_800)
    show.do(PauseAll())
    show.until(9_600)
    assert not show.mixer.process(480).any()
    with pytest.raises(NotReady, match="paused already"):
        show.do(PauseAll())
    show.do(ResumeAll())
    show.until(12_000)
    assert show.mixer.process(480).any()
    with pytest.raises(NotReady, match="nothing is paused"):
        show.do(ResumeAll())


def test_panic_forgets_everything_that_waits() -> None:
    steps = [Step(10_000, 0, "none", 500), Step(0, 20_000, "continue", 500), Step(0, 0, "none", 500)]
    show = Show(story_of(steps), steady())
    show.do(GoCue(cue="1"))
    show.do(GoCue(cue="2"))
    show.until(2_000)
    show.do(Panic(fade_seconds=0.1))
    show.until(60_000)
    assert show.starts() == {"2": [0]}


def test_a_group_fires_its_cues_together_and_go_passes_over_them() -> None:
    group = Cue(id="all", target=FireCues(cues=("1", "2")), follow="end", post_wait_frames=100)
    after = Cue(id="last", target=PlayClip(clip="c1"))
    show = Show(story_of([Step(0, 0, "none", 3_000), Step(2_000, 0, "none", 4_000)], group, after), steady())
    assert show.session.cues.next_cue == "all"
    show.do(GoCue(), 480)
    assert show.session.cues.next_cue == "last"
    show.until(2_400)
    assert show.session.cues.state("all") == "playing"
    show.until(20_000)
    assert show.starts() == {"all": [480], "1": [480], "2": [2_480], "last": [6_580]}
    assert show.told.count(CueEnded(cue="all")) == 1


def cold_group() -> Studio:
    """Return a studio where a group was fired that something follows; the line of one of its cues is being made."""
    story = small_story()
    group = Cue(id="all", target=FireCues(cues=("1", "2")), follow="end", post_wait_frames=100)
    last = Cue(id="last", target=PlayClip(clip="boo"))
    studio = Studio(replace(story, cues=(*story.cues[:2], group, last)), load=False)
    for source in (story.tracks[0].clips[0].line, story.tracks[1].clips[0].line):
        assert source is not None
        studio.deliver(source)
    studio.loader.room_floats = 48_000
    studio.do(GoCue(cue="all"), 0)
    return studio


def test_what_follows_a_group_is_fired_when_a_cue_that_is_being_made_has_ended() -> None:
    studio = cold_group()
    short, making = (order["player"] for order in studio.stage.take(Kind.START_PLAYER))
    for player in (short, making):
        studio.session.advance()
        assert not studio.stage.orders
        studio.report(Report.ENDED, player=player)
    studio.session.advance()
    (order,) = studio.stage.take(Kind.START_PLAYER)
    assert order["frame"] == studio.now + 100
    assert CueEnded(cue="all") in studio.told and studio.session.cues.next_cue is None


def test_nothing_follows_a_group_that_is_stopped_while_one_of_its_cues_is_being_made() -> None:
    studio = cold_group()
    players = [order["player"] for order in studio.stage.take(Kind.START_PLAYER)]
    studio.do(StopCue(cue="all"))
    for player in players:
        studio.report(Report.ENDED, player=player)
    studio.session.advance()
    assert Kind.START_PLAYER not in studio.stage.kinds()


def test_a_group_is_stopped_and_held_as_one() -> None:
    group = Cue(id="all", target=FireCues(cues=("1", "2")))
    show = Show(story_of([Step(0, 0, "none", 9_000), Step(5_000, 0, "none", 4_000)], group), steady())
    show.do(GoCue())
    show.until(1_000)
    show.do(PauseCue(cue="all"))
    show.until(11_000)
    show.do(ResumeCue(cue="all"))
    show.until(15_500)
    assert show.starts()["2"] == [15_000]
    show.do(StopCue(cue="all"))
    show.until(40_000)
    assert [show.session.cues.state(cue) for cue in ("all", "1", "2")] == ["ready"] * 3
