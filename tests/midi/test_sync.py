"""Following other clocks: one at a time, from the right place, and never by halves."""

import pytest
from fake_engine import RATE, FakeEngine
from msgspec.structs import replace

import engine.commands as do
from bridge.midi import mtc
from bridge.midi.chaser import Chaser, Followed
from bridge.midi.sync import Sync
from bridge.midi.timecode import from_number, from_seconds
from engine.events import ClockSourceChanged, Dropped, SyncChanged

START = 1000.0


class Stage:
    """A fake engine whose timeline runs when it is told to."""

    def __init__(self, wanted):
        self.engine = FakeEngine()
        self.told = []
        self.engine.subscribe(self.told.extend)
        self.sync = Sync(self.engine, wanted)
        self.running_from = None
        self.last = START

    def commands(self, *kinds):
        return [c for c, _ in self.engine.applied if isinstance(c, kinds)]

    def states(self):
        return [(e.source, e.state) for e in self.told if isinstance(e, SyncChanged)]

    def move(self, at):
        """Put the fake timeline where the last commands have it at a time."""
        for command, frame in self.engine.applied:
            match command:
                case do.Locate(timeline_frame=to):
                    self.running_from = (frame, to)
                case do.Play():
                    self.engine.transport = replace(self.engine.transport, playing=True)
                case do.Stop():
                    self.engine.transport = replace(self.engine.transport, playing=False)
        if self.engine.transport.playing and self.running_from and self.running_from[0] is not None:
            frame, to = self.running_from
            here = to + self.engine.clock.frame_at(at) - frame
            self.engine.transport = replace(self.engine.transport, timeline_frame=here)

    def tape(self, seconds, start_frame=250, rate=1, at=START, until=None):
        """Send quarter frames from a tape; look in between, as the wire does."""
        for n in range(int(seconds * 100)):
            when = at + n * 0.01
            place = start_frame * 4 + n
            self.sync.hear("deck", mtc.quarter_frame(from_number(place // 8 * 2, rate), place % 8), when)
            self.step(when)
        return at + int(seconds * 100) * 0.01

    def ticks(self, count, tempo=120.0, at=START):
        for n in range(count):
            when = at + n * 60 / tempo / 24
            self.sync.hear("box", b"\xf8", when)
            self.step(when)
        return at + count * 60 / tempo / 24

    def step(self, when):
        self.move(when)
        self.sync.look(when)


def test_timecode_starts_the_timeline_where_it_will_be_and_stops_it_after_the_freewheel():
    stage = Stage("mtc")
    end = stage.tape(3.0)
    (locate,) = stage.commands(do.Locate)
    (_, when) = next((c, f) for c, f in stage.engine.applied if isinstance(c, do.Locate))
    position = 10.0 + (when / RATE - stage.engine.clock.frame_at(START) / RATE)
    assert locate.timeline_frame / RATE == pytest.approx(position, abs=0.001)
    assert stage.engine.groups[-1] == [locate, do.Play()] and not stage.commands(do.Stop)
    for n in range(40):
        stage.step(end + n * 0.02)
    assert len(stage.commands(do.Stop)) == 1
    assert stage.states() == [
        ("mtc", "locking"), ("mtc", "locked"), ("mtc", "freewheel"), ("mtc", "stopped"),
    ]  # fmt: skip


def test_a_jump_of_the_tape_moves_the_timeline_once():
    stage = Stage("mtc")
    end = stage.tape(2.0)
    stage.tape(2.0, start_frame=2500, at=end)
    assert len(stage.commands(do.Locate)) == 2
    assert stage.commands(do.Locate)[1].timeline_frame / RATE == pytest.approx(100.3, abs=0.3)


def test_a_full_frame_puts_a_standing_timeline_there():
    stage = Stage("mtc")
    stage.tape(0.5)
    told = stage.sync.hear("deck", mtc.full_frame(from_seconds(42.0, 1)), START + 1)
    assert told == "timecode stands at 00:00:42:00"
    assert stage.commands(do.Locate)[-1].timeline_frame == 42 * RATE


def test_a_clock_starts_from_song_position_and_stops():
    stage = Stage("clock")
    end = stage.ticks(48)
    assert not stage.commands(do.Play), "a clock alone is only a tempo"
    stage.sync.hear("box", b"\xf2\x10\x00", end)
    assert stage.commands(do.Locate)[-1].timeline_frame == stage.engine.frame_of_beat(4.0)
    stage.sync.hear("box", b"\xfb", end)
    end = stage.ticks(48, at=end)
    assert len(stage.commands(do.Play)) == 1
    started = stage.commands(do.Locate)[-1].timeline_frame
    assert started == pytest.approx(stage.engine.frame_of_beat(4.0) + 0.05 * RATE, abs=RATE * 0.002)
    stage.sync.hear("box", b"\xfc", end)
    assert len(stage.commands(do.Stop)) == 1
    assert stage.told[-1].tempo_bpm == pytest.approx(120.0, abs=0.1)


def test_a_clock_of_another_tempo_is_not_chased_for_ever():
    stage = Stage("clock")
    stage.sync.hear("box", b"\xfa", START)
    stage.ticks(960, tempo=150.0)
    assert len(stage.commands(do.Locate)) <= 5
    assert [e.code for e in stage.told if isinstance(e, Dropped)] == ["other_speed"]


def test_with_auto_timecode_is_followed_rather_than_a_clock():
    stage = Stage("auto")
    stage.sync.hear("box", b"\xfa", START)
    end = stage.ticks(48)
    assert stage.sync.source == "clock"
    stage.tape(1.0, at=end)
    assert stage.sync.source == "mtc"


def test_a_second_port_with_timecode_is_passed_over():
    stage = Stage("mtc")
    stage.tape(1.0)
    assert stage.sync.hear("other", b"\xf1\x00", START + 1.0).startswith("passed over")


def test_internal_follows_nothing():
    stage = Stage("internal")
    stage.sync.hear("box", b"\xfa", START)
    stage.ticks(96)
    stage.tape(1.0)
    assert stage.engine.applied == []


@pytest.mark.parametrize(
    ("data", "commands"),
    [
        ("F0 7F 7F 06 02 F7", [do.Play()]),
        ("F0 7F 7F 06 01 F7", [do.Stop()]),
        ("F0 7F 7F 06 44 06 01 20 03 0A 03 00 F7", [do.Locate(timeline_frame=round(190.12 * RATE))]),
        ("F0 7F 7F 02 10 01 31 32 61 F7", [do.GoCue(cue="12a")]),
        ("F0 7F 7F 02 10 01 F7", [do.GoCue()]),
        ("F0 7F 7F 02 10 02 31 F7", [do.StopCue(cue="1")]),
        ("F0 7F 7F 02 10 08 F7", [do.Panic()]),
        ("F0 7F 7F 06 05 F7", []),
        ("F0 7E 7F 06 01 F7", []),
    ],
)
def test_machine_and_show_control_are_obeyed(data, commands):
    stage = Stage("internal")
    stage.sync.hear("desk", bytes.fromhex(data), START)
    assert [c for c, _ in stage.engine.applied] == commands


def test_a_cue_that_does_not_exist_is_told():
    stage = Stage("internal")
    assert "there is" in stage.sync.hear("desk", bytes.fromhex("F0 7F 7F 02 10 01 39 F7"), START) or stage.told
    assert isinstance(stage.told[-1], Dropped)


def test_what_is_not_running_is_not_stopped():
    engine = FakeEngine()
    chaser = Chaser(engine)
    for n in range(5):
        chaser.chase(Followed(state="stopped"), START + n)
    assert engine.applied == []


class Session:
    """A clock that has to be asked, and says what the test wants."""

    def __init__(self, **fields):
        self.now = Followed(state="stopped", **fields)

    def followed(self, at):
        return self.now

    def close(self):
        pass


def runs(beat=8.0):
    return Followed(state="locked", beat=beat, tempo_bpm=120.0, running=True)


def test_with_auto_the_first_that_runs_is_followed_and_its_end_stops_the_timeline():
    stage = Stage("auto")
    link, jack = Session(), Session(seconds=0.0, stands=True)
    stage.sync = Sync(stage.engine, "auto", {"link": link, "jack": jack})
    stage.step(START)
    assert stage.sync.source == "internal" and not stage.engine.applied
    jack.now = Followed(state="locked", seconds=3.0, running=True)
    stage.step(START + 0.1)
    link.now = runs()
    stage.step(START + 0.2)
    stage.sync.hear("box", b"\xfa", START + 0.3)
    end = stage.ticks(30, at=START + 0.3)
    end = stage.tape(0.5, at=end)
    for n in range(40):
        stage.step(end + n * 0.05)
    assert not stage.commands(do.Stop), "Link still runs"
    link.now = jack.now = Followed(state="stopped")
    stage.step(end + 3.0)
    assert len(stage.commands(do.Stop)) == 1 and stage.sync.source == "internal"
    sources = [source for source, _ in stage.states()]
    assert list(dict.fromkeys(sources)) == ["jack", "link", "clock", "mtc", "internal"]
    assert stage.states()[-1] == ("internal", "stopped")


def test_with_auto_a_timeline_that_nobody_leads_is_left_alone():
    stage = Stage("auto")
    stage.engine.transport = replace(stage.engine.transport, playing=True)
    for n in range(10):
        stage.step(START + n)
    assert not stage.engine.applied


def test_with_auto_a_clock_that_rests_moves_a_timeline_that_rests():
    stage = Stage("auto")
    jack = Session(seconds=4.0, stands=True)
    stage.sync = Sync(stage.engine, "auto", {"jack": jack})
    stage.step(START)
    assert not stage.commands(do.Locate), "where it stood before we came is no wish"
    jack.now = replace(jack.now, seconds=5.0)
    stage.step(START + 0.1)
    stage.sync.hear("box", b"\xf2\x10\x00", START + 0.2)
    stage.sync.hear("deck", mtc.full_frame(from_seconds(42.0, 1)), START + 0.3)
    found = [c.timeline_frame for c in stage.commands(do.Locate)]
    assert found == [5 * RATE, stage.engine.frame_of_beat(4.0), 42 * RATE]
    stage.engine.transport = replace(stage.engine.transport, playing=True)
    jack.now = replace(jack.now, seconds=6.0)
    stage.step(START + 0.4)
    assert len(stage.commands(do.Locate)) == 3, "who plays is not moved by who rests"


def test_another_source_is_followed_while_the_timeline_runs_on():
    stage = Stage("mtc")
    end = stage.tape(1.0)
    stage.sync.follow("internal", {}, end)
    stage.step(end + 3.0)
    assert stage.sync.source == "internal" and not stage.commands(do.Stop)
    link = Session()
    assert stage.sync.follow("link", {"link": link}, end + 3.0) == ()
    stage.step(end + 3.1)
    assert not stage.commands(do.Stop), "nobody leads it yet"
    link.now = runs()
    stage.step(end + 3.2)
    assert stage.commands(do.Locate)[-1].timeline_frame > stage.engine.frame_of_beat(8.0)
    assert stage.sync.follow("clock", {}, end + 3.3) == (link,), "asked no more"
    told = [(e.wanted, e.source, e.state) for e in stage.told if isinstance(e, ClockSourceChanged)]
    assert told[-5:] == [
        ("mtc", "mtc", "locked"), ("internal", "internal", "stopped"), ("link", "link", "stopped"),
        ("link", "link", "locked"), ("clock", "clock", "stopped"),
    ]  # fmt: skip


def test_what_is_followed_already_is_not_begun_anew():
    stage = Stage("mtc")
    end = stage.tape(1.0)
    stage.sync.follow("auto", {}, end)
    stage.step(end + 0.01)
    assert stage.sync.source == "mtc" and len(stage.commands(do.Locate)) == 1
    assert stage.sync.facts.wanted == "auto" and stage.sync.facts.priority == "mtc, clock, link, jack, internal"
