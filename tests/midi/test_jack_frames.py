"""MIDI over a real JACK server with frames: what came when, what goes out when, and nothing lost in between."""

from __future__ import annotations

import queue
import threading
import time
from itertools import pairwise

import pytest
from jack_server import JackServer

from bridge.midi.frame_map import FrameMap
from bridge.midi.held_distance import FAR_FRAMES
from bridge.midi.jack_ports import JackSystem
from bridge.midi.port import PortError, Stamp

EVENTS = 2000
SPACING_FRAMES = 16
GREETING = bytes((0xF0, 0x7D, 0x01, 0xF7))
"""What a peer sends until it is heard: a port is connected before that is in force."""
END = bytes((0xF0, 0x7D, 0xF7))
"""What a peer sends at the start of every cycle after its last event."""
WAIT_SECONDS = 20.0


class Peer:
    """A JACK client that sends bursts of numbered controllers and notes at which frames, and what it hears when."""

    def __init__(self, server: JackServer) -> None:
        self._client = server.client("Peer")
        self._out = self._client.midi_outports.register("out")
        self._in = self._client.midi_inports.register("in")
        self.sent: list[tuple[int, bytes]] = []
        self.heard: list[tuple[int, bytes]] = []
        self.greets = self.going = False
        self.done = threading.Event()
        self._client.set_process_callback(self._process)
        self._client.activate()

    def _process(self, frames: int) -> None:
        start = self._client.last_frame_time
        self._out.clear_buffer()
        for offset, data in self._in.incoming_midi_events():
            self.heard.append((start + offset, bytes(data)))
        if self.greets:
            self._out.write_midi_event(0, GREETING)
            return
        for offset in range(0, frames if self.going else 0, SPACING_FRAMES):
            n = len(self.sent)
            if n == EVENTS:
                self.done.set()
                self._out.write_midi_event(offset, END)
                return
            message = bytes((0xB0 | n % 16, n // 128 % 120, n % 128))
            self._out.write_midi_event(offset, message)
            self.sent.append((start + offset, message))

    def close(self) -> None:
        self._client.deactivate()
        self._client.close()


@pytest.fixture
def peer(jack_server: JackServer):
    peer = Peer(jack_server)
    yield peer
    peer.close()


@pytest.fixture
def system(peer: Peer):
    system = JackSystem("Test")
    yield system
    system.close()


def test_a_burst_of_thousands_comes_whole_and_with_the_frames_at_which_it_was_sent(
    jack_server: JackServer, peer: Peer, system: JackSystem
):
    found: queue.Queue[tuple[Stamp, bytes]] = queue.Queue()
    name = next(n for n in system.inputs() if n.startswith("Peer:"))
    port = system.open_input(name, lambda at, data: found.put((at, data)))
    peer.greets = True
    assert found.get(timeout=WAIT_SECONDS)[1] == GREETING
    peer.going, peer.greets = True, False
    assert peer.done.wait(WAIT_SECONDS)
    got, ends = [], set()
    while len(ends) < 2:  # the second tells that what the cycle of the first had to report has come
        at, data = found.get(timeout=WAIT_SECONDS)
        if data == GREETING:
            continue
        if data == END:
            ends.add(at.frame)
        elif not ends:
            got.append((at.frame, data))
    assert system.lost == 0
    if system.missed:  # a machine that stalls for seconds: the server ran without us, and what came then nobody has
        assert EVENTS - len(got) <= system.missed * jack_server.period // SPACING_FRAMES
        assert got == [event for event in peer.sent if event in set(got)]
    else:
        assert got == peer.sent
    port.close()


def test_messages_leave_at_distances_to_the_frame(peer: Peer, system: JackSystem):
    output = system.open_output(next(n for n in system.outputs() if n.startswith("Peer:")))
    for _ in range(10):  # a machine that stalls moves the server's frames against the time
        peer.heard.clear()
        at = time.time() + 0.3
        for number in (3, 1, 2, 0):
            output.send(bytes((0x90, number, 64)), at + number * 0.01)
        deadline = time.monotonic() + WAIT_SECONDS
        while len(peer.heard) < 4 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [data[1] for _, data in peer.heard] == [0, 1, 2, 3]
        frames = [frame for frame, _ in peer.heard]
        if all(abs(later - frame - 480) <= 48 for frame, later in pairwise(frames)):
            break
    else:
        raise AssertionError(f"at {frames}")
    output.close()
    with pytest.raises(PortError):
        output.send(b"\xf8")


def test_messages_with_engine_frames_leave_at_exactly_those_distances(peer: Peer, system: JackSystem):
    output = system.open_output(next(n for n in system.outputs() if n.startswith("Peer:")))
    at, first = time.time() + 0.5, 7_000_000
    distances = [0, 1, 255, 4801, 4802, 9000, 16_001]
    for number, distance in enumerate(distances):
        wavers = number % 3 * 1e-4  # as what is mapped from frame to time to frame does
        output.send(bytes((0x90, number, 64)), Stamp(at + distance / 48_000 + wavers, first + distance))
    deadline = time.monotonic() + WAIT_SECONDS
    while len(peer.heard) < len(distances) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert [data[1] for _, data in peer.heard] == list(range(len(distances)))
    if not system.late:  # a machine that stalls for half a second has its messages leave when it can
        assert [frame - peer.heard[0][0] for frame, _ in peer.heard] == distances
    output.close()


def test_what_leaves_after_its_time_is_told(peer: Peer, system: JackSystem):
    output = system.open_output(next(n for n in system.outputs() if n.startswith("Peer:")))
    output.send(b"\x90\x01\x40")
    output.send(b"\x90\x02\x40", time.time() - 100.0)
    deadline = time.monotonic() + WAIT_SECONDS
    while not (system.late and len(peer.heard) == 2) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (len(peer.heard), system.late) == (2, 1), "what was to leave at once is never late"
    assert system.latest_seconds >= 90.0, "JACK's frames may lie behind the clock by what its server was held up"
    output.close()


def test_what_was_handed_over_leaves_also_where_the_server_is_late_and_control_is_gone(
    jack_server: JackServer, peer: Peer
):
    system = JackSystem("Test")
    output = system.open_output(next(n for n in system.outputs() if n.startswith("Peer:")))
    output.send(b"\xb0\x01\x01", time.time() + 0.05)
    with jack_server.standing_still():
        closing = threading.Thread(target=system.close)
        closing.start()
        time.sleep(0.2)  # the server is late by that
    closing.join()
    assert [data for _, data in peer.heard if data[0] == 0xB0] == [b"\xb0\x01\x01"]


def test_a_server_that_is_gone_is_said():
    with pytest.raises(PortError, match="no JACK server is running"):
        JackSystem("Nobody")


class Clock:
    """An engine whose frame 0 was at second 0 and 100 of the driver's frames before."""

    def __init__(self) -> None:
        self.off = 0

    def frame_at(self, unix_seconds: float) -> int:
        return round(unix_seconds * 48_000) + self.off

    def time_at(self, frame: int) -> float:
        return frame / 48_000


def test_distances_in_frames_are_kept_whatever_the_clocks_say():
    clock = Clock()
    frames = FrameMap(clock)
    engine = []
    for number in range(100):
        clock.off = number * 17 % 41 - 20  # what a clock that is measured is off by
        engine.append(frames.engine_time(Stamp(1.0 + number / 480.0, 100 + 48_000 + number * 100)).frame)
    assert {later - frame for frame, later in pairwise(engine)} == {100}
    assert frames.jumps == 0
    clock.off = 4 * FAR_FRAMES
    moved = frames.engine_time(Stamp(2.0, 100 + 96_000)).frame
    assert moved == 96_000 + 4 * FAR_FRAMES and frames.jumps == 1
