"""The server alone, with Python in the plug-in's place: whom it waits for before it mixes, and for how long."""

from __future__ import annotations

import os
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.daw.ahead import AHEAD_FRAMES
from engine.daw.layout import Flag, Refusal
from engine.daw.link import DawLink
from engine.daw.notes import NoteReader, NoteSender
from engine.daw.score import HISTORY_FRAMES
from engine.daw.server import Server
from engine.realtime.config import BOUNCE_FRAMES
from engine.realtime.memory import Segment
from engine.realtime.records import HEARD, Kind
from engine.realtime.ring import ring_bytes
from tests.signals import RATE

BLOCK = 256
LATE = 2 * BLOCK
HALF_SECONDS = 0.5 * LATE / RATE


class Desk:
    """A mixer whose every frame is its own number; its strip's is that below 0."""

    buses: tuple[str, ...] = ("one",)
    strip_ids = buses
    strip_names: tuple[str, ...] = ("",)
    latency_frames = strip_latency_frames = 0

    def __init__(self) -> None:
        self.frame = 0
        self.conducted: list[str] = []
        self.beats: list[tuple[float, int, int]] = []
        self._block = np.zeros((0, 2), np.float32)

    def render(self, out: NDArray[np.float32], unix_seconds: float, lost: bool) -> None:
        out[:] = np.arange(self.frame, self.frame + len(out), dtype=np.float32)[:, None]
        self._block = -out
        self.frame += len(out)

    def conduct(self, transport: NDArray[np.void]) -> None:
        """Note what the DAW would have."""
        self.conducted += [Kind(int(kind)).name for kind in transport["kind"]]

    def keep_time(self, tempo_bpm: float, beats_per_bar: int, begin_frame: int) -> None:
        """Note whose beats it would have."""
        self.beats.append((tempo_bpm, beats_per_bar, begin_frame))

    def live(self) -> None:
        """Live."""

    def strip_output(self, strip: int) -> NDArray[np.float32]:
        assert self.strip_ids[strip]
        return self._block


class Plugin:
    """A slot as its plug-in sees it."""

    def __init__(self, link: DawLink, number: int, *, takes_notes: bool, late: int = LATE, bus: int = 0) -> None:
        self.row = link.slots[number].row
        self.row["sample_rate"], self.row["latency_frames"], self.row["takes_notes"] = RATE, late, takes_notes
        self.row["bus"], self.row["host"] = bus, os.getpid()
        self.bus = bus
        self.row["generation"] += 1
        self.stream = int(self.row["done"])

    def note(self, offset: int, *message: int) -> None:
        row = self.row["note"][int(self.row["asked_notes"]) % len(self.row["note"])]
        row["stream"], row["size"], row["bytes"], row["generation"] = (
            self.stream + offset,
            3,
            message,
            self.row["generation"],
        )
        self.row["asked_notes"] += 1

    def ask(self, frame: int, flags: Flag = Flag.PLAYING) -> None:
        row = self.row["request"][int(self.row["asked_requests"]) % len(self.row["request"])]
        row["stream"], row["timeline_frame"], row["frames"], row["ahead_frames"] = self.stream, frame, BLOCK, 0
        row["flags"], row["generation"], row["bus"] = int(flags), self.row["generation"], self.bus
        self.stream += BLOCK
        self.row["asked_requests"] += 1

    @property
    def missing(self) -> int:
        """How many frames it has asked for and not been given."""
        return self.stream - int(self.row["done"])


class Bench:
    def __init__(self, link: DawLink) -> None:
        segment = Segment.create(ring_bytes(HEARD, 64))
        self.desk, self.control = Desk(), NoteReader(segment)
        self.server = Server(link, self.desk, self.desk.render, RATE, NoteSender(segment))

    def see_to_notes(self) -> list[int]:
        rows = self.control.read()
        frames = [frame for frame, _ in rows]
        self.control.done(len(rows))
        return frames


@pytest.fixture
def link() -> Iterator[DawLink]:
    it = DawLink(f"test-server-{os.getpid()}", RATE)
    yield it
    it.close()


def test_a_block_is_mixed_once_control_has_seen_to_its_notes(link: DawLink) -> None:
    bench, keys = Bench(link), Plugin(link, 0, takes_notes=True)
    keys.ask(0)
    assert bench.server.serve(1.0)
    keys.note(77, 0x90, 36, 100)
    keys.ask(BLOCK)
    assert not bench.server.serve(1.001)
    assert 0.0 < bench.server.waits_seconds < 0.001
    assert bench.see_to_notes() == [BLOCK + 77]
    assert bench.server.serve(1.002)
    assert (keys.missing, bench.desk.frame) == (0, 2 * BLOCK)


def test_who_wakes_nobody_is_looked_for(link: DawLink) -> None:
    bench, sound = Bench(link), Plugin(link, 0, takes_notes=False)
    sound.ask(0)
    assert bench.server.serve(1.0)
    assert not bench.server.looks
    other = Plugin(link, 1, takes_notes=False)
    other.row["looks"] = 1
    other.ask(BLOCK)
    assert bench.server.serve(1.002)
    assert bench.server.looks
    other.row["host"] = 0
    bench.server.serve(1.003)
    assert not bench.server.looks


def test_a_control_process_that_is_away_is_waited_for_once(link: DawLink) -> None:
    bench, keys = Bench(link), Plugin(link, 0, takes_notes=True)
    keys.note(1, 0x90, 36, 100)
    keys.ask(0)
    assert not bench.server.serve(1.0)
    assert bench.server.serve(1.0 + HALF_SECONDS)
    keys.note(1, 0x90, 37, 100)
    keys.ask(BLOCK)
    assert bench.server.serve(1.01)
    assert bench.see_to_notes() == [1, BLOCK + 1]


def test_who_comes_later_to_a_bounce_hears_its_bus_from_the_same_place_on(link: DawLink) -> None:
    bench, first = Bench(link), Plugin(link, 0, takes_notes=False)
    first.ask(0, Flag.PLAYING | Flag.OFFLINE)
    assert bench.server.serve(1.0)
    assert bench.desk.frame > BLOCK, "mixed ahead"
    later = Plugin(link, 1, takes_notes=False, bus=1)
    later.ask(0, Flag.PLAYING | Flag.OFFLINE)
    assert bench.server.serve(1.001)
    mix, strip = (link.slots[number].ring[:BLOCK] for number in range(2))
    assert mix[:, 0].all()
    np.testing.assert_array_equal(strip, -mix)


def test_a_bus_that_leaves_the_story_rings_out_before_it_is_gone(link: DawLink) -> None:
    bench, sound = Bench(link), Plugin(link, 0, takes_notes=False, bus=1)
    rows = link.header["bus"]["id"]
    heard = {}
    for block, (buses, strip_ids) in enumerate(
        ((("one", "two"), ("one", "two")), (("", "two"), ("one", "two")), (("", "two", "one"), ("one", "two", "one")),
         (("", "two", "one"), ("", "two", "one")))
    ):  # fmt: skip
        bench.desk.buses, bench.desk.strip_ids, bench.desk.strip_names = buses, strip_ids, ("",) * len(buses)
        sound.ask(block * BLOCK)
        assert bench.server.serve(1.0 + 0.005 * block)
        ring = link.slots[0].ring[block * BLOCK :][:BLOCK, 0]
        heard[block] = rows.tolist()[1:4], int(sound.row["refusal"]), -ring[-1]
    last = BLOCK - 1.0
    assert heard == {
        0: ([b"one", b"two", b""], Refusal.SERVED, last),
        1: ([b"one", b"two", b""], Refusal.SERVED, last + BLOCK),
        2: ([b"", b"two", b"one"], Refusal.SERVED, last + 2 * BLOCK),  # another one of its name
        3: ([b"", b"two", b"one"], Refusal.NO_BUS, 0.0),
    }


def test_buses_are_told_by_the_names_that_people_gave_them(link: DawLink) -> None:
    ids = ("captain", "sea", "two", "three", "mixed", "long", "gone")
    names = ("Der Kapitän", "", "Ghost", "Ghost", "Mix", "ü" * 40, "Gone")
    bench = Bench(link)
    bench.desk.buses, bench.desk.strip_ids, bench.desk.strip_names = (*ids[:-1], ""), (*ids[:-1], ""), names
    bench.server.idle(BLOCK, 0.0)
    rows = link.header["bus"]
    assert [row.decode() for row in rows["id"][:8]] == ["mix", *ids[:-1], ""]
    told = ["Mix", "Der Kapitän", "sea", "Ghost (two)", "Ghost (three)", "Mix (mixed)", "ü" * 31, ""]
    assert [row.decode() for row in rows["name"][:8]] == told
    said = int(link.header["names"])
    bench.desk.buses, bench.desk.strip_names = (*ids[:-1], ""), ("Captain", *names[1:])
    bench.server.idle(BLOCK, 0.0)
    assert (rows["name"][1], int(link.header["names"])) == (b"Captain", said + 1), "by another name, the same one"


def test_the_daw_s_beats_are_told_when_they_are_news(link: DawLink) -> None:
    bench, sound = Bench(link), Plugin(link, 0, takes_notes=False)
    rows = sound.row["request"]
    rows["tempo_bpm"], rows["beats_per_bar"], rows["beat_type"] = 120.0, 3.0, 4.0
    rows["bar"], rows["beat"] = 1, 0.5
    beats, bar = Flag.TEMPO | Flag.BAR, 3 * 24000
    for number, (frame, flags) in enumerate(
        ((bar + 12000, Flag.PLAYING | beats), (bar + 12000 + BLOCK, Flag.PLAYING), (bar + 36000, Flag.PLAYING | beats))
    ):
        sound.ask(frame, flags)
        assert bench.server.serve(1.0 + 0.005 * number)
    assert bench.desk.beats == [(120.0, 3, 0), (120.0, 3, 24000)]
    bench.server.rest()
    assert bench.desk.beats[-1] == (0.0, 0, 0)


@pytest.mark.parametrize("slot", [0, 1])
def test_the_story_stops_when_who_led_it_is_gone_though_another_goes_its_own_way(link: DawLink, slot: int) -> None:
    bench, leader = Bench(link), Plugin(link, 0, takes_notes=False)
    leader.ask(0)
    assert bench.server.serve(1.0)
    assert bench.desk.conducted[-1] == "PLAY"
    bench.desk.conducted.clear()
    leader.row["host"] = 0
    free = Plugin(link, slot, takes_notes=False)  # before the server has looked, perhaps in the same place
    free.ask(0, Flag.FREE)
    assert bench.server.serve(1.01)
    assert "STOP" in bench.desk.conducted
    assert "PLAY" not in bench.desk.conducted


def test_nothing_is_mixed_before_who_may_bring_notes_has_asked_too(link: DawLink) -> None:
    bench, sound, keys = Bench(link), Plugin(link, 0, takes_notes=False), Plugin(link, 1, takes_notes=True)
    sound.ask(0), keys.ask(0)
    assert bench.server.serve(1.0)
    sound.ask(BLOCK)
    assert not bench.server.serve(1.005)
    keys.note(5, 0x90, 36, 100)
    keys.ask(BLOCK)
    assert not bench.server.serve(1.0051)
    assert bench.see_to_notes() == [BLOCK + 5]
    assert bench.server.serve(1.0052)
    assert (sound.missing, keys.missing, bench.desk.frame) == (0, 0, 2 * BLOCK)


def test_who_brings_nothing_in_time_is_left_behind(link: DawLink) -> None:
    bench, sound, keys = Bench(link), Plugin(link, 0, takes_notes=False), Plugin(link, 1, takes_notes=True)
    sound.ask(0), keys.ask(0)
    bench.server.serve(1.0)
    sound.ask(BLOCK)
    assert not bench.server.serve(1.005)
    assert bench.server.serve(1.005 + HALF_SECONDS)
    sound.ask(2 * BLOCK)
    assert bench.server.serve(1.02), "it is no longer the next"


def test_a_bounce_without_latency_waits_for_no_other_track(link: DawLink) -> None:
    bench, keys = Bench(link), Plugin(link, 1, takes_notes=True)
    sound = Plugin(link, 0, takes_notes=False, late=0)
    flags = Flag.PLAYING | Flag.OFFLINE
    sound.ask(0, flags), keys.ask(0, flags)
    assert bench.server.serve(1.0)
    sound.ask(BLOCK, flags)
    assert bench.server.serve(1.001), "the host does not go on before this one has its block"


def test_a_jump_waits_for_what_was_before(link: DawLink) -> None:
    bench, sound, keys = Bench(link), Plugin(link, 0, takes_notes=False), Plugin(link, 1, takes_notes=True)
    sound.ask(0), keys.ask(0)
    bench.server.serve(1.0)
    keys.note(5, 0x90, 36, 100)
    keys.ask(BLOCK)
    assert not bench.server.serve(1.005)
    sound.ask(96000)
    assert not bench.server.serve(1.0051)
    bench.see_to_notes()
    assert bench.server.serve(1.0052)
    assert (sound.missing, keys.missing) == (BLOCK, 0)
    keys.ask(96000)
    assert bench.server.serve(1.0053)
    assert (sound.missing, keys.missing) == (0, 0)
    assert bench.desk.frame == 3 * BLOCK, "one block before the jump, one behind it"


def test_who_stands_a_block_longer_in_a_bounce_stops_nobody(link: DawLink) -> None:
    bench, first, second = Bench(link), Plugin(link, 0, takes_notes=False), Plugin(link, 1, takes_notes=False)
    first.ask(80, Flag.OFFLINE)
    assert bench.server.serve(1.0)
    second.ask(80, Flag.OFFLINE)  # too late for the same block: from here on it reads one ahead
    assert bench.server.serve(1.01)
    bench.desk.conducted.clear()
    for frame in (0, BLOCK):
        first.ask(frame, Flag.PLAYING | Flag.OFFLINE)
        assert bench.server.serve(1.02)
    second.ask(80, Flag.OFFLINE)
    for frame in (0, BLOCK):
        second.ask(frame, Flag.PLAYING | Flag.OFFLINE)
    assert bench.server.serve(1.03)
    assert bench.desk.conducted.count("PLAY") == 1
    assert "STOP" not in bench.desk.conducted
    one, other = (link.slots[p].ring[n * BLOCK : (n + 2) * BLOCK, 0] for p, n in ((0, 1), (1, 2)))
    np.testing.assert_array_equal(one, other)
    assert (np.diff(one) == 1.0).all()


BOUNCES = Flag.PLAYING | Flag.OFFLINE


def begun_bounce(link: DawLink, *, takes_notes: bool = False) -> tuple[Bench, Plugin, NDArray[np.float32]]:
    """Return a bounce that has asked for a block, and a copy of what its ring then has of the stream from 0 on."""
    bench, sound = Bench(link), Plugin(link, 0, takes_notes=takes_notes)
    sound.ask(0, BOUNCES)
    assert bench.server.serve(1.0)
    return bench, sound, link.slots[0].ring[:, 0].copy()


def test_a_bounce_is_given_what_is_mixed_before_it_asks(link: DawLink) -> None:
    bench, sound, ring = begun_bounce(link)
    assert -sound.missing == BOUNCE_FRAMES - BLOCK
    assert bench.server.mix_ahead()
    assert -sound.missing == 2 * BOUNCE_FRAMES - BLOCK
    assert not bench.server.mix_ahead(), "no further than it may read"
    mixed = bench.desk.frame
    for block in range(1, 9):
        sound.ask(block * BLOCK, BOUNCES)
    assert bench.server.serve(1.001)
    assert (int(sound.row["taken_requests"]), bench.desk.frame) == (9, mixed), "eight are answered as one"
    assert (int(sound.row["done"]), int(sound.row["refusal"])) == (2 * BOUNCE_FRAMES, Refusal.SERVED)
    assert (np.diff(link.slots[0].ring[: 2 * BOUNCE_FRAMES, 0]) == 1.0).all()
    np.testing.assert_array_equal(link.slots[0].ring[:BOUNCE_FRAMES, 0], ring[:BOUNCE_FRAMES])


def test_a_bounce_is_mixed_ahead_no_further_than_a_slower_one_can_still_read(link: DawLink) -> None:
    bench, quick, _ = begun_bounce(link)
    slow = Plugin(link, 1, takes_notes=False, late=0)
    slow.ask(0, BOUNCES)
    assert bench.server.serve(1.0)
    asked = 1
    while quick.missing <= 0 and asked < 2 * HISTORY_FRAMES // BLOCK:
        quick.ask(asked * BLOCK, BOUNCES)
        bench.server.serve(1.0 + asked / 10000)
        bench.server.mix_ahead()
        asked += 1
    assert asked * BLOCK < HISTORY_FRAMES, "it waits"
    begin = link.slots[1].ring[0, 0]
    slow.ask(BLOCK, BOUNCES)
    assert bench.server.serve(1.1)
    assert slow.missing <= 0
    np.testing.assert_array_equal(link.slots[1].ring[: 2 * BLOCK, 0], begin + np.arange(2 * BLOCK))
    assert bench.desk.conducted.count("PLAY") == 1


@pytest.mark.parametrize(
    ("frame", "flags", "told", "given"),
    [
        (96000, BOUNCES, ["LOCATE", "PLAY"], BOUNCE_FRAMES),
        (3 * BLOCK, Flag.OFFLINE, ["STOP", "LOCATE"], BLOCK),
        (3 * BLOCK, BOUNCES | Flag.LOOP, ["LOCATE", "PLAY"], 100 + (BLOCK + 100)),  # to the end of a turn
    ],
)
def test_a_bounce_that_does_not_go_on_is_given_what_it_asks_for(
    link: DawLink, frame: int, flags: Flag, told: list[str], given: int
) -> None:
    bench, sound, _ = begun_bounce(link)
    assert bench.server.mix_ahead()
    before = bench.desk.frame
    for block in (1, 2):
        sound.ask(block * BLOCK, BOUNCES)
    row = sound.row["request"][3]
    row["loop_start"], row["loop_end"] = 2 * BLOCK, 3 * BLOCK + 100  # it has been mixed without a turn there
    sound.ask(frame, flags)
    assert bench.server.serve(1.001)
    assert int(sound.row["taken_requests"]) == 4
    assert int(sound.row["done"]) == 3 * BLOCK + given, "nothing that was given before counts any more"
    assert link.slots[0].ring[3 * BLOCK, 0] >= before
    assert bench.desk.conducted[-2:] == told


@pytest.mark.parametrize("ahead", [True, False])
@pytest.mark.parametrize("flags", [BOUNCES, Flag.PLAYING])
def test_another_bus_is_heard_from_the_frame_on_at_which_it_was_asked_for(
    link: DawLink, flags: Flag, ahead: bool
) -> None:
    bench, sound = Bench(link), Plugin(link, 0, takes_notes=False)
    sound.ask(0, flags)
    assert bench.server.serve(1.0)
    assert bench.server.mix_ahead() == (flags is BOUNCES)
    if not ahead:
        sound.ask(BLOCK, flags)
        assert bench.server.serve(1.003)
    for block in range(1 if ahead else 2, 12):  # nobody has answered yet what was asked before
        sound.bus = int(4 <= block < 9)
        sound.ask(block * BLOCK, flags)
    while sound.row["taken_requests"] < sound.row["asked_requests"]:
        assert bench.server.serve(1.005)
    ring = link.slots[0].ring[: 12 * BLOCK, 0].reshape(12, BLOCK)
    frames = (abs(ring[0, 0]) + np.arange(12 * BLOCK, dtype=np.float32)).reshape(12, BLOCK)
    frames[4:9] *= -1.0
    fades = [] if flags is BOUNCES else [4, 9]
    whole = [block for block in range(12) if block not in fades]
    np.testing.assert_array_equal(ring[whole], frames[whole])
    assert all(abs(ring[block, 0]) == abs(frames[block, 0]) and ring[block, -1] for block in fades)


def test_a_bus_that_nobody_kept_is_heard_as_soon_as_it_is_there(link: DawLink) -> None:
    bench = Bench(link)
    strips = tuple(f"s{number}" for number in range(30))
    bench.desk.buses = bench.desk.strip_ids = strips
    bench.desk.strip_names = ("",) * len(strips)
    sound = Plugin(link, 0, takes_notes=False)
    sound.ask(0, BOUNCES)
    assert bench.server.serve(1.0)
    begin, mixed = link.slots[0].ring[0, 0], BOUNCE_FRAMES // BLOCK
    sound.bus, heard = 30, []
    for block in range(1, mixed + 2):
        sound.ask(block * BLOCK, BOUNCES)
        assert bench.server.serve(1.0 + block / 1000)
        heard.append(link.slots[0].ring[block * BLOCK, 0])
        assert block >= mixed or sound.missing == 0, "nothing else is given ahead meanwhile"
    places = [begin + block * BLOCK for block in range(1, mixed + 2)]
    assert heard == [*places[:-2], -places[-2], -places[-1]]


def test_nothing_is_mixed_before_notes_are_there_nor_live(link: DawLink) -> None:
    bench, sound, _ = begun_bounce(link, takes_notes=True)
    assert sound.missing == 0
    assert not bench.server.mix_ahead()
    live = Plugin(link, 1, takes_notes=False)
    sound.row["host"] = 0
    live.ask(BLOCK)
    assert bench.server.serve(1.001)
    assert live.missing == 0
    assert not bench.server.mix_ahead()


def test_a_bounce_has_room_for_what_it_has_still_to_read(link: DawLink) -> None:
    bench, sound, _ = begun_bounce(link)
    sound.row["max_block_frames"], sound.row["latency_frames"] = 8192, 16384
    for block in range(1, 5):
        sound.ask(block * BLOCK, BOUNCES)
        assert bench.server.serve(1.0 + block / 1000)
        bench.server.mix_ahead()
    assert -sound.missing == 32768 - 8192 - 16384 < AHEAD_FRAMES
