"""MIDI from ReaStream, over real UDP."""

from __future__ import annotations

import queue
import socket
import sys
from collections.abc import Iterator

import pytest

from bridge.errors import AddressTaken
from bridge.midi.port import PortError
from bridge.midi.reastream_ports import ReaStreamSystem
from engine.io.network.reastream import Note, pack_notes

WAIT_SECONDS = 20.0


@pytest.fixture
def system() -> Iterator[ReaStreamSystem]:
    system = ReaStreamSystem("127.0.0.1", 0, 48000)
    yield system
    system.close()


def send(system: ReaStreamSystem, *packets: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for packet in packets:
            sender.sendto(packet, (system.host, system.port))


def test_messages_come_whole_and_as_far_apart_as_they_were_played(system: ReaStreamSystem) -> None:
    heard: queue.Queue[tuple[float, bytes]] = queue.Queue()
    port = system.open_input("reastream", lambda at, data: heard.put((at, data)))
    notes = (
        Note(data=b"\x99\x24\x7f", delta_frames=0),
        Note(data=b"\xc0\x05\x00", delta_frames=48),
        Note(data=b"\xf8\x00\x00", delta_frames=4800),
    )
    broken = Note(data=b"\x90\xff\x40", delta_frames=3)
    send(system, b"", b"noise", pack_notes(b"cut", notes)[:50], pack_notes(b"pads", (broken, *notes)))
    got = [heard.get(timeout=WAIT_SECONDS) for _ in notes]
    assert [data for _, data in got] == [b"\x99\x24\x7f", b"\xc0\x05", b"\xf8"]
    assert [round((at - got[0][0]) * 48000) for at, _ in got] == [0, 48, 4800]
    port.close()
    second = system.open_input("reastream", lambda at, data: heard.put((at, data)))
    send(system, pack_notes(b"other", notes[:1]))
    assert heard.get(timeout=WAIT_SECONDS)[1] == b"\x99\x24\x7f"
    assert heard.empty(), "a closed port hears nothing"
    second.close()


def test_it_is_one_port_that_is_only_heard(system: ReaStreamSystem) -> None:
    assert (list(system.inputs()), list(system.outputs())) == (["reastream"], [])
    with pytest.raises(PortError, match="there is: reastream"):
        system.open_input("default", lambda *_: None)
    with pytest.raises(PortError, match="only heard"):
        system.open_output("reastream")


def test_a_port_that_is_taken_is_named(system: ReaStreamSystem) -> None:
    with pytest.raises(AddressTaken, match=f"ReaStream on 127.0.0.1:{system.port}"):
        ReaStreamSystem("127.0.0.1", system.port, 48000)


@pytest.mark.skipif(sys.platform != "linux", reason="others have one loopback address")
def test_it_closes_on_whatever_address_it_listens() -> None:
    for host in ("127.0.0.2", "0.0.0.0"):
        ReaStreamSystem(host, 0, 48000).close()
