"""The same over every wire: UDP, TCP in three framings, text, IPv4 and IPv6, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

import pytest
from served import Running

from bridge.cli.loop import new_loop
from bridge.message import Message
from bridge.osc import codec, ports
from bridge.osc.framing import LengthPrefix, Lines, Slip
from bridge.osc.server import OscServer
from bridge.text import line, message
from engine import commands as do

WAIT_SECONDS = 30.0
FRAMINGS = {"slip": Slip, "length": LengthPrefix, "lines": Lines}


class Wire:
    """A client that knows only its socket and its framing."""

    def __init__(self, kind: str, port: int) -> None:
        family = socket.AF_INET6 if kind.endswith("6") else socket.AF_INET
        self.kind = kind.removesuffix("6")
        udp = self.kind in ("udp", "text")
        self.socket = socket.socket(family, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM)
        self.socket.settimeout(WAIT_SECONDS)
        self.socket.connect(("::1" if family == socket.AF_INET6 else "127.0.0.1", port))
        self.framing = FRAMINGS.get(self.kind, Slip)()
        self.heard: list[Message] = []

    def send(self, address: str, *args: object) -> None:
        asked = Message(address, args)
        match self.kind:
            case "udp":
                self.socket.send(codec.encode(asked))
            case "text":
                self.socket.send(line(asked).encode())
            case _:
                self.socket.sendall(self.framing.wrap([asked]))

    def wait(self, address: str) -> tuple[object, ...]:
        while True:
            for found in self.heard:
                if found.address == address:
                    self.heard.remove(found)
                    return found.args
            self.hear()

    def hear(self) -> None:
        data = self.socket.recv(65_536)
        assert data, "the connection was closed"
        match self.kind:
            case "udp":
                self.heard += [m for b in codec.parse(data) for m in b.messages]
            case "text":
                self.heard += [message(text) for text in data.decode().splitlines()]
            case _:
                for frame in self.framing.feed(data):
                    parsed = [message(frame)] if isinstance(frame, str) else None
                    self.heard += parsed or [m for b in codec.parse(frame) for m in b.messages]


@pytest.fixture(params=[asyncio.new_event_loop, new_loop], ids=["asyncio", "new_loop"])
def running(engine, request):
    """On either loop: the one that control has where it is installed, and the one that is always there."""
    running = Running(engine, new_loop=request.param)
    yield running
    running.close()


KINDS = ["udp", "udp6", "text", "text6", "slip", "slip6", "length", "lines", "lines6"]


@pytest.fixture(params=KINDS)
def wire(request, running):
    wire = Wire(request.param, running.port)
    yield wire
    wire.socket.close()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_that_another_program_has_in_ipv6_is_not_taken_for_free(engine, monkeypatch, kind):
    taken = []

    class Robbed(OscServer):
        async def start(self, host, port):
            """Lose the first port in IPv6 to somebody else."""
            if host == "::1" and not taken:
                taken.append(socket.socket(socket.AF_INET6, kind))
                taken[0].bind((host, port))
                if kind == socket.SOCK_STREAM:
                    taken[0].listen()
            return await super().start(host, port)

    monkeypatch.setattr(ports, "OscServer", Robbed)
    running = Running(engine)
    try:
        assert running.port != taken[0].getsockname()[1]
        for wired in ("udp", "udp6", "slip", "slip6"):
            wire = Wire(wired, running.port)
            wire.send("/req", 6, "/strip/voice/gain", -6.0)
            assert wire.wait("/reply/strip/voice/gain")[:2] == (6, "ok")
            wire.socket.close()
    finally:
        running.close()
        taken[0].close()


def test_a_command_is_done_and_answered_by_its_id(running, wire):
    wire.send("/req", 5, "/strip/voice/gain", -6.0)
    assert wire.wait("/reply/strip/voice/gain") == (5, "ok")
    assert running.engine.commands == [do.SetStripGain(strip="voice", gain_db=-6.0)]


def test_an_error_is_answered(wire):
    wire.send("/req", 6, "/strip/voice/gian", -6.0)
    assert wire.wait("/reply/strip/voice/gian")[:3] == (6, "error", "no_such_address")


def test_subscribers_hear_what_is_and_what_changes(running, wire):
    wire.send("/subscribe", "/strip/voice/gain")
    assert wire.wait("/strip/voice/gain") == (0.0,)
    assert wire.wait("/subscribed") == ("/strip/voice/gain", 1)
    running.call(running.engine.apply, do.SetStripGain(strip="voice", gain_db=-3.0))
    assert wire.wait("/strip/voice/gain") == (-3.0,)


def test_what_is_no_message_is_answered(wire):
    sent = {"udp": b"/x\0", "text": b"hello", "slip": b"\xc0/x\0\xc0", "length": b"\0\0\0\3/x\0", "lines": b"hello\n"}
    wire.socket.send(sent[wire.kind])
    assert wire.wait("/reply")[1:3] == ("error", "bad_packet")
    wire.send("/ping", 3)
    assert wire.wait("/pong")[0] == 3


def test_a_connection_that_ends_is_forgotten(running):
    with contextlib.closing(Wire("slip", running.port).socket):
        pass
    wire = Wire("lines", running.port)
    wire.send("/subscribe", "//")
    wire.wait("/subscribed")
    wire.socket.close()
    while running.call(lambda: any(c.subscriptions for c in running.hub.clients)):
        pass


def test_who_does_not_read_is_spared_and_nobody_waits_for_it(running):
    deaf = Wire("slip", running.port)
    deaf.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    deaf.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            deaf.socket.send(deaf.framing.wrap([Message("/list", ())] * 50))
    other = Wire("length", running.port)
    for number in range(50):
        other.send("/ping", number)
        assert other.wait("/pong")[0] == number
    deaf.socket.close()
    other.socket.close()


def test_a_shell_is_answered_after_it_has_said_all(running):
    with socket.create_connection(("127.0.0.1", running.port), WAIT_SECONDS) as shell:
        shell.sendall(b"/ping 7")
        shell.shutdown(socket.SHUT_WR)
        assert shell.makefile().read().startswith("/pong 7 ")


def test_a_length_beyond_bounds_ends_the_connection(running):
    with socket.create_connection(("127.0.0.1", running.port), WAIT_SECONDS) as wire:
        wire.sendall(struct.pack(">I", 1 << 24))
        answer = b"".join(iter(lambda: wire.recv(65_536), b""))
        assert b"bad_packet" in answer


def test_a_bundle_over_tcp_keeps_its_time(running):
    wire = Wire("slip", running.port)
    packet = codec.encode_bundle([Message("/cue/1/go"), Message("/cue/2/go")])
    wire.socket.sendall(b"\xc0" + packet.replace(b"\xdb", b"\xdb\xdd").replace(b"\xc0", b"\xdb\xdc") + b"\xc0")
    running.engine.wait_for(2)
    assert running.engine.groups == [[do.GoCue(cue="1"), do.GoCue(cue="2")]]
    wire.socket.close()


@pytest.mark.parametrize(("asked", "begins"), [(None, b"#bundle"), (1, b"#bundle"), (0, b"/")])
def test_who_knows_no_bundles_hears_messages_only(running, asked, begins):
    wire = Wire("udp", running.port)
    if asked is not None:
        wire.send("/client/bundles", asked)
    wire.send("/subscribe", "/strip/*/gain")
    datagrams = [wire.socket.recv(65_536)]
    while codec.parse(datagrams[-1])[-1].messages[-1].address != "/subscribed":
        datagrams.append(wire.socket.recv(65_536))
    assert all(datagram.startswith(begins) for datagram in datagrams)
    told = [m.address for datagram in datagrams for b in codec.parse(datagram) for m in b.messages]
    assert len(told) == len(running.engine.strips) + 1, "nothing is left out either way"
    wire.socket.close()


def test_packets_that_come_at_once_are_done_in_their_order(running):
    wire = Wire("udp", running.port)
    for number in range(200):
        wire.send("/req", number, "/strip/voice/send/hall", -float(number))
    for number in range(200):
        assert wire.wait("/reply/strip/voice/send/hall")[0] == number
    wire.socket.close()
