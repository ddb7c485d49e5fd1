"""What cues send: to devices in memory and to a real UDP socket, in order, never before its time, told when late."""

from __future__ import annotations

import asyncio
import math
import socket
import threading
import time

import pytest
from fake_engine import RATE, WallClock
from midi_rig import Rig, in_loop

from bridge.message import Bundle
from bridge.midi.port import PortError
from bridge.osc.codec import parse
from bridge.sender import Sender
from bridge.timed import MAX_WAITING, Timed
from engine.events import Dropped, MessageDue, PanicBegun, StartedLate
from engine.story.messages import SendController, SendNote, SendOsc, SendProgram, SendShow

LIGHTS = "Lights MIDI 1"
AHEAD = 4800


class Booth:
    """A sender before the rig's engine and devices, whose time goes on from frame 0.

    began: the monotonic time at which that was now; infinity: it stands there until then.
    """

    def __init__(self, rig: Rig) -> None:
        self.rig, self.began = rig, time.monotonic()
        self.sender = self.make()
        self.sender.ready(rig.wire.outlets)

    def make(self) -> Sender:
        return Sender(self.rig.engine, wall=self.wall, waits=True)

    def wall(self) -> float:
        return WallClock.START + max(0.0, time.monotonic() - self.began)

    def die(self) -> None:
        """Have another sender go on after this one, which sends and tells nothing any more; it has no MIDI yet."""
        self.sender._end()
        self.sender._timed.close()
        self.sender._osc.close()
        self.sender = self.make()

    def due(self, message, frame: int = AHEAD, number: int = 0) -> None:
        self.rig.engine.tell(MessageDue(cue="7", frame=frame, message=message, number=number))

    def told(self, kind: type) -> list:
        return [event for event in self.rig.told if isinstance(event, kind)]


def with_booth(test):
    async def inside(make):
        rig = await make(LIGHTS)
        booth = Booth(rig)
        try:
            await test(booth)
        finally:
            booth.sender.close()

    inside.__name__ = test.__name__
    return in_loop(inside)


@with_booth
async def test_messages_reach_the_port_that_they_name_in_order_and_not_early(booth):
    sent, booth.began = booth.rig.system.sent, math.inf  # until all is there
    booth.rig.shown(LIGHTS)
    booth.due(SendProgram(program=3, channel=2, port="lights"), frame=2 * AHEAD)
    booth.due(SendNote(note=60, velocity=90, channel=10, port="lights"))
    booth.due(SendController(number=7, value=5, port="lights"), frame=AHEAD + 48)
    booth.due(SendShow(verb="go", cue="12.5", cuelist="1", port="lights"), frame=2 * AHEAD + 48)
    booth.began = time.monotonic()
    await booth.rig.until(lambda: len(sent.get(LIGHTS, ())) == 4)
    at = time.monotonic() - booth.began
    assert at >= 2 * AHEAD / RATE + 0.01, "when it is heard: the output's latency later"
    assert booth.rig.shown(LIGHTS) == [
        "99 3c 5a", "b0 07 05", "c1 03", "f0 7f 7f 02 01 01 31 32 2e 35 00 31 f7",
    ]  # fmt: skip


@with_booth
async def test_without_a_port_it_is_our_own(booth):
    booth.due(SendNote(note=1))
    await booth.rig.until(lambda: booth.rig.system.sent.get("Cuevox"))
    assert booth.rig.shown("Cuevox")[-1] == "90 01 64"


@with_booth
async def test_an_unknown_port_is_told_with_those_that_there_are(booth):
    booth.due(SendNote(note=1, port="Smoke"))
    (dropped,) = booth.told(Dropped)
    assert (dropped.what, dropped.code) == ("cue 7: note 1 velocity 100 ch 1", "no_such_port")
    assert LIGHTS in dropped.text
    booth.sender.midi = None
    booth.due(SendNote(note=1))
    assert booth.told(Dropped)[-1].code == "no_midi"


@with_booth
async def test_a_port_that_is_only_an_output_is_opened_when_it_is_needed(booth):
    system, outlets = booth.rig.system, booth.rig.wire.outlets
    outlets.there([(system, ["Desk"])])
    system.names.append("Desk")
    output = outlets.outlet("desk")
    assert outlets.outlet("DESK") is output
    outlets.there([])
    with pytest.raises(PortError):
        output.send(b"\xf8")


@with_booth
async def test_osc_arrives_typed(booth):
    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(20.0)
    args = (1, 1.5, "one", True, False, 1 << 40)
    port = receiver.getsockname()[1]
    for host in ("127.0.0.1", "localhost"):
        booth.due(SendOsc(address="/desk/go", to=f"{host}:{port}", args=args), frame=0)
        packet = await asyncio.to_thread(receiver.recv, 4096)
        (bundle,) = parse(packet)
        assert isinstance(bundle, Bundle) and bundle.messages[0].address == "/desk/go"
        assert bundle.messages[0].args == args
        assert [type(v) for v in bundle.messages[0].args] == [type(v) for v in args]
    receiver.close()


@with_booth
async def test_a_host_that_is_not_known_is_told(booth):
    def nobody(*_, **__):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as patch:  # who is asked for names may be far away, or silent
        patch.setattr(socket, "getaddrinfo", nobody)
        booth.due(SendOsc(address="/go", to="no-such-host.invalid:9"))
        await booth.rig.until(lambda: booth.told(Dropped))
    assert booth.told(Dropped)[0].code == "no_host"


@with_booth
async def test_panic_forgets_what_waits_for_its_host_to_be_known(booth):
    asked, found, look_up = threading.Event(), threading.Event(), socket.getaddrinfo

    def slow(host, *more, **options):
        asked.set()
        assert host != "lights.local" or found.wait(20.0)
        return look_up("127.0.0.1", *more, **options)

    receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    receiver.bind(("127.0.0.1", 0))
    receiver.settimeout(20.0)
    port = receiver.getsockname()[1]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", slow)
        booth.due(SendOsc(address="/before", to=f"lights.local:{port}"), frame=0)
        await booth.rig.until(asked.is_set)
        booth.rig.engine.tell(PanicBegun())
        found.set()
        await booth.rig.until(lambda: not booth.sender._osc._looking)
        booth.due(SendOsc(address="/after", to=f"127.0.0.1:{port}"), frame=0)
        (bundle,) = parse(await asyncio.to_thread(receiver.recv, 4096))
    assert bundle.messages[0].address == "/after"
    receiver.close()


@with_booth
async def test_what_is_late_is_sent_and_told(booth):
    booth.due(SendNote(note=1, port="lights"), frame=-AHEAD)
    await booth.rig.until(lambda: booth.told(StartedLate))
    (late,) = booth.told(StartedLate)
    assert late.what == "cue 7: note 1 velocity 100 ch 1" and late.late_seconds > 0.08
    assert booth.rig.shown(LIGHTS)[-1] == "90 01 64"


@with_booth
async def test_panic_forgets_what_waits_and_lets_go_of_what_is_held(booth):
    booth.rig.shown(LIGHTS)
    booth.due(SendNote(note=1, port="lights"), frame=0)
    booth.due(SendNote(note=2, channel=3, port="lights"), frame=0)
    booth.due(SendNote(note=2, channel=3, velocity=0, port="lights"), frame=0)
    booth.due(SendController(number=1, port="lights"), frame=1000 * RATE)
    await booth.rig.until(lambda: len(booth.rig.system.sent.get(LIGHTS, ())) == 3)
    booth.rig.shown(LIGHTS)
    booth.rig.engine.tell(PanicBegun())
    assert booth.rig.shown(LIGHTS) == ["90 01 00"], "note 2 was let go already; the controller never comes"
    booth.rig.engine.tell(PanicBegun())
    assert booth.rig.shown(LIGHTS) == []


@with_booth
async def test_leaving_lets_go_of_notes_too(booth):
    booth.due(SendNote(note=1, port="lights"), frame=0)
    await booth.rig.until(lambda: "90 01 64" in [m.hex(" ") for m in booth.rig.system.sent.get(LIGHTS, ())])
    booth.sender.close()
    assert booth.rig.shown(LIGHTS)[-1] == "90 01 00"


@pytest.mark.parametrize("let_go", [lambda b: b.rig.engine.tell(PanicBegun()), lambda b: b.sender.close()])
def test_what_is_just_being_sent_presses_no_note_after_all_were_let_go(tmp_path, let_go):
    @with_booth
    async def test(booth):
        going, over = threading.Event(), threading.Event()
        outlet = booth.rig.wire.outlets.outlet("lights")
        send = outlet.send

        def slow(message, at=None):
            """Press a key only once all were let go of, unless that waits for it."""
            if message[2]:
                going.set()
                over.wait(0.2)
            send(message, at)

        outlet.send = slow
        booth.rig.shown(LIGHTS)
        booth.due(SendNote(note=1, port="lights"), frame=0)
        await booth.rig.until(going.is_set)
        let_go(booth)
        over.set()
        await booth.rig.until(lambda: len(booth.rig.system.sent.get(LIGHTS, ())) == 2)
        assert booth.rig.shown(LIGHTS) == ["90 01 64", "90 01 00"]

    test(tmp_path)


@with_booth
async def test_a_successor_sends_what_was_not_sent_and_nothing_twice(booth):
    sent = booth.rig.system.sent
    booth.rig.shown(LIGHTS)
    for number in (1, 2):
        booth.due(SendController(number=number, port="lights"), 0 if number == 1 else 1000 * RATE, number)
    await booth.rig.until(lambda: booth.rig.engine.notes.get("sent/1") == b"")
    booth.rig.engine.notes["sent/3"] = b"?"  # as if it died while that was sent
    for _ in range(2):
        booth.die()
        for number in (1, 3):
            booth.due(SendController(number=number, port="lights"), 0, number)
    booth.due(SendController(number=2, port="lights"), 0, 2)
    booth.due(SendController(number=4, port="lights"), 0, 4)
    assert booth.rig.shown(LIGHTS) == ["b0 01 7f"], "it waits for its outputs"
    booth.sender.ready(booth.rig.wire.outlets)
    await booth.rig.until(lambda: len(sent.get(LIGHTS, ())) == 2)
    assert booth.rig.shown(LIGHTS) == ["b0 02 7f", "b0 04 7f"]
    assert [(e.code, e.what) for e in booth.told(Dropped)] == [("not_known", "cue 7: cc 3 = 127 ch 1")] * 2


@with_booth
async def test_marks_are_forgotten_once_nobody_asks_any_more(booth):
    notes = booth.rig.engine.notes
    for number in range(1, 21):
        booth.due(SendController(number=1, port="lights"), number * RATE - 100 * RATE, number)
        await booth.rig.until(lambda: notes.get(f"sent/{number}") == b"")  # noqa: B023 - it is over by then
    assert len([name for name in notes if name.startswith("sent/")]) < 10


@with_booth
async def test_a_successor_lets_go_of_notes_that_were_pressed_before(booth):
    booth.due(SendNote(note=1, port="lights"), frame=0)
    booth.due(SendNote(note=9), frame=0)
    await booth.rig.until(lambda: "Cuevox" in booth.rig.system.sent)
    booth.die()
    booth.sender.ready(booth.rig.wire.outlets)
    booth.rig.shown(LIGHTS), booth.rig.shown("Cuevox")
    booth.rig.engine.tell(PanicBegun())
    assert (booth.rig.shown(LIGHTS), booth.rig.shown("Cuevox")) == (["90 01 00"], ["90 09 00"])
    assert not [name for name in booth.rig.engine.notes if name.startswith("held/")]


def test_what_is_timed_is_done_in_order_and_bounded():
    now, stands, done = time.time(), [True], []
    timed = Timed(lambda: now if stands else time.time())
    for number in (3, 1, 2):
        timed.at(now + 0.05 + number * 0.01, lambda n=number: done.append(n))
    stands.clear()
    while len(done) < 3:
        time.sleep(0.001)
    assert done == [1, 2, 3]
    timed.at(now - 1.0, lambda: done.append(0))
    while len(done) < 4:
        time.sleep(0.001)
    assert all(timed.at(now + 1000.0, lambda: None) for _ in range(MAX_WAITING))
    assert not timed.at(now + 1000.0, lambda: None)
    timed.clear()
    assert timed.at(now + 1000.0, lambda: None)
    timed.close()
    assert not timed.at(now, lambda: None)


def test_what_hangs_as_it_is_done_holds_up_nobody_for_good(monkeypatch):
    monkeypatch.setattr("bridge.timed.PATIENCE_SECONDS", 0.05)
    going, over = threading.Event(), threading.Event()
    timed = Timed()

    def hang():
        going.set()
        over.wait()

    timed.at(0.0, hang)
    assert going.wait(30.0)
    timed.clear()
    over.set()
    timed.close()
