"""What we send, others can follow: our own followers are the first of them."""

import pytest
from fake_engine import RATE, FakeEngine
from msgspec.structs import replace

from bridge.midi.clock_follower import ClockFollower
from bridge.midi.mtc_follower import MtcFollower
from bridge.midi.sync_out import ClockOut, SyncOut, TimecodeOut
from engine.story.model import TempoPoint
from engine.story.tempo import bar_and_beat, beat_of_bar


class Player:
    """A timeline that plays from somewhere, told once a block, and who follows what is sent of it."""

    def __init__(self, *kinds, rate=1):
        self.engine, self.sent, self.now = FakeEngine(), [], 0.0
        self.out = SyncOut(self.engine, kinds, lambda ms: self.sent.extend((self.now, m) for m in ms), rate=rate)

    def play(self, seconds, start=0.0):
        began, end = self.now, self.now + seconds
        while self.now < end:
            frame = int((start + self.now - began) * RATE) // 256 * 256
            self.engine.transport = replace(self.engine.transport, playing=True, timeline_frame=frame)
            self.now += self.out.look(self.now)
        return start + self.now - began

    def stop(self):
        self.engine.transport = replace(self.engine.transport, playing=False)
        self.out.look(self.now)


@pytest.mark.parametrize("rate", [0, 1, 2, 3])
@pytest.mark.parametrize("start", [0.0, 59.5, 3599.0])
def test_timecode_can_be_followed(rate, start):
    player, follower = Player("mtc", rate=rate), MtcFollower()
    here = player.play(3.0, start)
    for at, message in player.sent:
        if message[0] == 0xF1:
            follower.quarter(message[1], at)
    assert follower.state(player.now) == "locked" and follower.rate == rate and follower.jumps == 0
    assert follower.position(player.now) == pytest.approx(here, abs=0.004)


@pytest.mark.parametrize("start", [0.0, 3.3])
def test_a_clock_can_be_followed(start):
    player, follower = Player("clock"), ClockFollower()
    here = player.play(3.0, start)
    first = player.sent[0][1]
    assert (first == b"\xfa") == (start == 0.0)
    for at, message in player.sent:
        match message[0]:
            case 0xFA:
                follower.start()
            case 0xFB:
                follower.resume()
            case 0xF2:
                follower.locate(message[1] | message[2] << 7)
            case 0xF8:
                follower.tick(at)
    assert follower.tempo_bpm == pytest.approx(120.0, rel=0.002)
    assert follower.beat(player.now) == pytest.approx(here * 2, abs=0.01)


def test_stopping_and_jumping_are_told():
    player = Player("clock", "mmc", "mtc")
    player.play(1.0)
    player.stop()
    kinds = [m.hex(" ") for _, m in player.sent]
    assert kinds[0] == "f0 7f 7f 06 02 f7" and "fc" in kinds and "f0 7f 7f 06 01 f7" in kinds
    player.sent.clear()
    player.play(1.0)
    player.play(1.0, 60.0)
    assert [m[0] for _, m in player.sent].count(0xFC) == 1
    assert [m for _, m in player.sent if m[0] == 0xF0 and m[3:5] == b"\x01\x01"][1][6:8] == bytes((1, 0))


def test_a_sequence_holds_its_label():
    out = TimecodeOut(1)
    out.start(0.0)
    assert [m.hex() for m in out.until(0.075)] == [f"f1{p}0" for p in range(7)] + ["f172"]
    assert [m.hex() for m in out.until(0.08)] == ["f102"]


def test_ticks_are_never_lost():
    out = ClockOut()
    out.start(0.0)
    assert len(out.until(1.0)) == 25 and len(out.until(1.0)) == 0 and len(out.until(2.0)) == 24


def test_beats_run_through_changes_of_metre():
    tempo = (TempoPoint(), TempoPoint(bar=3, beats_per_bar=3), TempoPoint(bar=5, tempo_bpm=90, beats_per_bar=5))
    for beat in (0.0, 7.5, 8.0, 13.9, 14.0, 20.25):
        bar, inside = bar_and_beat(tempo, beat)
        assert beat_of_bar(tempo, bar) + inside - 1.0 == pytest.approx(beat)
    assert bar_and_beat(tempo, 8.0) == (3, 1.0) and bar_and_beat(tempo, 14.0) == (5, 1.0)
