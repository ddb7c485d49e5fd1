"""What MIDI ports do: in memory, over a socket (to mido's own), on real JACK through python-rtmidi and JACK-Client."""

import contextlib
import os
import queue
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bridge.midi.jack_ports import JackSystem
from bridge.midi.port import PortError, Stamp
from bridge.midi.rtmidi_ports import RtMidiSystem
from bridge.midi.socket_ports import SocketSystem
from bridge.midi.stream import MidiStream
from tests.jack_server import running_server

sys.path.insert(0, str(Path(__file__).parent.parent / "midi"))
from memory_ports import MemorySystem

WAIT_SECONDS = 20.0
SYSEX = bytes.fromhex("F0 7F 7F 06 44 06 01 20 03 0A 03 00 F7")


class Bench:
    def greet(self, heard):
        """Wait until what the device sends is heard."""

    def greeted(self, output):
        """Wait until the device hears what is sent to it."""


class MemoryBench(Bench):
    """A system and one device that is connected to it."""

    def __init__(self):
        self.name = "Pad"
        self.system = MemorySystem(self.name)

    def connect(self):
        pass

    def device_sends(self, message):
        self.system.play(self.name, message)

    def device_hears(self):
        return self.system.sent[self.name].pop(0)

    def close(self):
        pass


class SocketBench(Bench):
    def __init__(self):
        self.system = SocketSystem("127.0.0.1", 0)
        self.name = "socket"
        self.stream = MidiStream()

    def connect(self):
        import mido.sockets

        self.mido = mido
        self.device = mido.sockets.connect(self.system.host, self.system.port)

    def device_sends(self, message):
        self.device.send(self.mido.Message.from_bytes(message))

    def device_hears(self):
        return bytes(self.device.receive().bytes())

    def close(self):
        self.device.close()


class RtMidiBench(Bench):
    def __init__(self):
        import rtmidi

        self.system = self.make()
        self.out = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Device")
        self.out.open_virtual_port("Pad")
        self.inn = rtmidi.MidiIn(rtmidi.API_UNIX_JACK, "Device")
        self.inn.ignore_types(sysex=False, timing=False)
        self.inn.open_virtual_port("Pad")
        self.name = next(n for n in self.system.inputs() if n.endswith(":Pad"))
        self.output = next(n for n in self.system.outputs() if n.endswith(":Pad"))

    def make(self):
        return RtMidiSystem("jack")

    def connect(self):
        pass

    def greet(self, heard):
        """JACK says that ports are connected before that is in force: what is sent until then goes nowhere."""
        deadline = time.monotonic() + WAIT_SECONDS
        while heard.empty():
            assert time.monotonic() < deadline, "the device is not heard"
            self.device_sends(b"\x80\x00\x00")
            with contextlib.suppress(queue.Empty):
                heard.put(heard.get(timeout=0.2))
        self.device_sends(b"\x80\x01\x00")
        while heard.get(timeout=WAIT_SECONDS)[1] != b"\x80\x01\x00":
            pass

    def greeted(self, output):
        """What is sent over RtMidi before JACK's connection is in force goes nowhere either."""
        deadline = time.monotonic() + WAIT_SECONDS
        output.send(b"\x80\x00\x00")
        while self.next_within(0.2) is None:
            assert time.monotonic() < deadline, "the device hears nothing"
            output.send(b"\x80\x00\x00")
        output.send(b"\x80\x01\x00")
        while self.device_hears() != b"\x80\x01\x00":
            pass

    def device_sends(self, message):
        self.out.send_message(message)

    def device_hears(self):
        heard = self.next_within(WAIT_SECONDS)
        assert heard is not None, "the device hears nothing"
        return heard

    def next_within(self, seconds):
        """Return the next message. RtMidi can't be waited for but in its callback, in which it can't be closed."""
        deadline = time.monotonic() + seconds
        while (event := self.inn.get_message()) is None and time.monotonic() < deadline:
            time.sleep(0.001)
        return None if event is None else bytes(event[0])

    def close(self):
        for port in (self.out, self.inn):
            port.close_port()
            port.delete()


class JackBench(RtMidiBench):
    """Its device has no frames: what it sends stands at the beginning of the cycle that is under way, or the next."""

    def greeted(self, output):
        """It need not be waited for: an output is in force when it is open."""

    def make(self):
        import jack

        self.looker = jack.Client("Looker", no_start_server=True)
        return JackSystem()

    def cycle(self):
        """Return the first frame of the cycle that is under way."""
        return self.looker.last_frame_time

    def close(self):
        self.looker.close()
        super().close()


BENCHES = {"memory": MemoryBench, "socket": SocketBench, "rtmidi": RtMidiBench, "jack": JackBench}


@pytest.fixture(params=BENCHES)
def bench(request):
    if request.param in ("rtmidi", "jack"):
        request.getfixturevalue("jack_server")
    bench = BENCHES[request.param]()
    bench.connect()
    yield bench
    bench.close()
    bench.system.close()


@pytest.fixture
def heard(bench):
    """What the input hears, as messages with their times."""
    found = queue.Queue()
    port = bench.system.open_input(bench.name, lambda at, data: found.put((at, data)))
    bench.greet(found)
    yield found
    port.close()


def test_what_a_device_sends_is_heard_in_order_and_stamped(bench, heard):
    before = bench.cycle() if isinstance(bench, JackBench) else time.time()
    sent = [b"\x90\x24\x64", b"\xf8", SYSEX, b"\xb0\x07\x7f", b"\xf1\x25", b"\xe0\x00\x40", b"\x90\x24\x00"]
    for message in sent:
        bench.device_sends(message)
    got = [heard.get(timeout=WAIT_SECONDS) for _ in sent]
    assert [data for _, data in got] == sent
    times = [at for at, _ in got]
    assert times == sorted(times) and times[-1] <= time.time()
    if isinstance(bench, JackBench):
        assert all(isinstance(at, Stamp) for at in times)
        frames = [at.frame for at in times]
        assert frames == sorted(frames) and before <= frames[0]
    else:
        assert before <= times[0]


def test_a_device_hears_what_is_sent_to_it(bench, heard):
    bench.device_sends(b"\x90\x01\x01")
    heard.get(timeout=WAIT_SECONDS)  # the device is there
    output = bench.system.open_output(getattr(bench, "output", bench.name))
    bench.greeted(output)
    for message in (b"\x90\x24\x15", SYSEX, b"\xd0\x7c"):
        output.send(message)
        assert bench.device_hears() == message
    output.close()
    with pytest.raises(PortError):
        output.send(b"\xf8")


def test_a_closed_input_hears_nothing(bench):
    first, second = queue.Queue(), queue.Queue()
    port = bench.system.open_input(bench.name, lambda at, data: first.put(data))
    other = bench.system.open_input(bench.name, lambda at, data: second.put((at, data)))
    bench.greet(second)
    port.close()
    port.close()
    before = first.qsize()
    bench.device_sends(b"\x90\x24\x64")
    assert second.get(timeout=WAIT_SECONDS)[1] == b"\x90\x24\x64"
    assert first.qsize() == before
    other.close()


CLOSING = """
import os, queue, rtmidi, sys, threading, traceback
from bridge.midi.rtmidi_ports import RtMidiSystem
def send():
    while not done.wait(0.001):
        for _ in range(50):
            out.send_message([0xF8])
try:
    out, done = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, "Device"), threading.Event()
    out.open_virtual_port("Pad")
    system = RtMidiSystem("jack")
    name = next(n for n in system.inputs() if n.endswith(":Pad"))
    sending = threading.Thread(target=send, daemon=True)
    sending.start()
    for _ in range(int(sys.argv[1])):
        heard = queue.Queue()
        port = system.open_input(name, lambda at, data: heard.put(data))
        heard.get(timeout=10)
        port.close()
        print("closed", flush=True)
except Exception:
    traceback.print_exc()
    sys.stderr.flush()
    os._exit(1)
done.set()
sending.join()
out.close_port()
out.delete()
system.close()
"""
CLOSES = 20
CLOSING_SECONDS = 60.0
IDLE_STARTS = 4


def closed(count):
    """Return how many inputs were closed before JACK refused one, and what was said; what hangs is an error."""
    with contextlib.contextmanager(running_server)() as server:
        ended = subprocess.run(
            [sys.executable, "-c", CLOSING, str(count)],
            env={**os.environ, **server.env},
            capture_output=True,
            text=True,
            timeout=CLOSING_SECONDS,
        )
    return ended.stdout.count("closed"), ended.stderr


@pytest.mark.timeout(300)
def test_an_input_is_closed_while_its_device_sends():
    """What JACK refuses starts anew: on a busy machine it drops who comes and goes."""
    closes = idle_starts = 0
    while closes < CLOSES:
        fresh, said = closed(CLOSES - closes)
        closes += fresh
        idle_starts += not fresh
        assert idle_starts < IDLE_STARTS, said


def test_a_port_that_is_not_there_is_named(bench):
    for open_port in (lambda n: bench.system.open_input(n, print), bench.system.open_output):
        with pytest.raises(PortError, match=r"'Nobody'.*there is"):
            open_port("Nobody")


def test_our_own_ports_are_not_among_the_others(bench):
    if not isinstance(bench, SocketBench):
        port = bench.system.open_input("Cuevox", lambda *_: None, virtual=True)
        out = bench.system.open_output("Cuevox", virtual=True)
        assert not [n for n in (*bench.system.inputs(), *bench.system.outputs()) if "Cuevox" in n]
        port.close()
        out.close()
