"""The sender: what the mixer gives, over real UDP, bit for bit and evenly."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from engine.io.messages import Send, Sending, Sent
from engine.io.network import reastream, vban
from engine.io.network.sender import Sender, Stream
from engine.realtime.records import Kind
from engine.realtime.tape import TapeReader
from tests.io.test_tape_recorder import Bench
from tests.signals import RATE, noise

WAIT_SECONDS = 20.0


class Listener:
    """A UDP socket that hears packets."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(WAIT_SECONDS)
        self.port: int = self._socket.getsockname()[1]

    def hear(self, frames: int) -> tuple[list[bytes], NDArray[np.float32]]:
        packets, sound = [], np.zeros((0, 2), np.float32)
        while len(sound) < frames:
            data = self._socket.recv(2048)
            packets.append(data)
            read = vban.unpack(data) if data[:4] == b"VBAN" else reastream.unpack(data)
            sound = np.concatenate([sound, read.block])  # type: ignore[union-attr]
        return packets, sound

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    listener = Listener()
    yield listener
    listener.close()


@pytest.fixture
def bench(tmp_path) -> Iterator[Bench]:  # type: ignore[no-untyped-def]
    bench = Bench(tmp_path)
    yield bench
    bench.memory.close()


def feed(bench: Bench, lane: int, strip: str, on: bool = True) -> None:
    bench.push(Kind.SET_FEED, strip=strip, index=lane, value=float(on))


def found(sender: Sender, count: int) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while sum(s.text == "" for s in sender._streams) < count:
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """Return a host that nobody knows, whatever network there is, or how long that would take to say so."""
    find = socket.getaddrinfo

    def resolve(host: str, *args: Any, **more: Any) -> Any:
        if host == "no-such-host.invalid":
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return find(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return "no-such-host.invalid"


def stream(listener: Listener, kind: str = "vban", lane: int = 0, **more: str) -> Sent:
    return Sent(name="Mix", kind=kind, lane=lane, host="127.0.0.1", port=listener.port, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(("kind", "strip"), [("vban", "master"), ("reastream", "a")])
def test_what_a_strip_gives_arrives_bit_for_bit(bench: Bench, listener: Listener, kind: str, strip: str) -> None:
    sender = Sender(bench.memory.feed, RATE, bench.told.append)
    more = {"format": "float32"} if kind == "vban" else {}
    sender.send(Send(streams=(stream(listener, kind, lane=1, **more),)))
    found(sender, 1)
    feed(bench, 1, strip)
    bench.sound("a", 9000)
    now = 100.0
    for _ in range(40):
        bench.play(256, look=False)
        now += 256 / RATE
        sender.work(now)
    packets, got = listener.hear(9000)
    whole = np.concatenate(bench.out if strip == "master" else bench.strips[strip])
    np.testing.assert_array_equal(got, whole[: len(got)])
    assert np.abs(got).max() > 0.1
    if kind == "vban":
        assert [vban.unpack(p).number for p in packets] == list(range(len(packets)))
    sender.close()


@pytest.mark.parametrize("block", [1024, 256])
def test_packets_leave_evenly_in_whatever_bursts_the_driver_asks(bench: Bench, listener: Listener, block: int) -> None:
    sender = Sender(bench.memory.feed, RATE, bench.told.append)
    sender.send(Send(streams=(stream(listener),)))
    found(sender, 1)
    feed(bench, 0, "master")
    left: list[float] = []
    sender._streams[0].send = lambda _: left.append(now)  # type: ignore[method-assign]
    now = 50.0
    for burst in range(60):
        bench.play(1024, block, look=False)
        due = 50.0 + (burst + 1) * 1024 / RATE
        while now < due:
            now += min(sender.work(now), 0.0005)
    gaps = np.diff(left[60:])
    assert abs(np.mean(gaps) - 256 / RATE) < 0.0002
    assert gaps.max() < 256 / RATE + 0.0012, "not in the bursts in which they are made"


def test_a_process_that_takes_over_feeds_on(bench: Bench) -> None:
    feed(bench, 0, "a")
    offset = bench.link.arena.allocate(4800)
    bench.memory.arena.view(np.float32)[offset : offset + 4800] = noise(4800)
    bench.push(
        Kind.START_PLAYER, strip="a", player=1, offset=offset, length=4800, channels=1, gain=0.9, loop_frames=4800
    )
    bench.play(2048, look=False)
    bench.core = bench.new_core()
    bench.core.take_over()
    bench.play(2048, look=False)
    feed_of, peaks = TapeReader(bench.memory.feed), []
    while (packet := feed_of.next()) is not None:
        peaks.append(float(np.abs(packet.sound[0]).max()))
        feed_of.done()
    assert len(peaks) == 16 and min(peaks) > 0.1


def test_a_host_that_does_not_exist_is_told_and_the_others_are_sent(
    bench: Bench, listener: Listener, nowhere: str
) -> None:
    sender = Sender(bench.memory.feed, RATE, bench.told.append)
    lost = Sent(name="Lost", kind="vban", lane=0, host=nowhere, port=1)
    sender.send(Send(streams=(lost, stream(listener))))
    deadline = time.monotonic() + WAIT_SECONDS
    while not sender._streams[0].text.startswith(f"{nowhere}:"):
        assert time.monotonic() < deadline
        threading.Event().wait(0.005)
    found(sender, 1)
    feed(bench, 0, "master")
    bench.play(4096, look=False)
    for tick in range(200):
        sender.work(10.0 + tick * 0.01)
    listener.hear(2000)
    told = [each for each in bench.told if isinstance(each, Sending)][-1]
    assert [(going.name, bool(going.text), going.packets > 0) for going in told.streams] == [
        ("Lost", True, False),
        ("Mix", False, True),
    ]
    sender.close()


def test_a_stream_goes_on_when_others_begin_and_end(bench: Bench, listener: Listener) -> None:
    sender = Sender(bench.memory.feed, RATE, bench.told.append)
    first, second = stream(listener), stream(listener, "reastream")
    sender.send(Send(streams=(first,)))
    kept = sender._streams[0]
    sender.send(Send(streams=(second, first)))
    assert sender._streams[1] is kept
    sender.send(Send(streams=(second,)))
    assert [each.sent for each in sender._streams] == [second]
    sender.close()


def test_a_stream_that_ends_before_its_host_is_found_keeps_no_socket(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, found = socket.getaddrinfo, threading.Event()

    def resolve(*args: Any, **more: Any) -> Any:
        assert found.wait(WAIT_SECONDS)
        return find(*args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    before = set(threading.enumerate())
    ended = Stream(stream(listener), RATE)
    (finding,) = set(threading.enumerate()) - before
    ended.close()
    found.set()
    finding.join(WAIT_SECONDS)
    assert not finding.is_alive() and ended._socket is None
